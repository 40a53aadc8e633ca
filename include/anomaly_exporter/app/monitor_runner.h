#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/incident_feed.h"
#include "anomaly_exporter/app/monitor_models.h"
#include "anomaly_exporter/app/profile_backfill.h"
#include "anomaly_exporter/app/publisher.h"
#include "anomaly_exporter/app/self_metrics.h"
#include "anomaly_exporter/app/source_watch.h"
#include "anomaly_exporter/app/state_store.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::app {

class AlertFeed;

/// What every runner shares. All borrowed; must outlive the runners.
struct RunnerDependencies {
  Engine* engine = nullptr;
  exposition::SnapshotStore* snapshots = nullptr;
  SelfMetrics* self = nullptr;
  StateStore* state = nullptr;  ///< null = no state files
  Trainer* trainer = nullptr;   ///< null = no models are fitted
  AlertFeed* alerts = nullptr;  ///< null = nobody is told of anomalies
  std::string storage_path{};   ///< folder of the models; empty = none are kept
  series::SeriesBudget* budget = nullptr;
  core::Logger* log = nullptr;
  core::LogThrottle* throttle = nullptr;
  const core::Clock* clock = nullptr;
};

/// Runs one monitor on a thread of its own: start-up replay, one tick per interval, replay of gaps
/// and of newcomers' history, background profile backfill, state files.
///
/// A tick is due `offset` after its data time. When the source answers nothing the monitor stands
/// still and says so; when it answers again, what was missed is replayed first. When the wall clock
/// is set back, ticks go on from the new time; when it jumps ahead, that is a gap like any other.
///
/// Threads: the public members are safe for concurrent use.
class MonitorRunner {
 public:
  /// `drops` belongs to this monitor and counts for its table.
  MonitorRunner(RunnerDependencies dependencies, std::shared_ptr<sources::MetricSource> source,
                std::unique_ptr<MonitorState> monitor, std::unique_ptr<series::DropCounters> drops,
                config::StorageConfig storage, std::size_t backfill_samples,
                config::TrainingConfig training = {});
  /// Stops at the next chance; a request in flight is broken off.
  ~MonitorRunner();

  void start();
  void request_stop() { thread_.request_stop(); }
  /// Joins the thread, then hands what was learned to the state queue, as far as it takes it until
  /// `until` (monotonic). Returns parts not queued. A monitor that has not read its history yet has
  /// less to tell than its files, and writes nothing.
  std::size_t stop_and_save(std::chrono::nanoseconds until);

  /// From the next tick on, uses the changed configuration and source.
  /// REQUIRES: config.state_key() equals this runner's.
  void update(config::MonitorConfig config, std::shared_ptr<sources::MetricSource> source,
              config::TrainingConfig training = {}, config::StorageConfig storage = {});

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& state_key() const { return state_key_; }
  [[nodiscard]] bool is_source_up() const { return watch_.is_up(); }

 private:
  void run(const std::stop_token& stop);
  bool warm_up(const std::stop_token& stop);
  bool try_warm_up(const std::stop_token& stop);
  void restore_state();
  void resolve_rate_windows(core::Timestamp now, const std::stop_token& stop);
  void go_live(const std::stop_token& stop);
  bool wait_until_due(const std::stop_token& stop, core::Timestamp& due);
  bool close_gap(core::Timestamp due, const std::stop_token& stop);
  void run_tick(core::Timestamp due, const std::stop_token& stop);
  void admit_newcomers(core::Timestamp now, const std::stop_token& stop);
  void start_profile_backfill(core::Timestamp now);
  void advance_profile_backfill();
  void save_state_when_due();
  void apply_update();

  void note_report(const TickReport& report, const std::stop_token& stop);
  std::shared_ptr<const exposition::MonitorSnapshot> publish();
  [[nodiscard]] core::Timestamp floor_tick(core::Timestamp now) const;
  [[nodiscard]] core::Duration interval() const { return monitor_->config.interval; }

  const RunnerDependencies deps_;
  const std::string name_, state_key_;
  config::StorageConfig storage_;
  const std::size_t backfill_samples_;
  std::unique_ptr<series::DropCounters> drops_;
  std::unique_ptr<MonitorState> monitor_;
  std::shared_ptr<sources::MetricSource> source_;
  MonitorModels models_;
  IncidentFeed incidents_;
  SourceWatch watch_;
  bool knows_scrape_interval_ = false;
  std::chrono::nanoseconds next_probe_{0};
  Publisher publisher_;
  RunnerStatus status_;
  std::unique_ptr<ProfileBackfill> profile_backfill_;
  core::Timestamp profiles_from_;  // start of the history the profiles still lack
  std::chrono::nanoseconds next_admission_{0};
  std::chrono::nanoseconds next_save_{0};
  std::size_t next_part_ = 0;
  core::Timestamp last_tried_;  // data time of the last tick that was tried
  bool is_warm_ = false;        // history was read
  /// Gaps in which no tick counts as missed: that of the start-up or of an outage, and the one that
  /// reading it leaves.
  static constexpr unsigned kExcusedGaps = 2;
  unsigned excused_gaps_ = kExcusedGaps;

  struct Update {
    config::MonitorConfig config;
    std::shared_ptr<sources::MetricSource> source;
    config::TrainingConfig training;
    config::StorageConfig storage;
  };
  core::Mutex mutex_;
  std::optional<Update> update_ AE_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: stops before the rest falls
};

}  // namespace anomaly_exporter::app
