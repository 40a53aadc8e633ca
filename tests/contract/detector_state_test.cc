#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "contract/inputs.h"
#include "contract/rig.h"
#include "contract/verdict_checks.h"

// What every registered detector promises of its state: whom it belongs to, and that it survives.

namespace anomaly_exporter::contract {
namespace {

const auto kEveryDetector = boost::unit_test::data::make(detector_names());

}  // namespace

BOOST_AUTO_TEST_SUITE(detector_state_test)

BOOST_DATA_TEST_CASE(scoring_changes_nothing, kEveryDetector, name) {
  Rig rig = warmed(name, 60);
  BlockInput input(1);
  input.set_all(99.0F);
  rig.tick(60, input, 0, kAllLanes, [&](const detectors::Tick& tick, const detectors::LearnMask&) {
    const std::string before = rig.saved();
    VerdictColumns again;
    again.resize(1);
    rig.detector().score(tick, again);
    BOOST_TEST(equal_verdicts(rig.out(), again));
    BOOST_TEST(rig.saved() == before);
  });
}

BOOST_DATA_TEST_CASE(touches_active_lanes_only, kEveryDetector, name) {
  constexpr LaneMask kEven = 0x5555555555555555ULL;
  constexpr std::int64_t kTicks = 150;
  Rig together(name, 2);
  Rig alternating(name, 2);
  Rig one_after_the_other(name, 2);
  std::vector<BlockInput> inputs;
  core::Rng rng(10);
  for (std::int64_t t = 0; t < kTicks; ++t) inputs.push_back(mixed_input(2, t, rng));

  std::vector<VerdictColumns> want;
  for (std::int64_t t = 0; t < kTicks; ++t) {
    const BlockInput& input = inputs[static_cast<std::size_t>(t)];
    want.push_back(together.tick(t, input));
    alternating.tick(t, input, 0, kEven);
    alternating.tick(t, input, 0, ~kEven);
    BOOST_REQUIRE(equal_verdicts(want.back(), alternating.out()));
  }
  BOOST_TEST(together.saved() == alternating.saved());

  // A newcomer's history is read after the others have moved on.
  for (const LaneMask lanes : {~kEven, kEven}) {
    for (std::int64_t t = 0; t < kTicks; ++t) {
      const auto at = static_cast<std::size_t>(t);
      one_after_the_other.tick(t, inputs[at], 0, lanes);
      BOOST_REQUIRE(equal_verdicts(want[at], one_after_the_other.out(), lanes));
    }
  }
}

BOOST_DATA_TEST_CASE(leaves_verdicts_of_other_lanes_in_place, kEveryDetector, name) {
  Rig rig = warmed(name, 60);
  rig.out().outcome.assign(kLanes, Outcome::Untrained);
  rig.out().raw.assign(kLanes, -7.0);
  BlockInput input(1);
  input.set_all(100.0F);
  rig.tick(60, input, 0, 0xffULL);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    BOOST_TEST((rig.out().outcome[lane] == Outcome::Scored) == (lane < 8));
    BOOST_TEST((rig.out().raw[lane] >= 0.0) == (lane < 8));
  }
}

BOOST_DATA_TEST_CASE(works_in_a_block_of_few_entities, kEveryDetector, name) {
  constexpr LaneMask kThree = 0b111;
  Rig full(name, 2);
  Rig few(name, 2, 1, small_options(), kSmallWindow, 3);
  core::Rng rng(19);
  for (std::int64_t t = 0; t < 150; ++t) {
    const BlockInput input = mixed_input(2, t, rng);
    full.tick(t, input);
    BOOST_REQUIRE(equal_verdicts(full.out(), few.tick(t, input, 0, kThree), kThree));
  }
}

BOOST_DATA_TEST_CASE(blocks_do_not_influence_each_other, kEveryDetector, name) {
  constexpr std::size_t kBlocks = 3;
  Rig forwards(name, 2, kBlocks);
  Rig backwards(name, 2, kBlocks);
  Rig grown(name, 2, 1);
  grown.detector().resize(kBlocks);
  core::Rng rng(12);
  for (std::int64_t t = 0; t < 120; ++t) {
    std::vector<BlockInput> inputs;
    for (std::size_t block = 0; block < kBlocks; ++block) inputs.push_back(mixed_input(2, t, rng));
    std::vector<VerdictColumns> want;
    for (std::size_t block = 0; block < kBlocks; ++block) {
      want.push_back(forwards.tick(t, inputs[block], block));
    }
    for (std::size_t block = kBlocks; block-- > 0;) {
      BOOST_REQUIRE(equal_verdicts(want[block], backwards.tick(t, inputs[block], block)));
    }
    BOOST_REQUIRE(equal_verdicts(want[0], grown.tick(t, inputs[0])));
  }
}

BOOST_DATA_TEST_CASE(restored_in_mid_stream_it_continues_to_the_bit, kEveryDetector, name) {
  for (const std::int64_t cut : {0, 3, 57, 158}) {
    Rig rig(name, 2);
    auto copy = make_detector(name, small_options(), {.metrics = 2, .window = kSmallWindow});
    copy->resize(1);
    copy->adopt(rig.detector().model());
    VerdictColumns out;
    out.resize(2);
    core::Rng rng(14);
    for (std::int64_t t = 0; t < 300; ++t) {
      if (t == cut) {
        const std::string state = rig.saved();
        core::StateReader reader(state);
        BOOST_REQUIRE(copy->restore(0, reader).ok());
        BOOST_TEST(reader.remaining() == 0U);
      }
      rig.tick(t, mixed_input(2, t, rng), 0, kAllLanes,
               [&](const detectors::Tick& tick, const detectors::LearnMask& mask) {
                 if (t < cut) return;
                 copy->score(tick, out);
                 BOOST_REQUIRE(equal_verdicts(rig.out(), out));
                 copy->learn(tick, mask);
               });
    }
    core::StateWriter writer;
    copy->save(0, writer);
    BOOST_TEST(rig.saved() == writer.bytes());
  }
}

BOOST_DATA_TEST_CASE(a_truncated_state_is_corrupt_and_changes_nothing, kEveryDetector, name) {
  Rig rig = warmed(name, 60);
  const std::string state = rig.saved();
  Rig other = warmed(name, 45, 2);
  const std::string before = other.saved();
  const std::size_t step = std::max<std::size_t>(state.size() / 97, 1);
  for (std::size_t length = 0; length < state.size(); length += step) {
    core::StateReader reader(std::string_view(state).substr(0, length));
    const core::Status status = other.detector().restore(0, reader);
    BOOST_REQUIRE(!status.ok());
    BOOST_TEST((status.error().code == core::ErrorCode::Corrupt));
    BOOST_REQUIRE(other.saved() == before);
  }
}

BOOST_DATA_TEST_CASE(a_state_with_flipped_bits_never_leads_to_bad_numbers, kEveryDetector, name) {
  Rig source = warmed(name, 60);
  const std::string state = source.saved();
  core::Rng rng(15);
  for (int round = 0; round < 200; ++round) {
    std::string damaged = state;
    for (int flips = 0; flips < 3; ++flips) {
      char& byte = damaged[rng.below(damaged.size())];
      byte = static_cast<char>(byte ^ (1 << rng.below(8)));
    }
    Rig rig = warmed(name, 60);
    core::StateReader reader(damaged);
    (void)rig.detector().restore(0, reader);
    for (std::int64_t t = 60; t < 70; ++t) {
      BlockInput input(1);
      input.set_all(100.0F);
      rig.tick(t, input);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if (rig.out().outcome[lane] != Outcome::Scored) continue;
        BOOST_REQUIRE(std::isfinite(rig.out().raw[lane]));
        BOOST_REQUIRE(rig.out().scale[lane] > 0.0F);
      }
    }
  }
}

BOOST_DATA_TEST_CASE(a_state_of_a_newer_version_is_unsupported, kEveryDetector, name) {
  Rig rig = warmed(name, 60);
  std::string state = rig.saved();
  state[1] = '\x7f';
  core::StateReader reader(state);
  const core::Status status = rig.detector().restore(0, reader);
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == core::ErrorCode::Unsupported));
}

BOOST_DATA_TEST_CASE(a_state_of_another_window_is_refused, kEveryDetector, name) {
  if (name == "forecaster") return;  // its state does not depend on the window
  Rig small = warmed(name, 60);
  Rig large(name, 1, 1, detectors::DetectorOptions{}, 1000);
  const std::string state = small.saved();
  core::StateReader reader(state);
  const core::Status status = large.detector().restore(0, reader);
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == core::ErrorCode::Corrupt));
}

BOOST_DATA_TEST_CASE(a_forgotten_lane_starts_anew_and_others_do_not_notice, kEveryDetector, name) {
  Rig rig = warmed(name, 60);
  Rig untouched = warmed(name, 60);
  rig.forget(0, series::bit(5));
  BlockInput input(1);
  input.set_all(100.0F);
  rig.tick(60, input);
  untouched.tick(60, input);
  BOOST_TEST((rig.out().outcome[5] == Outcome::WarmingUp));
  BOOST_TEST(equal_verdicts(rig.out(), untouched.out(), ~series::bit(5)));

  // The next entity in that lane is judged as if it had been there from the start.
  Rig fresh(name);
  for (std::int64_t t = 61; t < 161; ++t) {
    core::Rng rng(static_cast<std::uint64_t>(t));
    BlockInput next(1);
    next.set(0, 5, family_value(3, t, rng));
    if (t == 61) rig.forget(0, series::bit(5));
    rig.tick(t, next);
    fresh.tick(t, next);
    BOOST_REQUIRE(equal_verdicts(rig.out(), fresh.out(), series::bit(5)));
  }
}

BOOST_DATA_TEST_CASE(memory_does_not_grow_with_time, kEveryDetector, name) {
  Rig rig(name, 2);
  core::Rng rng(18);
  BlockInput first(2);
  first.set_all(1.0F);
  rig.tick(0, first);  // some take memory when an entity's first row comes
  const std::size_t before = rig.detector().memory_bytes();
  const std::size_t state = rig.saved().size();
  std::size_t largest_state = state;
  for (std::int64_t t = 1; t < 10'000; ++t) {
    rig.tick(t, mixed_input(2, t, rng));
    if (t % 1000 == 0) largest_state = std::max(largest_state, rig.saved().size());
  }
  BOOST_TEST(rig.detector().memory_bytes() == before);
  BOOST_TEST(largest_state <= state + rig.detector().memory_bytes());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::contract
