#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "anomaly_exporter/app/drift.h"
#include "anomaly_exporter/app/model_watch.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/trainer.h"
#include "anomaly_exporter/app/training_schedule.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/detectors/registry.h"
#include "anomaly_exporter/storage/model_store.h"

namespace anomaly_exporter::app {

/// What the models of a monitor need beside the monitor. All borrowed; must outlive them.
struct ModelDependencies {
  Trainer* trainer = nullptr;  ///< null = nothing is fitted here
  ModelMetrics* metrics = nullptr;
  core::Logger* log = nullptr;
  const core::Clock* clock = nullptr;
  std::string storage_path;  ///< folder of the state files; empty = keep no models
  /// Makes the detectors that fit; another one in tests.
  decltype(&detectors::create_detector) create_detector = &detectors::create_detector;
};

/// The models of one monitor's trained detectors: loads them at the start, orders new ones when
/// they are due, adopts them between ticks, watches them, and goes back to the one before when a
/// new one calls far more anomalous.
///
/// A version that somebody else made the current one (`anomalytool train`, `models roll-back`) is
/// taken up at a reload, else within a minute.
///
/// Threads: the monitor's own. Cost: nothing for monitors without trained detectors; else a pass
/// over their confidences per tick.
class MonitorModels {
 public:
  MonitorModels(ModelDependencies dependencies, MonitorState& monitor,
                config::TrainingConfig config);
  /// Breaks off a training of this monitor.
  ~MonitorModels();

  /// Loads the last good models; says which are passed over and why, and which detectors are
  /// without one until when.
  void restore();
  /// After a reload: the new settings; versions on disk are looked at again.
  void configure(config::TrainingConfig config);
  /// Before a tick: adopts what has been fitted or was chosen by somebody else. Once a day, and an
  /// hour after the start, removes models that nobody uses any more.
  void before_tick();
  /// After a tick of a source that was up: learns what was anomalous, takes bad models back, orders
  /// new ones.
  void after_tick(const std::shared_ptr<sources::MetricSource>& source);

 private:
  struct Slot {
    std::size_t index = 0;  ///< of the detector
    std::string name;
    TrainingSchedule schedule;
    ModelWatch watch;
    std::optional<TrainedModel> in_use, before;
    unsigned named_version = 0;  ///< by the store, when last looked at
    bool is_training = false;
    double drift = 0;
  };

  void adopt(Slot& slot, TrainedModel model);
  void take_outcome(Slot& slot, TrainingOutcome outcome);
  void look_for_changes();
  void tell_untrained(bool is_problem) const;
  void note_use();
  void expire();
  void roll_back(Slot& slot);
  void profile_inputs();
  void order(Slot& slot, storage::ModelOrigin origin,
             const std::shared_ptr<sources::MetricSource>& source);
  [[nodiscard]] std::optional<storage::ModelStore> store() const;
  [[nodiscard]] std::string parameters(const Slot& slot) const;

  const ModelDependencies deps_;
  MonitorState* monitor_;
  config::TrainingConfig config_;
  std::vector<Slot> slots_;  // one per trained detector
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  InputProfile recent_;
  std::size_t ticks_since_profile_ = 0;
  std::chrono::nanoseconds next_look_{0};
  std::chrono::nanoseconds next_expiry_{0};  // 0 = not yet set
};

}  // namespace anomaly_exporter::app
