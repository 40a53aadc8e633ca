#define BOOST_TEST_DYN_LINK
#include <bit>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "anomaly_exporter/core/checksum.h"
#include "anomaly_exporter/core/rng.h"
#include "contract/inputs.h"
#include "contract/rig.h"
#include "contract/verdict_checks.h"

// What every registered detector promises of its verdicts, whatever it computes.

namespace anomaly_exporter::contract {
namespace {

const auto kEveryDetector = boost::unit_test::data::make(detector_names());
const auto kStatistical = boost::unit_test::data::make(statistical_names());
const auto kOnline = boost::unit_test::data::make(online_names());

}  // namespace

BOOST_AUTO_TEST_SUITE(detector_contract_test)

BOOST_DATA_TEST_CASE(is_made_under_its_registered_name, kEveryDetector, name) {
  Rig rig(name);
  BOOST_TEST(rig.detector().name() == name);
  BOOST_TEST(rig.detector().threshold() > 0.0);
  BOOST_TEST(rig.detector().warmup_samples() > 0U);
}

BOOST_DATA_TEST_CASE(is_deterministic, kEveryDetector, name) {
  Rig a(name, 2);
  Rig b(name, 2);
  core::Rng rng_a(1);
  core::Rng rng_b(1);
  for (std::int64_t t = 0; t < 300; ++t) {
    a.tick(t, mixed_input(2, t, rng_a));
    b.tick(t, mixed_input(2, t, rng_b));
    BOOST_REQUIRE(equal_verdicts(a.out(), b.out()));
  }
  BOOST_TEST(a.saved() == b.saved());
}

BOOST_DATA_TEST_CASE(gives_the_same_bits_on_every_processor, kStatistical, name) {
  const std::map<std::string, std::uint32_t> known = {
      {"zscore", 1240042369U},         {"mad", 1264024252U},        {"iqr", 568182911U},
      {"moving_average", 1950459834U}, {"regression", 3652011268U}, {"seasonal_esd", 38384173U},
  };
  Rig rig(name, 2);
  core::Rng rng(77);
  std::uint32_t checksum = 0;
  for (std::int64_t t = 0; t < 400; ++t) {
    checksum = core::crc32c(bytes_of(rig.tick(t, mixed_input(2, t, rng))), checksum);
  }
  BOOST_REQUIRE(known.contains(name));
  BOOST_TEST(checksum == known.at(name));
}

BOOST_DATA_TEST_CASE(says_no_data_where_there_is_none, kEveryDetector, name) {
  Rig rig = warmed(name, 60);
  BlockInput input(1);
  for (std::size_t lane = 0; lane < kLanes; lane += 2) input.set(0, lane, 100.0F);
  rig.tick(60, input);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    BOOST_TEST((rig.out().outcome[lane] == Outcome::NoData) == (lane % 2 == 1));
  }
}

BOOST_DATA_TEST_CASE(is_silent_in_warm_up_and_speaks_after_it, kStatistical, name) {
  Rig rig(name);
  core::Rng rng(4);
  const auto warmup = static_cast<std::int64_t>(rig.detector().warmup_samples());
  for (std::int64_t t = 0; t < warmup; ++t) {
    BlockInput input(1);
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      input.set(0, lane, family_value(lane % 5, t, rng));
    BOOST_REQUIRE(all_have(rig.tick(t, input), Outcome::WarmingUp));
  }
  BlockInput input(1);
  input.set_all(1.0F);
  BOOST_TEST(all_have(rig.tick(warmup, input), Outcome::Scored));
}

BOOST_DATA_TEST_CASE(does_not_warm_up_on_values_it_may_not_learn, kStatistical, name) {
  Rig rig(name);
  for (std::int64_t t = 0; t < 100; ++t) {
    BlockInput input(1);
    input.set_all(static_cast<float>(t % 7));
    input.learn[0] = 0;
    BOOST_REQUIRE(all_have(rig.tick(t, input), Outcome::WarmingUp));
  }
}

BOOST_DATA_TEST_CASE(warms_up_again_after_a_gap_longer_than_its_window, kStatistical, name) {
  Rig rig = warmed(name, 60);
  for (std::int64_t t = 60; t < 60 + static_cast<std::int64_t>(kSmallWindow); ++t) {
    BOOST_REQUIRE(all_have(rig.tick(t, BlockInput(1)), Outcome::NoData));
  }
  BlockInput input(1);
  input.set_all(100.0F);
  BOOST_TEST(all_have(rig.tick(60 + kSmallWindow, input), Outcome::WarmingUp));
}

BOOST_DATA_TEST_CASE(judges_by_the_past_only, kOnline, name) {
  Rig a = warmed(name, 60);
  Rig b = warmed(name, 60);
  BlockInput near(1);
  near.set_all(100.5F);
  BlockInput far(1);
  far.set_all(1e9F);
  a.tick(60, near);
  b.tick(60, far);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    BOOST_TEST(a.out().expected[lane] == b.out().expected[lane]);
    BOOST_TEST(a.out().scale[lane] == b.out().scale[lane]);
    BOOST_TEST(a.out().raw[lane] < b.out().raw[lane]);
  }
}

BOOST_DATA_TEST_CASE(value_is_expected_plus_or_minus_scale_times_raw, kStatistical, name) {
  Rig rig(name, 2);
  core::Rng rng(6);
  std::size_t scored = 0;
  for (std::int64_t t = 0; t < 300; ++t) {
    const BlockInput input = mixed_input(2, t, rng);
    const VerdictColumns& out = rig.tick(t, input);
    for (std::size_t i = 0; i < lane_count(out); ++i) {
      if (out.outcome[i] != Outcome::Scored) continue;
      ++scored;
      const double distance =
          std::abs(static_cast<double>(input.values[i]) - static_cast<double>(out.expected[i]));
      BOOST_REQUIRE_EQUAL(out.raw[i], distance / static_cast<double>(out.scale[i]));
      BOOST_REQUIRE_EQUAL(out.share[i], 1.0F);
    }
  }
  BOOST_TEST(scored > 10'000U);
}

BOOST_DATA_TEST_CASE(numbers_stay_finite_on_any_finite_input, kEveryDetector, name) {
  Rig rig(name);
  core::Rng rng(8);
  std::size_t failed = 0;
  std::size_t scored = 0;
  for (std::int64_t t = 0; t < 2000; ++t) {
    BlockInput input(1);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      // Any bit pattern that is a finite float, in runs of the largest ones too.
      const auto bits = static_cast<std::uint32_t>(rng.next());
      float value = std::bit_cast<float>(bits);
      if (!std::isfinite(value)) value = std::numeric_limits<float>::max();
      if (lane % 8 == 0) value = std::copysign(std::numeric_limits<float>::max(), value);
      input.set(0, lane, value, rng.below(9) != 0);
    }
    const VerdictColumns& out = rig.tick(t, input);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      failed += out.outcome[lane] == Outcome::Failed ? 1U : 0U;
      if (out.outcome[lane] != Outcome::Scored) continue;
      ++scored;
      BOOST_REQUIRE(std::isfinite(out.raw[lane]));
      BOOST_REQUIRE(out.raw[lane] >= 0.0);
      BOOST_REQUIRE(std::isfinite(out.expected[lane]));
      BOOST_REQUIRE(std::isfinite(out.scale[lane]));
      BOOST_REQUIRE(out.scale[lane] > 0.0F);
    }
  }
  BOOST_TEST(scored > 50'000U);
  BOOST_TEST(failed < scored / 2);
}

BOOST_DATA_TEST_CASE(absent_values_are_never_read, kEveryDetector, name) {
  Rig a(name);  // absent values are NaN
  Rig b(name);
  b.set_poison(1e30F);
  core::Rng rng_a(9);
  core::Rng rng_b(9);
  for (std::int64_t t = 0; t < 200; ++t) {
    const BlockInput input = mixed_input(1, t, rng_a);
    a.tick(t, input);
    b.tick(t, mixed_input(1, t, rng_b));
    BOOST_REQUIRE(equal_verdicts(a.out(), b.out()));
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (a.out().outcome[lane] == Outcome::Scored) BOOST_REQUIRE(std::isfinite(a.out().raw[lane]));
    }
  }
}

BOOST_DATA_TEST_CASE(a_constant_series_raises_nothing, kOnline, name) {
  for (const float value :
       {0.0F, 0.1F, -3.5e7F, 1e-30F, 16777217.0F, std::numeric_limits<float>::max(),
        -std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
    Rig rig(name);
    BlockInput input(1);
    input.set_all(value);
    for (std::int64_t t = 0; t < 200; ++t) {
      const VerdictColumns& out = rig.tick(t, input);
      if (t < static_cast<std::int64_t>(rig.detector().warmup_samples())) continue;
      BOOST_REQUIRE(all_have(out, Outcome::Scored));
      BOOST_REQUIRE_EQUAL(out.raw[0], 0.0);
      BOOST_REQUIRE_EQUAL(out.expected[0], value);
    }
  }
}

BOOST_DATA_TEST_CASE(leaving_a_constant_is_scored_with_the_floor, kStatistical, name) {
  struct Case {
    float constant;
    float floor;
    float value;
    double raw;
  };
  for (const Case& c :
       {Case{0.0F, 1.0F, 5.0F, 5.0}, Case{100.0F, 0.5F, 98.0F, 4.0},
        Case{1e6F, 0.0F, 1e6F + 1000.0F, 1000.0}, Case{1e6F, 0.0F, 1e6F + 0.0625F, 0.0625}}) {
    Rig rig(name);
    rig.set_floor(c.floor);
    BlockInput input(1);
    input.set_all(c.constant);
    for (std::int64_t t = 0; t < 100; ++t) rig.tick(t, input);
    BlockInput left(1);
    left.set_all(c.value);
    const VerdictColumns& out = rig.tick(100, left);
    BOOST_REQUIRE(all_have(out, Outcome::Scored));
    BOOST_TEST(out.raw[0] == c.raw, boost::test_tools::tolerance(1e-6));
  }
}

BOOST_DATA_TEST_CASE(scores_do_not_change_with_the_unit, kStatistical, name) {
  Rig plain(name);
  Rig scaled(name);
  core::Rng rng(16);
  for (std::int64_t t = 0; t < 300; ++t) {
    BlockInput a(1);
    BlockInput b(1);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = family_value(lane % 5, t, rng);
      a.set(0, lane, value);
      b.set(0, lane, value * 1024.0F);
    }
    plain.tick(t, a);
    scaled.tick(t, b);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (plain.out().outcome[lane] != Outcome::Scored) continue;
      if (plain.out().scale[lane] < 1e-6F) continue;  // the absolute floor has a unit
      BOOST_REQUIRE_EQUAL(plain.out().raw[lane], scaled.out().raw[lane]);
      BOOST_REQUIRE_EQUAL(plain.out().expected[lane] * 1024.0F, scaled.out().expected[lane]);
    }
  }
}

BOOST_DATA_TEST_CASE(scores_do_not_change_with_the_level, kStatistical, name) {
  Rig plain(name);
  Rig shifted(name);
  core::Rng rng(17);
  for (std::int64_t t = 0; t < 300; ++t) {
    BlockInput a(1);
    BlockInput b(1);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      // Multiples of 1/256 below 64: the shifted value is exact.
      const float value = static_cast<float>(std::round(bell(rng) * 1024.0) / 256.0);
      a.set(0, lane, value);
      b.set(0, lane, value + 4096.0F);
    }
    plain.tick(t, a);
    shifted.tick(t, b);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (plain.out().outcome[lane] != Outcome::Scored) continue;
      // Expectations near 4096 are stored to 1/2048; the spread is 4.
      BOOST_REQUIRE_SMALL(plain.out().raw[lane] - shifted.out().raw[lane], 1e-3);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::contract
