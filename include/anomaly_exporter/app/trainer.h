#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/app/model_metrics.h"
#include "anomaly_exporter/app/training_run.h"
#include "anomaly_exporter/app/training_set.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/sources/metric_source.h"
#include "anomaly_exporter/storage/model_store.h"

namespace anomaly_exporter::app {

/// What came of one training.
struct TrainingOutcome {
  enum class Kind { Adopted, Rejected, TooFew, Failed, Stopped };
  Kind kind = Kind::Failed;
  std::string detector;
  TrainedModel trained;  ///< of Adopted and Rejected
  std::string error;     ///< of the others
};

/// Label of `anomaly_exporter_trainings_total`: adopted, rejected, too_few, failed, stopped.
std::string to_string(TrainingOutcome::Kind kind);

/// Where the trainer puts what a monitor's thread fetches before its next tick.
///
/// Threads: safe for concurrent use. Shared by the monitor and its jobs; a closed one stops them.
class Mailbox {
 public:
  void put(TrainingOutcome outcome);
  std::vector<TrainingOutcome> take();
  /// The monitor ends: its jobs are dropped or break off.
  void close() { closed_ = true; }
  [[nodiscard]] bool is_closed() const { return closed_; }

 private:
  core::Mutex mutex_;
  std::vector<TrainingOutcome> outcomes_ AE_GUARDED_BY(mutex_);
  std::atomic<bool> closed_{false};
};

/// One model to fit. Holds everything it needs.
struct TrainingJob {
  std::string monitor, detector;
  TrainingTask task;
  TrainingPlan plan;
  std::size_t source_series = 1;  ///< that the monitor's requests answer for
  std::shared_ptr<sources::MetricSource> source;
  double cpu_budget = 0.25;
  std::optional<storage::ModelStore> store;  ///< nothing = models live as long as the program
  std::shared_ptr<Mailbox> mailbox;
};

/// What a trainer borrows; must outlive it.
struct TrainerDependencies {
  ModelMetrics* metrics = nullptr;
  core::Logger* log = nullptr;
  const core::Clock* clock = nullptr;
};

/// Reads, fits, compares and writes one job on the calling thread. An accepted model stands in the
/// store, and `current` names it, before it is handed out: a crash between the two loses nothing.
TrainingOutcome run_training(const TrainingJob& job, const core::Clock& clock,
                             std::stop_token stop);

/// Fits models for all monitors, one after the other, on one thread of the lowest priority, within
/// the CPU budget of each job. Results go to the job's mailbox; each is one line in the log and one
/// count in the metrics.
///
/// Queue: one job per monitor and detector is the caller's promise, so it is bounded by the number
/// of detectors. Threads: safe for concurrent use.
class Trainer {
 public:
  explicit Trainer(TrainerDependencies dependencies);
  /// Breaks off at the next progress call (about 10 ms of work) or source request.
  ~Trainer();

  void submit(TrainingJob job);
  void request_stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);
  void report(const TrainingJob& job, const TrainingOutcome& outcome, double seconds) const;

  const TrainerDependencies deps_;
  core::Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<TrainingJob> queue_ AE_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: stops before the rest falls
};

}  // namespace anomaly_exporter::app
