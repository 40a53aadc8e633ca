#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/engine.h"

#include <boost/test/unit_test.hpp>
#include <functional>

#include "anomaly_exporter/app/replay.h"
#include "anomaly_exporter/app/state_store.h"
#include "app_support.h"

namespace anomaly_exporter::app {
namespace {

using Flag = exposition::MonitorSnapshot::Flag;

constexpr core::Timestamp kStart{1'700'000'000'000};
constexpr core::Duration kStep = std::chrono::seconds(10);

core::Timestamp at(std::int64_t tick) { return kStart + kStep * tick; }

support::FakeSource::Value noisy_with_spike(std::int64_t spike_tick) {
  return [=](const std::string& entity, const std::string& metric, core::Timestamp t) {
    const double spike = entity == "a" && metric == "x" && t == at(spike_tick) ? 60 : 0;
    return std::optional<double>(100 + noise(entity, metric, t) + spike);
  };
}

void run(Engine& engine, MonitorState& monitor, support::FakeSource& source, std::int64_t from,
         std::int64_t to) {
  for (std::int64_t k = from; k <= to; ++k) (void)engine.tick(monitor, source, at(k), {});
}

BOOST_AUTO_TEST_SUITE(engine_test)

BOOST_AUTO_TEST_CASE(a_spike_scores_above_the_threshold_and_its_neighbours_do_not) {
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(test_config({"x", "y"}));
  support::FakeSource source({"a", "b"}, noisy_with_spike(800));
  run(engine, *monitor, source, 1, 799);
  const auto row_a_x =
      monitor->table->find(0, (source.latest(monitor->requests, at(1), {})[0])->samples[0].labels)
          .value();
  BOOST_TEST(monitor->results.score[row_a_x] < 0.6);
  run(engine, *monitor, source, 800, 800);
  BOOST_TEST(monitor->results.score[row_a_x] >= 0.6);
  BOOST_TEST(int{monitor->results.level[row_a_x]} == 0);  // it has to hold first
  BOOST_TEST(std::fabs(monitor->results.expected[row_a_x] - 100) < 1);
  for (series::Entity e = 0; e < 2; ++e) {
    for (std::size_t m = 0; m < 2; ++m) {
      const auto row = series::row_of(e, m, 2);
      if (row != row_a_x) BOOST_TEST(monitor->results.score[row] < 0.6);
    }
  }
  BOOST_TEST(monitor->totals.seen_alarms >= 1U);
  run(engine, *monitor, source, 801, 801);
  BOOST_TEST(int{monitor->results.level[row_a_x]} >= 2);  // at least a warning
  run(engine, *monitor, source, 802, 880);
  BOOST_TEST(int{monitor->results.level[row_a_x]} == 0);
}

/// A monitor of one metric under limits: 1 is calm, 10 is beyond them.
struct LimitBench {
  explicit LimitBench(std::function<void(config::MonitorConfig&)> change = [](auto&) {}) {
    auto config = test_config({"x"});
    config.metrics[0].critical.above = 5;
    change(config);
    state = std::make_unique<TestMonitor>(config);
  }
  void tick(double value, std::int64_t k) {
    now = value;
    run(engine, **state, source, k, k);
  }
  int level() const { return (*state)->results.level[0]; }
  std::uint64_t entries(std::size_t level_number) const {
    const std::size_t detectors = (*state)->detectors.size();
    return (*state)->totals.episodes[level_number * (detectors + 1) + detectors];
  }

  double now = 1;
  support::ManualClock clock;
  Engine engine{1, clock};
  support::FakeSource source{{"a"},
                             [this](const std::string&, const std::string&, core::Timestamp) {
                               return std::optional<double>(now);
                             }};
  std::unique_ptr<TestMonitor> state;
};

BOOST_AUTO_TEST_CASE(a_level_stays_for_two_minutes_and_an_episode_is_counted_once) {
  LimitBench bench;
  bench.tick(1, 1);
  bench.tick(10, 2);
  BOOST_TEST(bench.level() == 3);
  BOOST_TEST(bench.entries(3) == 1U);
  for (std::int64_t k = 3; k < 14; ++k) bench.tick(k % 4 == 0 ? 10 : 1, k);
  BOOST_TEST(bench.entries(3) == 1U);
  for (std::int64_t k = 14; k < 24; ++k) {
    bench.tick(1, k);
    BOOST_TEST(bench.level() == 3);
  }
  bench.tick(1, 24);  // two minutes after tick 12
  BOOST_TEST(bench.level() == 0);
}

BOOST_AUTO_TEST_CASE(a_series_without_samples_keeps_its_level_for_a_while) {
  LimitBench bench;
  bench.tick(10, 1);
  bench.source.remove("a");
  for (std::int64_t k = 2; k < 13; ++k) {
    bench.tick(10, k);
    BOOST_TEST(bench.level() == 3);
    BOOST_TEST(int{(*bench.state)->results.flags[0]} == int{Flag::kMissing});
  }
  bench.tick(10, 13);
  BOOST_TEST(bench.level() == 0);
}

BOOST_AUTO_TEST_CASE(an_outage_of_the_source_resolves_nothing) {
  LimitBench bench;
  bench.tick(10, 1);
  bench.source.set_up(false);
  for (std::int64_t k = 2; k < 50; ++k) bench.tick(10, k);
  BOOST_TEST(bench.level() == 3);
  bench.source.set_up(true);
  bench.source.refuse("x");
  for (std::int64_t k = 50; k < 99; ++k) bench.tick(10, k);
  BOOST_TEST(bench.level() == 3);
}

BOOST_AUTO_TEST_CASE(ticks_that_were_seen_before_open_nothing_anew) {
  LimitBench bench;
  for (std::int64_t k = 1; k <= 5; ++k) bench.tick(10, k);
  const core::Timestamp opened = (*bench.state)->episodes.opened(0);
  (*bench.state)->relearn(0);  // as before the history of a newcomer is replayed
  BOOST_TEST(bench.level() == 3);
  for (std::int64_t k = 1; k <= 6; ++k) bench.tick(10, k);
  BOOST_TEST(bench.entries(3) == 1U);
  BOOST_TEST(((*bench.state)->episodes.opened(0) == opened));
}

BOOST_AUTO_TEST_CASE(muted_series_are_scored_and_have_no_severity) {
  LimitBench bench([](config::MonitorConfig& config) {
    const severity::LabelCondition is_a{severity::LabelCondition::Op::Matches, "instance", "a|b"};
    config.mutes = {{{"m", "x", severity::LabelConditions::create({is_a}).value()}, ""}};
  });
  for (std::int64_t k = 1; k <= 30; ++k) bench.tick(10, k);
  MonitorState& monitor = **bench.state;
  BOOST_TEST(bench.level() == 0);
  BOOST_TEST(int{monitor.results.muted[0]} == 1);
  BOOST_TEST((monitor.results.flags[0] & Flag::kScored) != 0);
  BOOST_TEST(bench.entries(3) == 0U);
  const auto mute = static_cast<std::size_t>(severity::Suppression::Mute);
  BOOST_TEST(monitor.totals.suppressed[mute] == 1U);

  auto config = monitor.config;  // a reload unmutes it: the level stands at once, nothing opens
  config.mutes.clear();
  monitor.adopt(config);
  BOOST_TEST(bench.level() == 3);
  BOOST_TEST(int{monitor.results.muted[0]} == 0);
  bench.tick(10, 31);
  BOOST_TEST(bench.entries(3) == 0U);
}

BOOST_AUTO_TEST_CASE(a_reload_of_thresholds_takes_effect_and_keeps_what_is_open) {
  LimitBench bench;
  bench.tick(10, 1);
  MonitorState& monitor = **bench.state;
  const core::Timestamp opened = monitor.episodes.opened(0);
  auto config = monitor.config;
  severity::ThresholdRule rule;
  rule.scope.metric = "x";
  rule.critical_above = 100;
  rule.keep_firing_for = std::chrono::seconds(30);
  config.thresholds = {rule};
  monitor.adopt(config);
  bench.tick(10, 2);
  BOOST_TEST(bench.level() == 3);
  BOOST_TEST((monitor.episodes.opened(0) == opened));
  for (std::int64_t k = 3; k <= 4; ++k) bench.tick(10, k);
  BOOST_TEST(bench.level() == 0);  // 10 is no longer beyond the limit
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_lets_episodes_go_on) {
  LimitBench bench;
  for (std::int64_t k = 1000; k <= 1005; ++k) bench.tick(10, k);
  (*bench.state)->set_back(at(0));
  for (std::int64_t k = 1; k < 12; ++k) bench.tick(1, k);
  BOOST_TEST(bench.level() == 3);
  bench.tick(1, 12);
  BOOST_TEST(bench.level() == 0);
  bench.tick(10, 13);
  BOOST_TEST(bench.entries(3) == 2U);
}

BOOST_AUTO_TEST_CASE(replayed_history_uses_up_no_alarm_budget) {
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(test_config({"x"}));
  support::FakeSource source(
      {"a"}, [](const std::string& e, const std::string& m, core::Timestamp t) {
        const std::int64_t tick = (t - kStart) / kStep;
        const double fault = tick == 390 ? 1000 : tick == 790 ? 1'000'000 : 0;
        return std::optional<double>(50 + fault + noise(e, m, t));
      });
  monitor->counts_episodes = false;
  run(engine, *monitor, source, 1, 400);
  BOOST_TEST(monitor->totals.seen_alarms == 0U);
  BOOST_TEST(monitor->totals.expected_alarms == 0);
  monitor->counts_episodes = true;
  run(engine, *monitor, source, 401, 800);
  BOOST_TEST(monitor->totals.seen_alarms == 1U);
  BOOST_TEST(monitor->totals.expected_alarms > 0);
}

BOOST_AUTO_TEST_CASE(a_row_that_is_forgotten_has_no_level_any_more) {
  // Both metrics are critical; then one stays away for longer than expire_after.
  auto config = test_config({"x", "y"});
  config.expire_after = std::chrono::minutes(1);
  for (auto& metric : config.metrics) metric.critical.above = 5;
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(config);
  bool is_there = true;
  support::FakeSource source({"a"}, [&](const std::string&, const std::string& m, core::Timestamp) {
    return m == "x" || is_there ? std::optional<double>(10) : std::nullopt;
  });
  run(engine, *monitor, source, 1, 2);
  BOOST_TEST(int{monitor->results.level[series::row_of(0, 1, 2)]} == 3);
  is_there = false;
  run(engine, *monitor, source, 3, 12);
  BOOST_TEST(int{monitor->results.level[series::row_of(0, 0, 2)]} == 3);
  BOOST_TEST(int{monitor->results.level[series::row_of(0, 1, 2)]} == 0);
  BOOST_TEST(monitor->episodes.is_at_rest(series::row_of(0, 1, 2)));
}

BOOST_AUTO_TEST_CASE(a_series_with_too_few_samples_is_not_judged_until_it_has_more) {
  auto config = test_config({"x"});
  config.metrics[0].min_rate = 0.5;
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(config);
  support::FakeSource source(
      {"a"}, [](const std::string& e, const std::string& m, core::Timestamp t) {
        const std::int64_t tick = (t - kStart) / kStep;
        const bool is_there = tick <= 100 ? tick % 4 == 0 : true;
        return is_there ? std::optional<double>(noise(e, m, t)) : std::nullopt;
      });
  run(engine, *monitor, source, 1, 100);
  const auto sparse = static_cast<std::size_t>(detectors::Outcome::Sparse);
  BOOST_TEST(monitor->results.outcome[0] == sparse);
  BOOST_TEST((monitor->results.flags[0] & Flag::kScored) == 0);
  BOOST_TEST((monitor->results.flags[0] & Flag::kHasValue) != 0);
  BOOST_TEST(monitor->totals.outcome[sparse] > 20U);
  // Window 64: at tick 100 + n there are n and a quarter of the 64 - n before.
  run(engine, *monitor, source, 101, 120);
  BOOST_TEST(monitor->results.outcome[0] == sparse);
  run(engine, *monitor, source, 121, 121);
  BOOST_TEST(monitor->results.outcome[0] != sparse);
}

BOOST_AUTO_TEST_CASE(the_result_does_not_depend_on_the_number_of_workers) {
  support::ManualClock clock;
  std::vector<std::string> entities;
  for (int i = 0; i < 200; ++i) entities.push_back("host" + std::to_string(i));
  std::vector<std::vector<double>> scores;
  for (const unsigned workers : {1U, 3U}) {
    Engine engine(workers, clock);
    TestMonitor monitor(test_config({"x", "y", "z"}));
    support::FakeSource source(entities, noisy_with_spike(90));
    run(engine, *monitor, source, 1, 100);
    const auto span = monitor->results.score.span();
    scores.emplace_back(span.begin(), span.end());
  }
  BOOST_TEST((scores[0] == scores[1]));
}

BOOST_AUTO_TEST_CASE(a_replay_ends_where_live_ticks_end) {
  support::ManualClock clock;
  Engine engine(1, clock);
  support::FakeSource source({"a", "b"}, noisy_with_spike(150));
  TestMonitor live(test_config({"x", "y"}));
  run(engine, *live, source, 1, 200);

  TestMonitor replayed(test_config({"x", "y"}));
  (void)engine.discover(*replayed, source, at(201), {});
  const auto report =
      replay(engine, *replayed, source, at(1), at(200), 1, Engine::all_lanes(*replayed), {});
  BOOST_REQUIRE(report.ok());
  BOOST_TEST(report->ticks == 200U);
  BOOST_TEST(report->samples == 800U);
  for (std::size_t row = 0; row < live->results.score.size(); ++row) {
    BOOST_TEST(live->results.score[row] == replayed->results.score[row]);
    BOOST_TEST(live->results.expected[row] == replayed->results.expected[row]);
  }
}

/// All that a page shows of a row.
bool is_equal(const RowResults& a, const RowResults& b, std::size_t row, std::size_t detectors) {
  bool equal = a.score[row] == b.score[row] && a.expected[row] == b.expected[row] &&
               a.lower[row] == b.lower[row] && a.upper[row] == b.upper[row] &&
               a.sigmas[row] == b.sigmas[row] && a.level[row] == b.level[row] &&
               a.contribution[row] == b.contribution[row];
  for (std::size_t d = 0; d < detectors; ++d) {
    equal = equal && a.confidence[d][row] == b.confidence[d][row];
  }
  return equal;
}

BOOST_AUTO_TEST_CASE(live_ticks_after_a_replay_that_nobody_reads_are_as_after_one_that_is_read) {
  for (const auto method : {ensemble::Method::Evidence, ensemble::Method::Vote}) {
    support::ManualClock clock;
    Engine engine(1, clock);
    // From tick 195 on one host is far off: the replay ends in the middle of an anomaly.
    support::FakeSource source({"a", "b"}, [](const std::string& e, const std::string& m, auto t) {
      const double off = e == "a" && t >= at(195) ? 40 : 0;
      return std::optional<double>(100 + noise(e, m, t) + off);
    });
    auto config = test_config({"x", "y"});
    config.ensemble.method = method;
    if (method == ensemble::Method::Vote) {
      config.ensemble.weights = {{"zscore", 0.5}, {"mad", 0.5}};
    }
    TestMonitor read(config), unread(config);
    unread->counts_episodes = false;
    for (auto* monitor : {&read, &unread}) {
      (void)engine.discover(**monitor, source, at(201), {});
      const auto report =
          replay(engine, **monitor, source, at(1), at(200), 1, Engine::all_lanes(**monitor), {});
      BOOST_REQUIRE(report.ok());
    }
    unread->counts_episodes = true;
    for (std::size_t row = 0; row < read->results.score.size(); ++row) {  // before any live tick
      BOOST_TEST(is_equal(read->results, unread->results, row, read->detectors.size()));
    }
    bool is_anomaly = false;
    for (std::int64_t k = 201; k < 240; ++k) {
      run(engine, *read, source, k, k);
      run(engine, *unread, source, k, k);
      for (std::size_t row = 0; row < read->results.score.size(); ++row) {
        BOOST_TEST(is_equal(read->results, unread->results, row, read->detectors.size()));
        is_anomaly = is_anomaly || read->results.level[row] > 0;
      }
    }
    BOOST_TEST(is_anomaly);
    const auto saved = [](const MonitorState& monitor) {
      return StateStore::encode(monitor, 0, at(240));
    };
    BOOST_TEST((saved(*read) == saved(*unread)));
  }
}

BOOST_AUTO_TEST_CASE(anomalous_values_do_not_teach_until_the_shift_has_lasted) {
  support::ManualClock clock;
  Engine engine(1, clock);
  auto config = test_config({"x"}, 256);
  config.accept_shift_after = kStep * 30;
  TestMonitor monitor(config);
  support::FakeSource source(
      {"a"}, [](const std::string& e, const std::string& m, core::Timestamp t) {
        return std::optional<double>(noise(e, m, t) + (t >= at(700) ? 1000 : 0));
      });
  run(engine, *monitor, source, 1, 725);
  BOOST_TEST(monitor->results.score[0] >= 0.6);
  BOOST_TEST(std::fabs(monitor->results.expected[0]) < 1.0);  // still the old level
  run(engine, *monitor, source, 726, 900);
  BOOST_TEST(monitor->results.score[0] < 0.6);  // the new level is normal now
  BOOST_TEST(monitor->results.expected[0] > 900);
}

BOOST_AUTO_TEST_CASE(a_detector_of_ten_ticks_still_learns_less_of_an_anomaly) {
  auto config = test_config({"x"});
  config.ensemble.method = ensemble::Method::Vote;
  config.ensemble.weights = {{"zscore", 0.5}, {"moving_average", 0.5}};
  config.detectors.moving_average.spread_window = 64;
  BOOST_TEST(TestMonitor(config)->accepted_ticks == 2U);
}

BOOST_AUTO_TEST_CASE(a_long_anomaly_never_leaves_a_series_without_a_score) {
  support::ManualClock clock;
  Engine engine(1, clock);
  using Weights = std::vector<ensemble::Weight>;
  for (const Weights& weights : {Weights{{"zscore", 0.5}, {"mad", 0.5}}, Weights{{"iqr", 1.0}},
                                 Weights{{"moving_average", 1.0}}, Weights{{"regression", 1.0}}}) {
    BOOST_TEST_CONTEXT(weights[0].detector) {
      // Windows of at most 64 samples, half a day until a shift is accepted: they would run empty.
      auto config = test_config({"steady", "flickering"});
      config.accept_shift_after = std::chrono::hours(12);
      config.detectors.iqr.window = 64;
      config.detectors.moving_average.spread_window = 64;
      config.ensemble.method = ensemble::Method::Vote;
      config.ensemble.weights = weights;
      TestMonitor monitor(config);
      support::FakeSource source({"a"}, [](const std::string& e, const std::string& m,
                                           core::Timestamp t) {
        const bool is_fault = t >= at(300) && (m == "steady" || (t.ms / kStep.count()) % 8 != 0);
        return std::optional<double>(noise(e, m, t) + (is_fault ? 1000 : 0));
      });
      run(engine, *monitor, source, 1, 299);
      for (std::int64_t k = 300; k < 700; ++k) {
        run(engine, *monitor, source, k, k);
        BOOST_REQUIRE((monitor->results.flags[series::row_of(0, 0, 2)] & Flag::kScored) != 0);
        BOOST_REQUIRE((monitor->results.flags[series::row_of(0, 1, 2)] & Flag::kScored) != 0);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(constant_zeros_then_loss_is_an_anomaly_and_a_last_place_wobble_is_not) {
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(test_config({"loss", "level"}));
  support::FakeSource source(
      {"a"}, [](const std::string&, const std::string& m, core::Timestamp t) {
        if (m == "loss") return std::optional<double>(t == at(500) ? 5 : 0);
        return std::optional<double>(t == at(500) ? std::nextafter(123.0F, 200.0F) : 123.0F);
      });
  run(engine, *monitor, source, 1, 499);
  BOOST_TEST(monitor->results.score[series::row_of(0, 0, 2)] < 0.01);
  run(engine, *monitor, source, 500, 500);
  BOOST_TEST(monitor->results.score[series::row_of(0, 0, 2)] >= 0.6);
  BOOST_TEST(monitor->results.score[series::row_of(0, 1, 2)] < 0.1);
}

BOOST_AUTO_TEST_CASE(a_constant_series_that_steps_stays_an_anomaly_after_the_first_tick) {
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(test_config({"loss"}));
  support::FakeSource source({"a"}, [](const std::string&, const std::string&, core::Timestamp t) {
    return std::optional<double>(t >= at(500) && t < at(505) ? 5 : 0);
  });
  run(engine, *monitor, source, 1, 499);
  for (std::int64_t tick = 500; tick < 505; ++tick) {
    run(engine, *monitor, source, tick, tick);
    BOOST_TEST(monitor->results.score[series::row_of(0, 0, 1)] >= 0.6);
  }
  run(engine, *monitor, source, 505, 599);
  BOOST_TEST(monitor->results.score[series::row_of(0, 0, 1)] < 0.1);
}

BOOST_AUTO_TEST_CASE(history_is_bounded_by_the_samples_it_may_cost) {
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(test_config({"x", "y"}));
  support::FakeSource source({"a", "b"}, noisy_with_spike(-1));
  (void)engine.discover(*monitor, source, at(1), {});
  BOOST_TEST(history_ticks(*monitor, 1'000'000) == 600U);  // what calibration asks for
  BOOST_TEST(history_ticks(*monitor, 4 * 100) == 100U);
  BOOST_TEST(history_ticks(*monitor, 1) == 64U);  // never less than the window
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
