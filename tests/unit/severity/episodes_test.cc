#include "anomaly_exporter/severity/episodes.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <ostream>

namespace anomaly_exporter::severity {

inline std::ostream& operator<<(std::ostream& out, Level level) { return out << to_string(level); }
inline std::ostream& operator<<(std::ostream& out, Suppression reason) {
  return out << to_string(reason);
}

namespace {

constexpr core::Timestamp kStart{1'700'000'000'000};
constexpr Level kNone = Level::None, kInfo = Level::Info, kWarning = Level::Warning,
                kCritical = Level::Critical;

/// One row whose clock is the test's: ticks of 10 s.
struct Bench {
  Bench() {
    episodes.resize(1);
    policy.threshold = 0.6;
  }

  /// The next tick.
  Step tick(Level level, double score, std::uint32_t detectors = 0) {
    return tick({.level = level, .score = score, .hold = score, .detectors = detectors});
  }
  Step tick(const Observation& seen) {
    now = now + std::chrono::seconds(10);
    return episodes.advance(0, now, policy, seen);
  }
  Step calm() { return tick(kNone, 0.1); }
  Step limit() {
    return tick(Observation{.level = kCritical, .is_limit = true, .score = 0.1, .hold = 0.1});
  }
  Step absent() {
    now = now + std::chrono::seconds(10);
    return episodes.advance_without_sample(0, now, policy);
  }
  /// Ticks until the row has no level.
  int ticks_to_close() {
    int ticks = 0;
    while (level() != kNone && ticks < 1000) (void)calm(), ++ticks;
    return ticks;
  }
  Level level() const { return episodes.level(0); }

  core::Timestamp now = kStart;
  Policy policy;
  Episodes episodes;
};

BOOST_AUTO_TEST_SUITE(episodes_test)

BOOST_AUTO_TEST_CASE(info_and_warning_open_at_the_second_tick_and_critical_at_the_first) {
  for (const Level level : {kInfo, kWarning}) {
    Bench bench;
    BOOST_TEST(bench.tick(level, 0.7).entered == kNone);
    BOOST_TEST(bench.level() == kNone);
    BOOST_TEST(bench.tick(level, 0.7).entered == level);
    BOOST_TEST(bench.level() == level);
    BOOST_TEST((bench.episodes.onset(0) == kStart + std::chrono::seconds(10)));
    BOOST_TEST((bench.episodes.opened(0) == kStart + std::chrono::seconds(20)));
  }
  Bench bench;
  BOOST_TEST(bench.tick(kCritical, 0.95).entered == kCritical);
}

BOOST_AUTO_TEST_CASE(what_ends_before_it_has_lasted_is_counted_and_never_opens) {
  Bench bench;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(bench.tick(kWarning, 0.8).entered == kNone);
    const Step step = bench.calm();
    BOOST_TEST_REQUIRE(step.suppressed.has_value());
    BOOST_TEST(*step.suppressed == Suppression::For);
    BOOST_TEST(bench.episodes.is_at_rest(0));
  }
}

BOOST_AUTO_TEST_CASE(critical_waits_as_long_as_it_is_told_and_opens_lower_meanwhile) {
  Bench bench;
  bench.policy.options.for_ticks = 2;
  bench.policy.options.critical_for_ticks = 4;
  BOOST_TEST(bench.tick(kCritical, 0.95).entered == kNone);
  BOOST_TEST(bench.tick(kCritical, 0.95).entered == kWarning);
  BOOST_TEST(bench.tick(kCritical, 0.95).entered == kNone);
  BOOST_TEST(bench.tick(kCritical, 0.95).entered == kCritical);
}

BOOST_AUTO_TEST_CASE(a_crossed_limit_waits_for_nothing) {
  Bench bench;
  bench.policy.options.critical_for_ticks = 100;
  bench.policy.options.cooldown = std::chrono::hours(1);
  BOOST_TEST(bench.limit().entered == kCritical);
  bench.policy.options.keep_firing_for = core::Duration(0);
  (void)bench.calm();
  BOOST_TEST(bench.level() == kNone);
  BOOST_TEST(bench.limit().entered == kCritical);
}

BOOST_AUTO_TEST_CASE(while_open_the_level_only_rises_and_rises_are_told) {
  Bench bench;
  (void)bench.tick(kInfo, 0.65);
  BOOST_TEST(bench.tick(kInfo, 0.65).entered == kInfo);
  BOOST_TEST(bench.tick(kWarning, 0.8).entered == kWarning);
  BOOST_TEST(bench.tick(kInfo, 0.65).entered == kNone);
  BOOST_TEST(bench.level() == kWarning);
  BOOST_TEST(bench.tick(kCritical, 0.95).entered == kCritical);
  BOOST_TEST(bench.tick(kCritical, 0.97).entered == kNone);
  BOOST_TEST(bench.tick(kInfo, 0.65).entered == kNone);
  BOOST_TEST(bench.level() == kCritical);
  BOOST_TEST(bench.episodes.peak_score(0) == 0.97F);
}

BOOST_AUTO_TEST_CASE(it_closes_two_minutes_after_the_last_tick_that_held_it) {
  Bench bench;
  (void)bench.tick(kWarning, 0.8);
  (void)bench.tick(kWarning, 0.8);
  for (int i = 0; i < 11; ++i) (void)bench.calm();
  BOOST_TEST(bench.level() == kWarning);
  (void)bench.tick(kInfo, 0.65);  // begins the two minutes anew
  BOOST_TEST(bench.ticks_to_close() == 12);
  BOOST_TEST(bench.episodes.is_at_rest(0));
  BOOST_TEST(bench.episodes.onset(0).ms == 0);
}

BOOST_AUTO_TEST_CASE(keep_firing_for_is_a_time_whatever_the_interval) {
  Bench bench;
  (void)bench.tick(kCritical, 0.95);
  bench.now = bench.now + std::chrono::minutes(1);
  (void)bench.calm();
  BOOST_TEST(bench.level() == kCritical);
  bench.now = bench.now + std::chrono::minutes(1);
  (void)bench.calm();
  BOOST_TEST(bench.level() == kNone);
}

BOOST_AUTO_TEST_CASE(a_score_within_the_hysteresis_holds_and_one_below_does_not) {
  Bench bench;
  (void)bench.tick(kWarning, 0.8);
  BOOST_TEST(bench.tick(kNone, 0.5).entered == kWarning);  // 0.6 - 0.1 holds the onset, too
  for (int i = 0; i < 100; ++i) (void)bench.tick(kNone, 0.5);
  BOOST_TEST(bench.level() == kWarning);
  for (int i = 0; i < 12; ++i) (void)bench.tick(kNone, 0.4999);
  BOOST_TEST(bench.level() == kNone);
}

BOOST_AUTO_TEST_CASE(a_large_hysteresis_still_lets_an_episode_end) {
  Bench bench;
  bench.policy.options.hysteresis = 0.9;
  (void)bench.tick(kCritical, 0.95);
  for (int i = 0; i < 30; ++i) (void)bench.tick(kNone, 0.3);
  BOOST_TEST(bench.level() == kCritical);
  for (int i = 0; i < 12; ++i) (void)bench.tick(kNone, 0.29);
  BOOST_TEST(bench.level() == kNone);
}

BOOST_AUTO_TEST_CASE(an_onset_is_held_by_the_state_that_follows_it) {
  Bench bench;
  bench.policy.hold_share = 0.5;
  (void)bench.tick({.level = kWarning, .score = 0.8, .hold = 0.1});
  BOOST_TEST(bench.tick({.score = 0.2, .hold = 0.2}).entered == kWarning);
  for (int i = 0; i < 50; ++i) (void)bench.tick({.score = 0.11, .hold = 0.11});
  BOOST_TEST(bench.level() == kWarning);  // half of the largest state, 0.2
  for (int i = 0; i < 12; ++i) (void)bench.tick({.score = 0.09, .hold = 0.09});
  BOOST_TEST(bench.level() == kNone);
}

BOOST_AUTO_TEST_CASE(a_limit_is_not_held_by_a_score_that_never_alarmed) {
  Bench bench;
  bench.policy.hold_share = 0.5;
  (void)bench.limit();
  BOOST_TEST(bench.ticks_to_close() == 12);
}

BOOST_AUTO_TEST_CASE(cooldown_delays_the_next_opening_only_and_is_counted_once) {
  Bench bench;
  bench.policy.options.cooldown = std::chrono::minutes(30);
  bench.policy.options.keep_firing_for = core::Duration(0);
  (void)bench.tick(kWarning, 0.8);
  (void)bench.tick(kWarning, 0.8);
  const core::Timestamp opened = bench.now;
  (void)bench.calm();
  BOOST_TEST(bench.level() == kNone);

  int counted = 0;
  while (bench.now - opened < std::chrono::minutes(30) - std::chrono::seconds(10)) {
    const Step step = bench.tick(kWarning, 0.8);
    BOOST_TEST_REQUIRE(step.entered == kNone);
    if (step.suppressed) {
      BOOST_TEST(*step.suppressed == Suppression::Cooldown);
      ++counted;
    }
  }
  BOOST_TEST(counted == 1);
  BOOST_TEST(bench.tick(kWarning, 0.8).entered == kWarning);  // it still holds: opens now
  BOOST_TEST((bench.episodes.opened(0) - opened == std::chrono::minutes(30)));
}

BOOST_AUTO_TEST_CASE(cooldown_delays_neither_a_rise_nor_a_higher_opening_but_a_lower_one) {
  Bench bench;
  bench.policy.options.cooldown = std::chrono::minutes(30);
  bench.policy.options.keep_firing_for = core::Duration(0);
  (void)bench.tick(kInfo, 0.65);
  (void)bench.tick(kInfo, 0.65);
  BOOST_TEST(bench.tick(kWarning, 0.8).entered == kWarning);
  (void)bench.calm();
  BOOST_TEST(bench.level() == kNone);
  (void)bench.tick(kInfo, 0.65);
  BOOST_TEST(bench.tick(kInfo, 0.65).entered == kNone);
  BOOST_TEST(bench.tick(kCritical, 0.95).entered == kCritical);
}

BOOST_AUTO_TEST_CASE(ending_a_delayed_opening_is_not_counted_a_second_time) {
  Bench bench;
  bench.policy.options.cooldown = std::chrono::minutes(30);
  bench.policy.options.keep_firing_for = core::Duration(0);
  (void)bench.tick(kCritical, 0.95);
  (void)bench.calm();
  BOOST_TEST((bench.tick(kCritical, 0.95).suppressed == Suppression::Cooldown));
  BOOST_TEST(!bench.calm().suppressed.has_value());
}

BOOST_AUTO_TEST_CASE(a_muted_row_is_followed_in_silence) {
  Bench bench;
  bench.policy.is_muted = true;
  const Step step = bench.tick(kCritical, 0.95);
  BOOST_TEST(step.entered == kNone);
  BOOST_TEST((step.suppressed == Suppression::Mute));
  BOOST_TEST(bench.level() == kCritical);  // whoever shows it looks at the policy
}

BOOST_AUTO_TEST_CASE(a_missing_sample_neither_holds_nor_breaks) {
  Bench bench;
  (void)bench.tick(kWarning, 0.8);
  (void)bench.absent();
  BOOST_TEST(bench.tick(kWarning, 0.8).entered == kWarning);
  for (int i = 0; i < 11; ++i) (void)bench.absent();
  BOOST_TEST(bench.level() == kWarning);
  (void)bench.absent();
  BOOST_TEST(bench.level() == kNone);

  (void)bench.tick(kWarning, 0.8);  // an onset that nothing follows
  for (int i = 0; i < 11; ++i) BOOST_TEST(!bench.absent().suppressed.has_value());
  BOOST_TEST((bench.absent().suppressed == Suppression::For));
}

BOOST_AUTO_TEST_CASE(detectors_count_from_the_onset_on) {
  Bench bench;
  (void)bench.tick(kWarning, 0.8, 0b001);
  BOOST_TEST(bench.tick(kWarning, 0.8, 0b100).detectors == 0b101U);
}

BOOST_AUTO_TEST_CASE(a_saved_row_goes_on_as_if_nothing_had_happened) {
  for (const int before : {1, 2, 5}) {
    Bench bench;
    bench.policy.options.cooldown = std::chrono::minutes(30);
    for (int i = 0; i < before; ++i) (void)bench.tick(kWarning, 0.8);
    core::StateWriter out;
    bench.episodes.save(0, out);
    Bench other;
    other.policy = bench.policy;
    other.now = bench.now;
    core::StateReader in(out.bytes());
    BOOST_TEST_REQUIRE(other.episodes.restore(0, in).ok());
    BOOST_TEST(in.remaining() == 0U);
    for (const double score : {0.8, 0.5, 0.1, 0.1, 0.95, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1,
                               0.1, 0.1, 0.1, 0.1, 0.1,  0.1, 0.1, 0.1, 0.8, 0.8}) {
      const Level level = score > 0.9 ? kCritical : score >= 0.7 ? kWarning : kNone;
      const Step want = bench.tick(level, score);
      const Step got = other.tick(level, score);
      BOOST_TEST(got.entered == want.entered);
      BOOST_TEST((got.suppressed == want.suppressed));
      BOOST_TEST(other.level() == bench.level());
    }
  }
}

BOOST_AUTO_TEST_CASE(impossible_bytes_are_refused_and_change_nothing) {
  Bench bench;
  (void)bench.tick(kCritical, 0.95);
  core::StateWriter out;
  bench.episodes.save(0, out);
  std::string bytes = out.bytes();
  bytes[bytes.size() - 2] = 4;  // a level
  core::StateReader wrong(bytes);
  BOOST_TEST((bench.episodes.restore(0, wrong).error().code == core::ErrorCode::Corrupt));
  core::StateReader cut(std::string_view(out.bytes()).substr(0, 10));
  BOOST_TEST((bench.episodes.restore(0, cut).error().code == core::ErrorCode::Corrupt));
  bytes[0] = 2;
  core::StateReader newer(bytes);
  BOOST_TEST((bench.episodes.restore(0, newer).error().code == core::ErrorCode::Unsupported));
  BOOST_TEST(bench.level() == kCritical);
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_set_back_does_not_keep_an_episode_open) {
  Bench bench;
  bench.policy.options.cooldown = std::chrono::minutes(1);
  (void)bench.tick(kWarning, 0.8);
  (void)bench.tick(kWarning, 0.8);
  bench.now = kStart - std::chrono::hours(1);
  bench.episodes.set_back(bench.now);
  BOOST_TEST(bench.ticks_to_close() == 12);
  (void)bench.tick(kWarning, 0.8);
  BOOST_TEST(bench.tick(kWarning, 0.8).entered == kWarning);  // the cooldown has passed, too
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::severity
