#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/series/profiles.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace anomaly_exporter::series {
namespace {

constexpr std::int64_t kStepMs = Profiles::kStep.count();
/// A Thursday at 00:00 UTC.
constexpr core::Timestamp kStart{2900LL * 7 * 24 * 3600 * 1000};

core::Timestamp half_hour(std::int64_t n) { return {kStart.ms + n * kStepMs}; }

std::optional<float> step(const Profiles& profiles, std::int64_t n, Row row = 0) {
  float mean = 0;
  if (!profiles.step(row, half_hour(n), mean)) return std::nullopt;
  return mean;
}

struct Usual {
  float centre = 0;
  float scale = 0;
};
std::optional<Usual> usual(const Profiles& profiles, std::int64_t n, Row row = 0) {
  Usual u;
  if (!profiles.usual(row, half_hour(n), u.centre, u.scale)) return std::nullopt;
  return u;
}

std::string saved(const Profiles& profiles, Row row = 0) {
  core::StateWriter out;
  profiles.save(row, out);
  return out.take();
}

bool restores(Profiles& profiles, std::string_view bytes, Row row = 0) {
  core::StateReader in(bytes);
  const auto status = profiles.restore(row, in);
  if (!status) BOOST_TEST((status.error().code == core::ErrorCode::Corrupt));
  return status.ok();
}

/// Two weeks and a half of values every minute: a daily wave.
void observe_weeks(Profiles& profiles, Row row) {
  for (std::int64_t minute = 0; minute < 17 * 24 * 60; ++minute) {
    const auto phase = static_cast<float>(minute % 1440) / 1440 * 6.2831853F;
    profiles.observe(row, {kStart.ms + minute * 60'000}, 100 + 50 * std::sin(phase));
  }
}

struct Fixture {
  Fixture() { profiles.resize(kLanes); }
  Profiles profiles;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(profiles_test, Fixture)

BOOST_AUTO_TEST_CASE(holds_nothing_at_first) {
  BOOST_TEST(!step(profiles, 0).has_value());
  BOOST_TEST(!usual(profiles, 0).has_value());
  BOOST_TEST(profiles.rows() == kLanes);
}

BOOST_AUTO_TEST_CASE(a_half_hour_shows_its_mean_once_it_is_over) {
  profiles.observe(0, half_hour(0), 10);
  profiles.observe(0, half_hour(0) + std::chrono::minutes(10), 20);
  profiles.observe(0, half_hour(0) + std::chrono::minutes(29), 60);
  BOOST_TEST(!step(profiles, 0).has_value());
  profiles.observe(0, half_hour(1), 1);
  BOOST_TEST(step(profiles, 0).value() == 30.0F);
  BOOST_TEST(!step(profiles, 1).has_value());
  BOOST_TEST(!step(profiles, 0, 1).has_value());  // another row
}

BOOST_AUTO_TEST_CASE(keeps_the_last_fourteen_days) {
  constexpr auto kSteps = static_cast<std::int64_t>(Profiles::kSteps);
  for (std::int64_t n = 0; n <= kSteps + 10; ++n) {
    profiles.observe(0, half_hour(n), static_cast<float>(n));
  }
  for (std::int64_t n = 0; n <= kSteps + 10; ++n) {
    const bool is_held = n >= 10 && n < kSteps + 10;
    BOOST_REQUIRE_EQUAL(step(profiles, n).has_value(), is_held);
    if (is_held) BOOST_REQUIRE_CLOSE(*step(profiles, n), static_cast<float>(n), 0.1);
  }
}

BOOST_AUTO_TEST_CASE(a_gap_leaves_holes_and_not_old_values) {
  for (std::int64_t n = 0; n < 700; ++n) profiles.observe(0, half_hour(n), 1);
  profiles.observe(0, half_hour(720), 2);
  profiles.observe(0, half_hour(721), 2);
  BOOST_TEST(step(profiles, 699).has_value());
  for (std::int64_t n = 700; n < 720; ++n) BOOST_TEST(!step(profiles, n).has_value());
  BOOST_TEST(step(profiles, 720).value() == 2.0F);
  profiles.observe(0, half_hour(5000), 3);  // longer than the ring
  profiles.observe(0, half_hour(5001), 3);
  for (std::int64_t n = 4999; n > 4999 - 672; --n) BOOST_TEST(!step(profiles, n).has_value());
  BOOST_TEST(step(profiles, 5000).value() == 3.0F);
}

BOOST_AUTO_TEST_CASE(agrees_with_a_map_over_random_fills_and_observations) {
  std::mt19937 random(11);
  std::map<std::int64_t, float> model;
  std::int64_t open = 1000;
  std::int64_t newest = 0;
  profiles.observe(0, half_hour(open), 5);
  for (int i = 0; i < 5000; ++i) {
    const auto value = static_cast<float>(random() % 2000);  // exact in half precision
    if (random() % 3 == 0) {
      // Only one value per half hour, so the mean is known: 5 for each.
      if (newest < open) newest = open;
      if (newest - open < 672) model.emplace(open, 5.0F);
      open += 1 + static_cast<std::int64_t>(random() % 3);
      profiles.observe(0, half_hour(open), 5);
    } else {
      const std::int64_t n = open - 700 + static_cast<std::int64_t>(random() % 700);
      profiles.fill(0, half_hour(n), value);
      if (n > newest) newest = n;
      if (n < open && newest - n < 672) model.emplace(n, value);
    }
    model.erase(model.begin(), model.lower_bound(newest - 671));
    for (int look = 0; look < 20; ++look) {
      const std::int64_t n = open - 720 + static_cast<std::int64_t>(random() % 725);
      const auto found = step(profiles, n);
      BOOST_REQUIRE_EQUAL(found.has_value(), model.count(n) != 0);
      if (found) BOOST_REQUIRE_EQUAL(*found, model[n]);
    }
  }
}

BOOST_AUTO_TEST_CASE(whoever_brings_a_half_hour_first_stays) {
  profiles.observe(0, half_hour(10), 7);
  profiles.fill(0, half_hour(10), 99);  // the open one
  profiles.observe(0, half_hour(11), 7);
  BOOST_TEST(step(profiles, 10).value() == 7.0F);
  profiles.fill(0, half_hour(10), 99);
  BOOST_TEST(step(profiles, 10).value() == 7.0F);
  profiles.fill(0, half_hour(12), 4);  // before it is observed
  profiles.observe(0, half_hour(12), 99);
  profiles.observe(0, half_hour(13), 99);
  BOOST_TEST(step(profiles, 12).value() == 4.0F);
}

BOOST_AUTO_TEST_CASE(filling_the_past_equals_observing_it) {
  for (std::int64_t n = 0; n < 600; ++n) {
    const auto mean = static_cast<float>(n % 48);
    profiles.observe(0, half_hour(n), mean);
    profiles.fill(1, half_hour(n), mean);
  }
  profiles.observe(0, half_hour(600), 0);
  for (std::int64_t n = 0; n < 600; ++n) {
    BOOST_REQUIRE_EQUAL(*step(profiles, n, 0), *step(profiles, n, 1));
  }
  for (std::int64_t n = 0; n < 336; ++n) {
    BOOST_REQUIRE_EQUAL(usual(profiles, n, 0)->centre, usual(profiles, n, 1)->centre);
    BOOST_REQUIRE_EQUAL(usual(profiles, n, 0)->scale, usual(profiles, n, 1)->scale);
  }
}

BOOST_AUTO_TEST_CASE(a_repeated_fill_changes_nothing) {
  for (std::int64_t n = 0; n < 50; ++n) profiles.fill(0, half_hour(n), static_cast<float>(n));
  const std::string before = saved(profiles);
  for (std::int64_t n = 0; n < 50; ++n) profiles.fill(0, half_hour(n), 1000);
  BOOST_TEST(saved(profiles) == before);
}

BOOST_AUTO_TEST_CASE(the_usual_level_belongs_to_the_hour_of_the_week) {
  for (std::int64_t n = 0; n < 3 * 336; ++n) {
    profiles.fill(0, half_hour(n), static_cast<float>(n % 336 / 2));  // value = hour of the week
  }
  for (std::int64_t n = 0; n < 336; ++n) {
    const auto u = usual(profiles, n + 40 * 336);  // any later week
    BOOST_REQUIRE(u.has_value());
    BOOST_REQUIRE_SMALL(std::abs(u->centre - static_cast<float>(n / 2)), 0.1F);
    BOOST_REQUIRE_SMALL(u->scale, 0.1F);
  }
}

// Summer time begins in the middle of the fourth week; the pattern follows the local clock.
BOOST_AUTO_TEST_CASE(the_day_after_a_change_of_daylight_saving_is_as_usual) {
  constexpr std::int64_t kChange = 3 * 336 + 3 * 48 + 2;
  const auto offset = [](std::int64_t n) { return std::chrono::hours(n < kChange ? 1 : 2); };
  const auto local_value = [&](std::int64_t n) {
    const std::int64_t local = n + offset(n) / Profiles::kStep;
    return static_cast<float>(local / 2 % 24 * 100);  // a step of 100 every local hour
  };
  for (std::int64_t n = 0; n < kChange + 1; ++n) {
    profiles.observe(0, half_hour(n), local_value(n), offset(n));
    profiles.fill(1, half_hour(n), local_value(n), offset(n));
    profiles.fill(2, half_hour(n), local_value(n));  // in UTC
  }
  for (std::int64_t n = kChange; n < kChange + 48; ++n) {
    float centre = 0;
    float scale = 0;
    BOOST_REQUIRE(profiles.usual(0, half_hour(n), centre, scale, offset(n)));
    BOOST_REQUIRE_SMALL(centre - local_value(n), 2.0F);
    BOOST_REQUIRE(profiles.usual(1, half_hour(n), centre, scale, offset(n)));
    BOOST_REQUIRE_SMALL(centre - local_value(n), 2.0F);
    BOOST_REQUIRE(profiles.usual(2, half_hour(n), centre, scale));
    BOOST_REQUIRE_GT(std::abs(centre - local_value(n)), 80.0F);
  }
  // The ring knows nothing of it.
  for (std::int64_t n = kChange - 300; n < kChange; ++n) {
    BOOST_REQUIRE_SMALL(step(profiles, n).value() - local_value(n), 2.0F);
  }
}

BOOST_AUTO_TEST_CASE(offsets_of_any_size_and_sign_name_an_hour_of_the_week) {
  profiles.fill(0, {0}, 5, std::chrono::hours(-5));  // Wednesday 19:00 local
  float centre = 0;
  float scale = 0;
  BOOST_TEST(profiles.usual(0, {0}, centre, scale, std::chrono::hours(-5)));
  BOOST_TEST(profiles.usual(0, {0}, centre, scale, std::chrono::hours(168 - 5)));
  BOOST_TEST(profiles.usual(0, {0}, centre, scale, std::chrono::hours(-168 - 5)));
  BOOST_TEST(!profiles.usual(0, {0}, centre, scale));
  for (const std::int64_t ms :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    (void)profiles.usual(0, {0}, centre, scale, core::Duration(ms));
  }
}

BOOST_AUTO_TEST_CASE(a_new_week_weighs_three_tenths) {
  profiles.fill(0, half_hour(0), 100);
  BOOST_TEST(usual(profiles, 0)->centre == 100.0F);
  BOOST_TEST(usual(profiles, 0)->scale == 0.0F);
  BOOST_TEST(!usual(profiles, 2).has_value());
  profiles.fill(0, half_hour(1), 100);
  profiles.fill(0, half_hour(336), 200);
  profiles.fill(0, half_hour(337), 200);
  BOOST_TEST(usual(profiles, 0)->centre == 130.0F, boost::test_tools::tolerance(0.002F));
  // Deviations 100 and 83.67 from the levels before, each with 1 - sqrt(0.7).
  BOOST_TEST(usual(profiles, 0)->scale == 27.33F, boost::test_tools::tolerance(0.005F));
}

BOOST_AUTO_TEST_CASE(values_of_all_sizes_are_right_to_a_thousandth_of_the_largest) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const std::vector<std::vector<float>> rows = {
      {1, 1000, 65504, 65505, 1e6F, 1e9F, 1e20F, kMax, -kMax, 1},
      {kMax, 0, 1, -kMax},
      {0, 0, 1e-30F, 2e-30F, -3e-30F},
      {0, 1e-44F, 3e-45F},
      {1e-6F, 1e-7F, 5e-5F, 1e-3F, 42},
      {-0.001F, 0.002F, 123456.7F, -98765.4F}};
  for (const auto& values : rows) {
    profiles.forget(0);
    float largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      largest = std::max(largest, std::abs(values[i]));
      profiles.fill(0, half_hour(static_cast<std::int64_t>(i)), values[i]);
      for (std::size_t k = 0; k <= i; ++k) {
        const auto stored = step(profiles, static_cast<std::int64_t>(k));
        BOOST_REQUIRE(stored.has_value());
        BOOST_REQUIRE(std::isfinite(*stored));
        const double error =
            std::abs(static_cast<double>(*stored) - static_cast<double>(values[k]));
        BOOST_REQUIRE_LE(error, 0.001 * static_cast<double>(largest));
      }
      const auto u = usual(profiles, static_cast<std::int64_t>(i));
      BOOST_REQUIRE(u.has_value());
      BOOST_REQUIRE(std::isfinite(u->centre) && std::isfinite(u->scale) && u->scale >= 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_clock_that_steps_back_is_ignored_until_time_has_caught_up) {
  profiles.observe(0, half_hour(10), 1);
  profiles.observe(0, half_hour(8), 1000);
  profiles.observe(0, half_hour(10), 3);
  profiles.observe(0, half_hour(11), 5);
  BOOST_TEST(step(profiles, 10).value() == 2.0F);
  BOOST_TEST(!step(profiles, 8).has_value());
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_a_year_ahead_does_not_silence_the_row_for_a_year) {
  profiles.observe(0, half_hour(10 + 365 * 48), 1);
  profiles.observe(0, half_hour(10), 2);
  profiles.observe(0, half_hour(11), 2);
  BOOST_TEST(step(profiles, 10).value() == 2.0F);
}

BOOST_AUTO_TEST_CASE(times_out_of_range_are_ignored) {
  for (const std::int64_t ms : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
                                std::numeric_limits<std::int64_t>::max()}) {
    float value = 0;
    profiles.observe(0, {ms}, 1);
    profiles.fill(0, {ms}, 1);
    BOOST_TEST(!profiles.step(0, {ms}, value));
    BOOST_TEST(!profiles.usual(0, {ms}, value, value));
  }
  float mean = 0;
  profiles.fill(0, {0}, 5);  // the first half hour of 1970 counts
  BOOST_TEST(profiles.step(0, {0}, mean));
}

BOOST_AUTO_TEST_CASE(forgetting_a_row_leaves_the_others) {
  observe_weeks(profiles, 0);
  observe_weeks(profiles, 1);
  const std::string other = saved(profiles, 1);
  profiles.forget(0);
  profiles.forget(63);  // never written
  BOOST_TEST(!usual(profiles, 0, 0).has_value());
  BOOST_TEST(saved(profiles, 1) == other);
}

BOOST_AUTO_TEST_CASE(only_rows_that_are_written_take_memory) {
  profiles.resize(100 * kLanes);
  const std::size_t before = profiles.memory_bytes();
  profiles.observe(64, half_hour(0), 1);
  BOOST_TEST(profiles.memory_bytes() - before == 2040U);
  for (Row row = 0; row < kLanes; ++row) profiles.observe(row, half_hour(0), 1);
  BOOST_TEST(profiles.memory_bytes() - before == 2040U * 65);
}

BOOST_AUTO_TEST_CASE(continues_equally_after_save_and_restore) {
  observe_weeks(profiles, 3);
  Profiles copy;
  copy.resize(kLanes);
  BOOST_REQUIRE(restores(copy, saved(profiles, 3), 5));
  const core::Timestamp later = kStart + std::chrono::hours(17 * 24);
  for (std::int64_t minute = 0; minute < 2000; ++minute) {
    const core::Timestamp time{later.ms + minute * 60'000};
    profiles.observe(3, time, static_cast<float>(minute));
    copy.observe(5, time, static_cast<float>(minute));
  }
  BOOST_TEST(saved(copy, 5) == saved(profiles, 3));
}

BOOST_AUTO_TEST_CASE(an_empty_row_restores_to_an_empty_row) {
  observe_weeks(profiles, 0);
  BOOST_REQUIRE(restores(profiles, saved(profiles, 9), 0));
  BOOST_TEST(!usual(profiles, 0).has_value());
}

BOOST_AUTO_TEST_CASE(refuses_every_truncation_and_stays_as_it_was) {
  observe_weeks(profiles, 0);
  const std::string bytes = saved(profiles);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    BOOST_REQUIRE(!restores(profiles, std::string_view(bytes).substr(0, size)));
  }
  BOOST_TEST(saved(profiles) == bytes);
}

BOOST_AUTO_TEST_CASE(refuses_values_that_make_no_sense) {
  observe_weeks(profiles, 0);
  const std::string good = saved(profiles);
  const auto with = [&](std::size_t at, const std::string& bytes) {
    std::string bad = good;
    return bad.replace(at, bytes.size(), bytes);
  };
  // version u8, content u8, newest u32, open u32, sum f64, count u32, exponent u16, count u64,
  // cells
  constexpr std::size_t kCells = 1 + 1 + 4 + 4 + 8 + 4 + 2 + 8;
  constexpr std::size_t kScales = kCells + 2 * (Profiles::kSteps + Profiles::kHours);
  BOOST_TEST(!restores(profiles, with(0, "\x02")));                               // version
  BOOST_TEST(!restores(profiles, with(1, "\x02")));                               // content flag
  BOOST_TEST(!restores(profiles, with(2, "\xff\xff\xff\xff")));                   // newest
  BOOST_TEST(!restores(profiles, with(6, "\xff\xff\xff\x7f")));                   // open
  BOOST_TEST(!restores(profiles, with(10, "\xff\xff\xff\xff\xff\xff\xff\x7f")));  // sum
  BOOST_TEST(!restores(profiles, with(22, "\xff\x7f")));                          // exponent
  BOOST_TEST(!restores(profiles, with(24, "\x01")));                              // count of cells
  BOOST_TEST(!restores(profiles, with(kCells, std::string("\x00\x02", 2))));      // infinity
  BOOST_TEST(!restores(profiles, with(kScales, std::string("\x00\xc6", 2))));     // negative spread
  // A spread without its level.
  BOOST_TEST(!restores(profiles, with(kScales - 2 * Profiles::kHours, std::string("\0\0", 2))));
  BOOST_TEST(saved(profiles) == good);
  BOOST_TEST(restores(profiles, good));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
