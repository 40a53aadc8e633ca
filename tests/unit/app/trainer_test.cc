#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/trainer.h"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <thread>

#include "anomaly_exporter/app/cpu_budget.h"
#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/monitor_models.h"
#include "anomaly_exporter/exposition/snapshot.h"
#include "app_support.h"
#include "fake_trainable.h"
#include "stepped_clock.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::ModelOrigin;

constexpr core::Duration kTick = seconds(10);

BOOST_AUTO_TEST_SUITE(cpu_budget_test)

BOOST_AUTO_TEST_CASE(work_stays_within_its_share) {
  for (const double share : {0.05, 0.25, 0.5, 0.9}) {
    const support::ManualClock clock;
    CpuBudget budget(share, clock, {});
    for (int i = 0; i < 1000; ++i) {
      (void)clock.wait_for(milliseconds(1 + i % 13), {});
      BOOST_REQUIRE(budget.spend());
    }
    const double busy = std::chrono::duration<double>(budget.busy()).count();
    const double slept = std::chrono::duration<double>(budget.slept()).count();
    BOOST_TEST(busy / (busy + slept) == share, boost::test_tools::tolerance(0.03));
  }
}

BOOST_AUTO_TEST_CASE(a_whole_core_never_sleeps) {
  const support::ManualClock clock;
  CpuBudget budget(1, clock, {});
  (void)clock.wait_for(seconds(100), {});
  BOOST_TEST(budget.spend());
  BOOST_TEST(budget.slept().count() == 0);
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_work) {
  const support::ManualClock clock;
  std::stop_source stop;
  CpuBudget budget(0.5, clock, stop.get_token());
  BOOST_TEST(budget.spend());
  stop.request_stop();
  BOOST_TEST(!budget.spend());
}

BOOST_AUTO_TEST_SUITE_END()

/// A monitor with a fake trained detector, moved tick by tick; the trainer runs jobs for real.
struct World {
  support::TempDir directory;
  support::ManualClock clock;
  RecordingLogger log;
  ModelMetrics metrics;
  Engine engine{1, clock};
  std::shared_ptr<support::FakeSource> source = std::make_shared<support::FakeSource>(
      std::vector<std::string>{"a", "b"},
      [](const std::string& e, const std::string& m, core::Timestamp t) {
        return std::optional<double>(50 + noise(e, m, t));
      });
  TestMonitor monitor{trainable_config({"x", "y"})};
  config::TrainingConfig config{.history = hours(1), .cpu_budget = 1};
  std::unique_ptr<Trainer> trainer;
  std::unique_ptr<MonitorModels> models;

  World() {
    make_trainable(*monitor);
    start();
  }
  ~World() {
    models.reset();
    trainer.reset();  // before what its thread may still read
    FakeTrainable::next_factor = 1;
    FakeTrainable::on_progress = nullptr;
  }
  void start() {
    models.reset();
    trainer = std::make_unique<Trainer>(
        TrainerDependencies{.metrics = &metrics, .log = &log, .clock = &clock});
    models = std::make_unique<MonitorModels>(
        ModelDependencies{.trainer = trainer.get(),
                          .metrics = &metrics,
                          .log = &log,
                          .clock = &clock,
                          .storage_path = directory.path().string(),
                          .create_detector = &FakeTrainable::create},
        *monitor, config);
  }
  void tick() {
    clock.advance(kTick);
    models->before_tick();
    (void)engine.tick(*monitor, *source, clock.now(), {});
    models->after_tick(source);
  }
  void ticks(int n) {
    for (int k = 0; k < n; ++k) tick();
  }
  /// Looks into the mailbox until the condition holds, the trainer's thread running beside: how
  /// often that takes depends on the machine. False after very many times.
  bool until(const std::function<bool()>& condition) {
    for (int k = 0; k < 50'000'000; ++k) {
      if (condition()) return true;
      std::this_thread::yield();
      models->before_tick();
    }
    return false;
  }
  /// Version in use, as our own metrics tell it.
  unsigned version() {
    for (const auto& slot : metrics.collect()) {
      if (slot.name != "anomaly_exporter_model_info" || slot.metric.empty()) continue;
      for (const auto& label : slot.metric[0].label) {
        if (label.name == "version") return static_cast<unsigned>(std::stoul(label.value));
      }
    }
    return 0;
  }
  double counted(const std::string& family, const std::string& result = "") const {
    double sum = 0;
    for (const auto& f : metrics.collect()) {
      if (f.name != family) continue;
      for (const auto& m : f.metric) {
        bool is_it = result.empty();
        for (const auto& label : m.label) is_it = is_it || label.value == result;
        if (is_it) sum += m.counter.value;
      }
    }
    return sum;
  }
  storage::ModelStore store() const { return storage::ModelStore(directory.path().string()); }
  const FakeModel* model() const {
    return dynamic_cast<const FakeModel*>(monitor->detectors[0]->model().get());
  }
  bool first_model() {
    ticks(100);
    return until([&] { return model() != nullptr; });
  }
};

BOOST_FIXTURE_TEST_SUITE(trainer_test, World)

BOOST_AUTO_TEST_CASE(the_first_model_comes_with_the_hundredth_tick_and_is_on_disk) {
  ticks(99);
  BOOST_TEST(log.count("fitting a model") == 0U);
  tick();
  BOOST_TEST(log.count("fitting a model") == 1U);
  BOOST_REQUIRE(until([&] { return model() != nullptr; }));
  BOOST_TEST(store().current("m", "zscore").value() == 1U);
  BOOST_TEST(counted("anomaly_exporter_trainings_total", "adopted") == 1.0);
  tick();
  BOOST_TEST(version() == 1U);
  BOOST_TEST(static_cast<int>(monitor->results.outcome[0]) ==
             static_cast<int>(detectors::Outcome::Scored));
}

BOOST_AUTO_TEST_CASE(a_model_is_adopted_between_ticks_only) {
  ticks(100);
  for (int k = 0; k < 500'000'000 && log.count("model fitted") == 0; ++k) std::this_thread::yield();
  BOOST_REQUIRE(log.count("model fitted") == 1U);
  BOOST_TEST((model() == nullptr));
  BOOST_REQUIRE(until([&] { return model() != nullptr; }));
}

BOOST_AUTO_TEST_CASE(a_restart_goes_on_with_the_model) {
  BOOST_REQUIRE(first_model());
  const float centre = model()->centre[0];
  monitor->detectors[0]->adopt(nullptr);
  start();
  models->restore();
  BOOST_TEST(log.count("continues with version 1") == 1U);
  BOOST_REQUIRE(model() != nullptr);
  BOOST_TEST(model()->centre[0] == centre);
  ticks(20);
  BOOST_TEST(log.count("fitting a model") == 1U);  // not again: it is young
}

BOOST_AUTO_TEST_CASE(detectors_without_a_model_are_said_once_with_the_time_of_the_first) {
  models->restore();
  ticks(50);
  BOOST_TEST(log.count("detectors without a model have no vote") == 1U);
  BOOST_TEST(log.field("detectors without a model have no vote", "detectors") == "zscore");
  BOOST_TEST(log.field("detectors without a model have no vote", "first_training") ==
             "after 100 ticks (16m40s), replayed history included");
  ticks(50);
  BOOST_REQUIRE(until([&] { return model() != nullptr; }));
  start();
  models->restore();
  BOOST_TEST(log.count("detectors without a model have no vote") == 1U);
}

BOOST_AUTO_TEST_CASE(where_training_is_off_an_untrained_detector_is_a_warning) {
  config.enabled = false;
  start();
  models->restore();
  BOOST_TEST(log.field("detectors without a model have no vote", "first_training") ==
             "never: training is off; see anomalytool train");
}

BOOST_AUTO_TEST_CASE(a_change_of_options_is_said_once_and_not_for_every_old_version) {
  BOOST_REQUIRE(first_model());
  auto other = store().load("m", "zscore", 1).value();
  std::filesystem::remove(store().path_of("m", "zscore", 1));
  other.metadata.parameters = "others";
  for (int k = 0; k < 3; ++k) (void)store().save("m", "zscore", other).value();
  monitor->detectors[0]->adopt(nullptr);
  start();
  models->restore();
  ticks(20);
  BOOST_TEST(log.count("model not used") == 1U);
  BOOST_TEST(log.count("no good model is left for some detectors; they have no vote") == 1U);
  BOOST_TEST(log.count("the model that was chosen is not used") == 0U);
}

BOOST_AUTO_TEST_CASE(models_that_nobody_uses_expire_and_are_counted) {
  BOOST_REQUIRE(first_model());
  const auto stored = store().load("m", "zscore", 1).value();
  (void)store().save("gone", "forest", stored).value();
  models->restore();
  config.enabled = false;
  config.expire_after = hours(24 * 10);
  models->configure(config);
  for (int day = 0; day < 12; ++day) {
    tick();
    clock.advance(hours(24));
  }
  BOOST_TEST(store().monitors() == std::vector<std::string>{"m"}, boost::test_tools::per_element());
  BOOST_TEST(log.count("unused models removed") == 1U);
  BOOST_TEST(log.field("unused models removed", "models") == "gone/forest");
  BOOST_TEST(counted("anomaly_exporter_models_expired_total") == 1.0);
  BOOST_TEST(store().load("m", "zscore", 1).ok());
}

BOOST_AUTO_TEST_CASE(after_a_long_stand_still_nothing_goes_before_everybody_noted_its_use) {
  BOOST_REQUIRE(first_model());
  const auto stored = store().load("m", "zscore", 1).value();
  (void)store().save("late", "forest", stored).value();
  BOOST_REQUIRE(store().note_use("late", "forest", clock.now()).ok());
  clock.advance(hours(24 * 365));
  start();
  models->restore();
  ticks(6);  // the other monitor is still starting
  BOOST_TEST(store().load("late", "forest", 1).ok());
  BOOST_REQUIRE(store().note_use("late", "forest", clock.now()).ok());
  clock.advance(hours(2));
  ticks(6);
  BOOST_TEST(store().load("late", "forest", 1).ok());
}

BOOST_AUTO_TEST_CASE(a_damaged_model_is_said_and_the_one_before_goes_on) {
  BOOST_REQUIRE(first_model());
  ticks(400);  // the data have doubled
  BOOST_REQUIRE(until([&] { return store().current("m", "zscore").value() == 2; }));
  directory.write("models/m/zscore/000002.model", "torn");
  monitor->detectors[0]->adopt(nullptr);
  start();
  models->restore();
  BOOST_TEST(log.count("model not used") == 1U);
  BOOST_TEST(log.count("continues with version 1") == 1U);
  BOOST_TEST((model() != nullptr));
}

BOOST_AUTO_TEST_CASE(a_stop_during_a_training_leaves_the_model_before) {
  BOOST_REQUIRE(first_model());
  std::atomic<bool> is_fitting{false};
  std::atomic<bool> may_go{false};
  FakeTrainable::on_progress = [&] {
    is_fitting = true;
    while (!may_go) std::this_thread::yield();
  };
  ticks(400);
  BOOST_REQUIRE(until([&] { return is_fitting.load(); }));
  trainer->request_stop();
  may_go = true;
  models.reset();
  trainer.reset();
  BOOST_TEST(store().current("m", "zscore").value() == 1U);
  BOOST_TEST(store().list("m", "zscore").size() == 1U);
  monitor->detectors[0]->adopt(nullptr);
  start();
  models->restore();
  BOOST_TEST(log.count("continues with version 1") == 1U);
}

BOOST_AUTO_TEST_CASE(a_monitor_that_ends_takes_its_training_with_it) {
  std::atomic<bool> is_fitting{false};
  std::atomic<bool> may_go{false};
  FakeTrainable::on_progress = [&] {
    is_fitting = true;
    while (!may_go) std::this_thread::yield();
  };
  ticks(100);
  BOOST_REQUIRE(until([&] { return is_fitting.load(); }));
  models.reset();
  may_go = true;
  trainer.reset();
  BOOST_TEST(!store().current("m", "zscore").ok());
  start();  // for the fixture
}

BOOST_AUTO_TEST_CASE(a_worse_challenger_is_rejected_and_nothing_changes) {
  BOOST_REQUIRE(first_model());
  FakeTrainable::next_factor = 0;
  ticks(1200);
  BOOST_REQUIRE(
      until([&] { return counted("anomaly_exporter_trainings_total", "rejected") >= 1; }));
  BOOST_TEST(store().current("m", "zscore").value() == 1U);
  BOOST_TEST(model()->factor == 1.0);
}

BOOST_AUTO_TEST_CASE(a_source_that_is_down_is_a_failure_that_is_tried_again) {
  ticks(99);
  source->refuse("x");
  source->set_up(false);
  clock.advance(kTick);
  monitor->index = 100;
  models->after_tick(source);
  BOOST_REQUIRE(until([&] { return counted("anomaly_exporter_trainings_total", "failed") == 1; }));
  BOOST_TEST(log.count("model not fitted") == 1U);
  models->before_tick();
  source->set_up(true);
  source->refuse("");
  ticks(30);
  BOOST_TEST(log.count("fitting a model") == 1U);  // not within ten minutes
  ticks(60);
  BOOST_REQUIRE(until([&] { return model() != nullptr; }));
}

BOOST_AUTO_TEST_CASE(a_model_that_cries_wolf_is_taken_back) {
  config.watch = hours(1);
  models->configure(config);
  BOOST_REQUIRE(first_model());
  ticks(370);  // its own watch passes
  BOOST_TEST(log.count("model taken back: it called far more anomalous than the one before") == 0U);
  FakeTrainable::next_factor = 30;  // equally good at ranking, so the challenge accepts it
  BOOST_REQUIRE(until([&] {
    tick();
    return model()->factor == 30;
  }));
  for (int k = 0; k < 400 && model()->factor == 30; ++k) tick();
  BOOST_TEST(model()->factor == 1.0);
  BOOST_TEST(log.count("model taken back: it called far more anomalous than the one before") == 1U);
  BOOST_TEST(counted("anomaly_exporter_model_rollbacks_total") == 1.0);
  const unsigned current = store().current("m", "zscore").value();
  tick();
  BOOST_TEST(version() == current);
  ticks(10);
  BOOST_TEST(model()->factor == 1.0);
}

BOOST_AUTO_TEST_CASE(a_version_chosen_by_an_operator_is_taken_up_within_a_minute) {
  BOOST_REQUIRE(first_model());
  ticks(400);
  BOOST_REQUIRE(until([&] {
    tick();
    return version() == 2;
  }));
  BOOST_REQUIRE(store().set_current("m", "zscore", 1).ok());
  ticks(7);
  BOOST_TEST(version() == 1U);
  BOOST_TEST(log.count("model changed on disk") == 1U);
  BOOST_REQUIRE(store().set_current("m", "zscore", 2).ok());
  models->configure(config);  // a reload
  tick();
  BOOST_TEST(version() == 2U);
}

BOOST_AUTO_TEST_CASE(a_chosen_version_of_other_options_is_refused_once) {
  BOOST_REQUIRE(first_model());
  auto stored = store().load("m", "zscore", 1).value();
  stored.metadata.parameters = "others";
  (void)store().save("m", "zscore", stored).value();
  ticks(20);
  BOOST_TEST(log.count("the model that was chosen is not used") == 1U);
  BOOST_TEST(version() == 1U);
}

BOOST_AUTO_TEST_CASE(nothing_is_fitted_where_training_is_off) {
  config.enabled = false;
  models->configure(config);
  ticks(200);
  BOOST_TEST(log.count("fitting a model") == 0U);
}

BOOST_AUTO_TEST_CASE(without_a_folder_models_live_as_long_as_the_program) {
  models =
      std::make_unique<MonitorModels>(ModelDependencies{.trainer = trainer.get(),
                                                        .metrics = &metrics,
                                                        .log = &log,
                                                        .clock = &clock,
                                                        .storage_path = "",
                                                        .create_detector = &FakeTrainable::create},
                                      *monitor, config);
  BOOST_REQUIRE(first_model());
  tick();
  BOOST_TEST(version() == 1U);
  BOOST_TEST(store().monitors().empty());
}

BOOST_AUTO_TEST_CASE(metrics_of_a_monitor_leave_with_it) {
  BOOST_REQUIRE(first_model());
  tick();
  BOOST_TEST(version() == 1U);
  models.reset();
  for (const auto& family : metrics.collect()) {
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) BOOST_TEST(label.name != "monitor", family.name);
    }
  }
  start();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
