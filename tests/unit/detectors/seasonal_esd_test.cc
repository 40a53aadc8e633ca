#include "anomaly_exporter/detectors/seasonal_esd.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/series/profiles.h"
#include "anomaly_exporter/series/windows.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr LaneMask kAll = ~LaneMask{0};
constexpr std::size_t kLane = 5;
/// A Monday, 2026-01-05T00:00:00Z.
constexpr core::Timestamp kMonday{1'767'571'200'000};

/// A block of one metric that lives as under the engine: windows, profiles, local time.
class Life {
 public:
  /// Value by lane and local time in hours since kMonday.
  using Pattern = std::function<double(std::size_t lane, double hours)>;

  explicit Life(Pattern pattern, core::Duration interval = std::chrono::minutes(10),
                const SeasonalEsdOptions& options = {})
      : pattern_(std::move(pattern)),
        interval_(interval),
        detector_(SeasonalEsd::create(options, {.metrics = 1, .window = 1000, .interval = interval})
                      .value()),
        windows_(1, 1000),
        values_(kLanes),
        floor_(kLanes, 0.0F) {
    detector_->resize(1);
    windows_.resize(kLanes);
    profiles_.resize(kLanes);
    out_.resize(1);
  }

  Detector& detector() { return *detector_; }
  const VerdictColumns& out() const { return out_; }
  double raw(std::size_t lane = kLane) const { return out_.raw[lane]; }
  bool is_anomaly(std::size_t lane = kLane) const {
    return out_.outcome[lane] == Outcome::Scored && raw(lane) >= detector_->threshold();
  }
  core::Timestamp time() const { return kMonday + interval_ * (index_ + 1); }
  double local_hours() const {
    return core::to_seconds(time() + offset(time()) - kMonday) / 3600.0;
  }

  std::function<core::Duration(core::Timestamp)> offset = [](core::Timestamp) {
    return core::Duration(0);
  };
  /// Second detector that sees the same, from now on.
  Detector* twin = nullptr;

  /// One tick; `change` is added to the value of kLane.
  void tick(double change = 0, bool present = true) {
    const core::Timestamp now = time();
    const double hours = local_hours();
    ++index_;
    const LaneMask lanes = present ? kAll : 0;
    windows_.open(0, index_, kAll);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      values_[lane] = static_cast<float>(pattern_(lane, hours) + (lane == kLane ? change : 0.0));
      if (present) windows_.write(0, 0, lane, index_, values_[lane]);
    }
    Tick tick;
    tick.time = now;
    tick.utc_offset = offset(now);
    tick.index = index_;
    tick.active = kAll;
    tick.values = values_;
    tick.present = {&lanes, 1};
    tick.scale_floor = floor_;
    tick.windows = &windows_;
    tick.profiles = &profiles_;
    detector_->score(tick, out_);
    if (twin != nullptr) {
      VerdictColumns again;
      again.resize(1);
      twin->score(tick, again);
      BOOST_REQUIRE(again.outcome == out_.outcome);
      BOOST_REQUIRE(again.raw == out_.raw);
      BOOST_REQUIRE(again.expected == out_.expected);
      BOOST_REQUIRE(again.scale == out_.scale);
    }
    if (present) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        profiles_.observe(static_cast<Row>(lane), now, values_[lane], tick.utc_offset);
      }
    }
    const LearnMask mask{{&lanes, 1}};
    detector_->learn(tick, mask);
    if (twin != nullptr) twin->learn(tick, mask);
    windows_.mark_learned(0, 0, index_, lanes);
  }

  void run_until(double hours) {
    while (local_hours() < hours) tick();
  }

  /// Share of rows and ticks at or above the threshold over the next `hours`.
  double alarm_rate(double hours) {
    std::size_t alarms = 0, judged = 0;
    for (const double end = local_hours() + hours; local_hours() < end;) {
      tick();
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        judged += out_.outcome[lane] == Outcome::Scored ? 1U : 0U;
        alarms += is_anomaly(lane) ? 1U : 0U;
      }
    }
    return static_cast<double>(alarms) / static_cast<double>(std::max<std::size_t>(judged, 1));
  }

 private:
  Pattern pattern_;
  core::Duration interval_;
  std::unique_ptr<Detector> detector_;
  series::Windows windows_;
  series::Profiles profiles_;
  std::vector<float> values_, floor_;
  VerdictColumns out_;
  TickIndex index_ = -1;
};

double daily_wave(double hours) { return std::sin(2 * std::numbers::pi * (hours - 6) / 24); }

/// 100 at noon, 20 at midnight, noise of one.
Life::Pattern daily(core::Rng& rng) {
  return [&rng](std::size_t, double hours) { return 60 + 40 * daily_wave(hours) + rng.normal(); };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(seasonal_esd_test)

BOOST_AUTO_TEST_CASE(learns_a_daily_pattern) {
  core::Rng rng(1);
  Life life(daily(rng));
  life.run_until(24 * 8);
  BOOST_TEST(life.alarm_rate(48) < 0.01);
  life.run_until(24 * 12 + 12);
  life.tick();
  BOOST_TEST(std::abs(life.out().expected[kLane] - 100.0F) < 4.0F);
  BOOST_TEST(life.out().scale[kLane] < 4.0F);
}

BOOST_AUTO_TEST_CASE(a_value_ordinary_at_noon_is_found_at_night) {
  core::Rng rng(2);
  Life life(daily(rng));
  life.run_until(24 * 10);
  life.tick(80);  // 100 at midnight
  BOOST_TEST(life.is_anomaly());
  BOOST_TEST(life.raw() > 10.0);
  life.run_until(24 * 10 + 12);
  life.tick(0);
  BOOST_TEST(!life.is_anomaly());
  life.tick(-80);  // 20 at noon
  BOOST_TEST(life.is_anomaly());
}

BOOST_AUTO_TEST_CASE(knows_the_weekend_by_the_hour_of_the_week) {
  core::Rng rng(3);
  Life life([&rng](std::size_t, double hours) {
    const bool weekend = std::fmod(hours, 168) >= 120;
    return 60 + (weekend ? 5 : 40) * daily_wave(hours) + rng.normal();
  });
  life.run_until(24 * 28 + 12);  // a Monday noon: 100
  life.tick();
  BOOST_TEST(!life.is_anomaly());
  life.tick(-35);  // as on a Sunday
  BOOST_TEST(life.is_anomaly());
  life.run_until(24 * 33 + 12);  // Saturday noon: 65
  life.tick();
  BOOST_TEST(!life.is_anomaly());
  life.tick(35);  // as on a Monday
  BOOST_TEST(life.is_anomaly());
}

BOOST_AUTO_TEST_CASE(a_level_shift_is_found_and_accepted_later) {
  core::Rng rng(4);
  Life life(daily(rng));
  life.run_until(24 * 8);
  for (int i = 0; i < 10; ++i) {
    life.tick(30);
    BOOST_REQUIRE(life.is_anomaly());
  }
  for (int i = 0; i < 600; ++i) life.tick(30);  // four days
  std::size_t alarms = 0;
  for (int i = 0; i < 144; ++i) {
    life.tick(30);
    alarms += life.is_anomaly() ? 1U : 0U;
  }
  BOOST_TEST(alarms <= 5U);
}

BOOST_AUTO_TEST_CASE(a_few_anomalies_teach_it_nothing) {
  core::Rng rng(5);
  Life life(daily(rng));
  life.run_until(24 * 8);
  const float scale = life.out().scale[kLane];
  for (int i = 0; i < 10; ++i) life.tick(1000);
  life.tick();
  BOOST_TEST(life.out().scale[kLane] < 1.5F * scale);
  BOOST_TEST(!life.is_anomaly());
}

BOOST_AUTO_TEST_CASE(a_constant_series_scores_zero) {
  for (const double value : {0.0, 1e6, -0.1}) {
    Life life([value](std::size_t, double) { return value; });
    life.run_until(24 * 3);
    BOOST_REQUIRE((life.out().outcome[kLane] == Outcome::Scored));
    for (int i = 0; i < 50; ++i) {
      life.tick();
      BOOST_REQUIRE_EQUAL(life.raw(), 0.0);
    }
  }
}

BOOST_AUTO_TEST_CASE(noise_without_a_season_is_judged_by_its_level) {
  core::Rng rng(6);
  Life life([&rng](std::size_t, double) { return 5 + rng.normal(); });
  life.run_until(24 * 8);
  BOOST_TEST(life.alarm_rate(48) < 0.004);
  life.tick(10);
  BOOST_TEST(life.is_anomaly());
}

BOOST_AUTO_TEST_CASE(waits_for_two_periods) {
  core::Rng rng(7);
  Life life(daily(rng));
  life.run_until(47);
  BOOST_TEST((life.out().outcome[kLane] == Outcome::WarmingUp));
  life.run_until(24 * 3);
  BOOST_TEST((life.out().outcome[kLane] == Outcome::Scored));

  core::Rng other(7);
  Life given(
      [&other](std::size_t, double hours) {
        return 10 * std::sin(2 * std::numbers::pi * hours / 3) + 0.5 * other.normal();
      },
      std::chrono::minutes(5), {.period = std::chrono::hours(3)});
  given.run_until(12);
  BOOST_TEST((given.out().outcome[kLane] == Outcome::Scored));
  given.run_until(48);
  given.tick(8);
  BOOST_TEST(given.is_anomaly());
}

BOOST_AUTO_TEST_CASE(works_where_every_second_half_hour_is_empty) {
  core::Rng rng(8);
  Life life(daily(rng), std::chrono::hours(1));
  life.run_until(24 * 14);
  BOOST_TEST(life.alarm_rate(72) < 0.02);
  life.run_until(24 * 20);
  life.tick(60);
  BOOST_TEST(life.is_anomaly());
}

BOOST_AUTO_TEST_CASE(the_pattern_follows_the_local_clock_over_a_change) {
  core::Rng rng(9);
  Life life(daily(rng));
  const core::Timestamp change = kMonday + std::chrono::hours(24 * 12 + 1);
  life.offset = [change](core::Timestamp t) { return std::chrono::hours(t < change ? 1 : 2); };
  life.run_until(24 * 12);
  BOOST_TEST(life.alarm_rate(24) < 0.01);
  BOOST_TEST(life.alarm_rate(72) < 0.01);  // decomposed anew over both sides of the change
}

BOOST_AUTO_TEST_CASE(continues_to_the_bit_after_a_restart) {
  core::Rng rng(10);
  Life life(daily(rng));
  life.run_until(24 * 4 + 7);
  auto copy =
      SeasonalEsd::create({}, {.metrics = 1, .window = 1000, .interval = std::chrono::minutes(10)})
          .value();
  copy->resize(1);
  core::StateWriter out;
  life.detector().save(0, out);
  core::StateReader in(out.bytes());
  BOOST_REQUIRE(copy->restore(0, in).ok());
  life.twin = copy.get();
  life.run_until(24 * 6);
  core::StateWriter first, second;
  life.detector().save(0, first);
  copy->save(0, second);
  BOOST_TEST(first.bytes() == second.bytes());
}

BOOST_AUTO_TEST_CASE(a_long_gap_starts_the_sample_anew) {
  core::Rng rng(11);
  Life life(daily(rng));
  life.run_until(24 * 8);
  for (std::size_t i = 0; i < SeasonalEsd::kSample; ++i) life.tick(0, false);
  life.tick();
  BOOST_TEST((life.out().outcome[kLane] == Outcome::WarmingUp));
}

BOOST_AUTO_TEST_CASE(refuses_options_out_of_range) {
  using std::chrono::hours;
  using std::chrono::minutes;
  const auto message = [](const SeasonalEsdOptions& options) {
    const core::Status status = options.validate();
    return status.ok() ? std::string() : status.error().message;
  };
  BOOST_TEST(message({}).empty());
  BOOST_TEST(message({.period = hours(168)}).empty());
  BOOST_TEST(message({.period = minutes(30)}) == "period: 1800000ms is not 0 or within 1h to 7d");
  BOOST_TEST(!message({.period = hours(169)}).empty());
  BOOST_TEST(message({.period = minutes(75)}) == "period: 1h15m is not a multiple of 30m");
  BOOST_TEST(!message({.max_anomalies = 0}).empty());
  BOOST_TEST(!message({.max_anomalies = 101}).empty());
  BOOST_TEST(!message({.alpha = 0}).empty());
  BOOST_TEST(!message({.alpha = std::nan("")}).empty());
}

BOOST_AUTO_TEST_CASE(the_threshold_is_the_critical_value_of_its_sample) {
  const auto made = SeasonalEsd::create({}, {}).value();
  BOOST_TEST(made->threshold() == 3.37010, boost::test_tools::tolerance(1e-5));
  BOOST_TEST(made->look_back() == 96U);
}

BOOST_AUTO_TEST_CASE(a_row_takes_less_than_700_bytes) {
  const auto made = SeasonalEsd::create({}, {}).value();
  const std::size_t before = made->memory_bytes();
  made->resize(100);
  BOOST_TEST((made->memory_bytes() - before) / (100 * kLanes) < 700U);
  BOOST_TEST(before < 1'000'000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
