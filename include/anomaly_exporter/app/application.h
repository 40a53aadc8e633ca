#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/api/server.h"
#include "anomaly_exporter/app/alert_feed.h"
#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/monitor_runner.h"
#include "anomaly_exporter/app/self_metrics.h"
#include "anomaly_exporter/app/state_store.h"
#include "anomaly_exporter/app/trainer.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::app {

struct ApplicationOptions {
  std::string config_file;
  std::string storage_path;  ///< folder of the state files; empty = keep no state
  api::ServerOptions server;
  unsigned workers = 0;                                    ///< scoring threads; 0 = one per core
  std::vector<std::pair<std::string, std::string>> flags;  ///< for /api/v1/status/flags
};

/// The running program: configuration, sources, one runner per monitor, HTTP server.
///
/// Errors of start: whatever the configuration or the listening address is guilty of.
/// Threads: safe for concurrent use; reloads take turns.
class Application {
 public:
  static core::Result<std::unique_ptr<Application>> start(ApplicationOptions options,
                                                          core::Logger& log,
                                                          const core::Clock& clock);
  ~Application();

  /// Reads the configuration again: everything is built and checked aside, then swapped whole; on
  /// an error the old one stays in force. Monitors whose state_key is unchanged keep their windows.
  core::Status reload();

  /// Stops monitors, writes state for at most 5 s, stops serving. Returns within 10 s.
  void stop();

  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  struct Prepared;
  Application(ApplicationOptions options, core::Logger& log, const core::Clock& clock);
  core::Result<Prepared> prepare();
  void swap_in(Prepared prepared) AE_REQUIRES(reload_mutex_);
  [[nodiscard]] std::chrono::milliseconds time_until(std::chrono::nanoseconds deadline) const;
  core::Status serve();
  [[nodiscard]] RunnerDependencies runner_dependencies();

  const ApplicationOptions options_;
  core::Logger* log_;
  const core::Clock* clock_;
  const core::Timestamp start_time_;
  core::LogThrottle throttle_;
  SelfMetrics self_;
  exposition::SnapshotStore snapshots_;
  series::SeriesBudget budget_;
  Engine engine_;
  std::unique_ptr<StateStore> state_;
  Trainer trainer_;
  AlertFeed alerts_;

  /// One reload at a time. Handlers of pages never take this one: stopping a monitor may wait for a
  /// request in flight.
  core::Mutex reload_mutex_;
  std::map<std::string, std::shared_ptr<sources::MetricSource>> sources_
      AE_GUARDED_BY(reload_mutex_);
  std::vector<std::unique_ptr<MonitorRunner>> runners_ AE_GUARDED_BY(reload_mutex_);
  bool stopped_ AE_GUARDED_BY(reload_mutex_) = false;

  mutable core::Mutex mutex_;
  config::Config config_ AE_GUARDED_BY(mutex_);
  bool reload_successful_ AE_GUARDED_BY(mutex_) = false;
  core::Timestamp last_reload_ AE_GUARDED_BY(mutex_);
  std::unique_ptr<api::Server> server_;  // last: its handlers use all of the above
};

/// Makes the source that a configuration describes.
core::Result<std::shared_ptr<sources::MetricSource>> make_source(const config::SourceConfig& config,
                                                                 const core::Clock& clock);

}  // namespace anomaly_exporter::app
