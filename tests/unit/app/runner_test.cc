#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "anomaly_exporter/app/monitor_runner.h"
#include "anomaly_exporter/app/state_store.h"
#include "app_support.h"
#include "stepped_clock.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::app {
namespace {

using Flag = exposition::MonitorSnapshot::Flag;

struct Fixture {
  SteppedClock clock;
  RecordingLogger log;
  core::LogThrottle throttle{std::chrono::minutes(1), clock};
  Engine engine{2, clock};
  exposition::SnapshotStore snapshots;
  SelfMetrics self;
  series::SeriesBudget budget{series::SeriesLimitOptions{}};
  std::shared_ptr<support::FakeSource> source = std::make_shared<support::FakeSource>(
      std::vector<std::string>{"a", "b"},
      [](const std::string& e, const std::string& m, core::Timestamp t) {
        return std::optional<double>(50 + noise(e, m, t));
      });
  StateStore* state_store = nullptr;  // borrowed until `runner` is gone
  std::unique_ptr<MonitorRunner> runner;

  void start(config::MonitorConfig config) {
    auto drops = std::make_unique<series::DropCounters>();
    auto state = MonitorState::create(std::move(config), budget, *drops).value();
    runner = std::make_unique<MonitorRunner>(RunnerDependencies{.engine = &engine,
                                                                .snapshots = &snapshots,
                                                                .self = &self,
                                                                .state = state_store,
                                                                .budget = &budget,
                                                                .log = &log,
                                                                .throttle = &throttle,
                                                                .clock = &clock},
                                             source, std::move(state), std::move(drops),
                                             config::StorageConfig{}, 1'000'000);
    runner->start();
  }
  std::shared_ptr<const exposition::MonitorSnapshot> snapshot() const {
    const auto list = snapshots.load();
    return list.empty() ? nullptr : list.front();
  }
  /// Moves time on, as fast as the runner follows, until the newest snapshot satisfies the
  /// condition; gives up after many steps.
  bool until(const std::function<bool(const exposition::MonitorSnapshot&)>& condition,
             core::Duration step = std::chrono::milliseconds(500)) {
    for (int i = 0; i < 5'000'000; ++i) {
      if (const auto s = snapshot(); s && condition(*s)) return true;
      if (clock.is_awaited()) clock.advance(step);
      std::this_thread::yield();
    }
    return false;
  }
  bool until_scored() {
    return until([](const auto& s) { return s.warmup_ratio == 1 && s.not_ready.empty(); });
  }
};

BOOST_FIXTURE_TEST_SUITE(runner_test, Fixture)

BOOST_AUTO_TEST_CASE(the_first_tick_after_the_start_has_scores_for_everything) {
  start(test_config({"x", "y"}));
  BOOST_REQUIRE(until_scored());
  BOOST_TEST(snapshot()->labels->rows() == 4U);
  BOOST_TEST(log.count("history replayed") == 1U);
}

BOOST_AUTO_TEST_CASE(a_start_that_takes_many_ticks_misses_none) {
  std::atomic<bool> is_first{true};
  source = std::make_shared<support::FakeSource>(
      std::vector<std::string>{"a"},
      [&](const std::string& e, const std::string& m, core::Timestamp t) {
        if (is_first.exchange(false)) clock.advance(std::chrono::minutes(1));
        return std::optional<double>(50 + noise(e, m, t));
      });
  start(test_config({"x"}));
  BOOST_REQUIRE(until_scored());
  BOOST_TEST(log.count("gap replayed") == 1U);
  runner->request_stop();
  for (const auto& family : self.collect()) {
    if (family.name != "anomaly_exporter_missed_ticks_total") continue;
    for (const auto& metric : family.metric) BOOST_TEST(metric.counter.value == 0);
  }
  runner.reset();
}

BOOST_AUTO_TEST_CASE(a_source_that_is_down_at_the_start_is_waited_for) {
  source->set_up(false);
  start(test_config({"x"}));
  BOOST_REQUIRE(until([](const auto& s) { return s.not_ready == "source fake does not answer"; }));
  BOOST_TEST(!snapshot()->source_up);
  BOOST_TEST(snapshot()->metrics[0].last_error == "connection refused");
  BOOST_TEST(log.count("the source does not answer") == 1U);  // said once, not at every attempt
  source->set_up(true);
  BOOST_REQUIRE(until_scored());
}

BOOST_AUTO_TEST_CASE(an_outage_is_replayed_when_the_source_is_back) {
  start(test_config({"x"}));
  BOOST_REQUIRE(until_scored());
  source->set_up(false);
  BOOST_REQUIRE(until([](const auto& s) { return !s.source_up; }));
  for (const auto flags : snapshot()->flags) BOOST_TEST(static_cast<int>(flags) == 0);
  clock.advance(std::chrono::minutes(5));
  source->set_up(true);
  BOOST_REQUIRE(until_scored());
  BOOST_TEST(log.count("gap replayed") >= 1U);
  BOOST_TEST(snapshot()->outcome_counts[static_cast<std::size_t>(detectors::Outcome::Scored)] ==
             2U);
}

BOOST_AUTO_TEST_CASE(an_outage_longer_than_the_window_starts_afresh) {
  start(test_config({"x"}));
  BOOST_REQUIRE(until_scored());
  source->set_up(false);
  BOOST_REQUIRE(until([](const auto& s) { return !s.source_up; }));
  clock.advance(std::chrono::minutes(30));  // 180 ticks, window 64
  source->set_up(true);
  BOOST_REQUIRE(until_scored());
}

BOOST_AUTO_TEST_CASE(a_clock_set_back_stops_nothing) {
  start(test_config({"x"}));
  BOOST_REQUIRE(until_scored());
  const core::Timestamp before = snapshot()->evaluated;
  clock.jump(-std::chrono::hours(1));
  BOOST_REQUIRE(until([&](const auto& s) {
    return s.evaluated < before - std::chrono::minutes(50) && s.warmup_ratio == 1;
  }));
  BOOST_TEST(log.count("the clock was set back; going on from the new time") == 1U);
  for (std::size_t i = 0; i < snapshot()->score.size(); ++i) BOOST_TEST(snapshot()->score[i] < 0.6);
}

BOOST_AUTO_TEST_CASE(state_of_a_clock_that_was_ahead_holds_no_alarm_back) {
  auto config = test_config({"x"});
  config.metrics[0].critical.above = 200;
  std::atomic<bool> is_hot{false};
  source = std::make_shared<support::FakeSource>(
      std::vector<std::string>{"a"},
      [&](const std::string& e, const std::string& m, core::Timestamp t) {
        return std::optional<double>((is_hot ? 300 : 50) + noise(e, m, t));
      });
  const support::TempDir folder;
  StateStore store(folder.path().string(), [](bool, const std::string&) {});
  {
    TestMonitor ahead(config);
    const core::Timestamp tomorrow = clock.now() + std::chrono::hours(24);
    for (int k = 1; k <= 100; ++k) {
      (void)engine.tick(*ahead, *source, tomorrow + std::chrono::seconds(10) * k, {});
    }
    BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*ahead, 0, tomorrow)));
    BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
  }
  state_store = &store;
  start(config);
  BOOST_REQUIRE(until_scored());
  BOOST_TEST(log.count("the state is newer than the clock; going on from the time of the clock") ==
             1U);
  is_hot = true;
  BOOST_TEST(until([](const auto& s) { return s.severity[0] == 3; }, std::chrono::seconds(5)));
  runner.reset();
}

BOOST_AUTO_TEST_CASE(a_stop_before_history_was_read_leaves_the_state_as_it_is) {
  const support::TempDir folder;
  StateStore store(folder.path().string(), [](bool, const std::string&) {});
  {
    TestMonitor earlier(test_config({"x"}));
    for (int k = 1; k <= 100; ++k) {
      (void)engine.tick(*earlier, *source, clock.now() + std::chrono::seconds(10) * (k - 100), {});
    }
    BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*earlier, 0, clock.now())));
    BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
  }
  const auto file = folder.path() / "m.0.state";
  const auto written = std::filesystem::last_write_time(file);
  source->set_up(false);
  state_store = &store;
  start(test_config({"x"}));
  BOOST_REQUIRE(until([](const auto& s) { return s.not_ready == "source fake does not answer"; }));
  BOOST_TEST(log.count("state restored") == 1U);
  BOOST_TEST(runner->stop_and_save(clock.monotonic() + std::chrono::seconds(5)) == 0U);
  BOOST_TEST(store.drain(std::chrono::seconds(10)) == 0U);
  BOOST_TEST((std::filesystem::last_write_time(file) == written));
  runner.reset();
}

BOOST_AUTO_TEST_CASE(a_new_entity_gets_its_history) {
  start(test_config({"x"}));
  BOOST_REQUIRE(until_scored());
  source->add("late");
  BOOST_REQUIRE(until([](const auto& s) { return s.labels->rows() == 3; }));
  BOOST_REQUIRE(until_scored());
  BOOST_TEST(log.count("history of new series replayed") >= 1U);
}

BOOST_AUTO_TEST_CASE(a_metric_without_series_is_named_once) {
  start(test_config({"x"}));
  BOOST_REQUIRE(until_scored());
  source->remove("a");
  source->remove("b");
  BOOST_REQUIRE(
      until([](const auto& s) { return !s.metrics[0].hint.empty(); }, std::chrono::minutes(1)));
  BOOST_TEST(snapshot()->metrics[0].hint == "no series; existing jobs: fake, node");
  for (int i = 0; i < 100; ++i) clock.advance(std::chrono::seconds(10));
  BOOST_TEST(log.count("a metric matches no series") == 1U);
}

BOOST_AUTO_TEST_CASE(the_rate_window_follows_the_scrape_interval_once_the_source_can_tell) {
  auto config = test_config({"x"});
  config.probe_selector = "x";
  config.metrics[0].request.text = "rate(x[$rate_window])";
  start(config);
  BOOST_REQUIRE(until_scored());
  BOOST_TEST(snapshot()->metrics[0].request == "rate(x[20s])");
  BOOST_TEST(!snapshot()->is_oversampled);
  source->set_scrape_interval(std::chrono::seconds(30));
  BOOST_REQUIRE(until([](const auto& s) { return s.metrics[0].request == "rate(x[2m])"; }));
  BOOST_TEST(snapshot()->is_oversampled);  // every 10 s, of samples that come every 30 s
}

BOOST_AUTO_TEST_CASE(a_changed_threshold_takes_effect_and_windows_stay) {
  auto config = test_config({"x"});
  start(config);
  BOOST_REQUIRE(until_scored());
  config.ensemble.threshold = 0.0001;
  BOOST_REQUIRE(config.state_key() == runner->state_key());
  runner->update(config, source);
  BOOST_REQUIRE(until([](const auto& s) {
    return s.warmup_ratio == 1 && (s.severity[0] >= 1 || s.severity[1] >= 1);
  }));
}

BOOST_AUTO_TEST_CASE(a_changed_choice_of_labels_takes_effect_and_windows_stay) {
  auto config = test_config({"x"});
  config.group_by = std::vector<std::string>{"instance"};
  start(config);
  BOOST_REQUIRE(until_scored());
  const auto has_job = [](const exposition::MonitorSnapshot& s) {
    return s.labels->row_text(0).find("job=") != std::string_view::npos;
  };
  BOOST_TEST(has_job(*snapshot()));
  config.labels.emplace();
  BOOST_REQUIRE(config.state_key() == runner->state_key());
  runner->update(config, source);
  BOOST_TEST(until([&](const auto& s) { return s.warmup_ratio == 1 && !has_job(s); }));
}

BOOST_AUTO_TEST_CASE(own_metrics_tell_of_ticks_latency_and_series) {
  start(test_config({"x"}));
  // A tick publishes its page first and its own metrics after it.
  const std::set<std::string> expected{"anomaly_exporter_source_up",
                                       "anomaly_exporter_detection_latency_seconds",
                                       "anomaly_exporter_samples_processed_total",
                                       "anomaly_exporter_samples_dropped_total",
                                       "anomaly_exporter_series_bytes",
                                       "anomaly_exporter_warmup_ratio",
                                       "anomaly_exporter_anomalies_total",
                                       "process_resident_memory_bytes"};
  std::set<std::string> absent;
  until([&](const auto&) {
    absent = expected;
    for (const auto& family : self.collect()) {
      if (!family.metric.empty()) absent.erase(family.name);
    }
    return absent.empty();
  });
  for (const auto& name : absent) BOOST_ERROR(name);
  runner.reset();
  self.retain_monitors({});
  for (const auto& family : self.collect()) {
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) BOOST_TEST(label.name != "monitor");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
