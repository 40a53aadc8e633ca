#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/publisher.h"
#include "anomaly_exporter/app/self_metrics.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::app {

/// What a watch works with. Borrowed; outlive it.
struct SourceWatchDependencies {
  SelfMetrics* self = nullptr;
  core::Logger* log = nullptr;
  core::LogThrottle* throttle = nullptr;
  const core::Clock* clock = nullptr;
};

/// Follows what the ticks of one monitor tell of its source, and carries it into the status page,
/// the log (said once, then once a minute) and our own metrics: down, refused queries, warnings,
/// metrics without series, clocks that differ.
///
/// Threads: one at a time; `is_up` from any.
class SourceWatch {
 public:
  SourceWatch(SourceWatchDependencies dependencies, const MonitorState& monitor);

  void note(const TickReport& report, sources::MetricSource& source, RunnerStatus& status,
            const std::stop_token& stop);
  /// A line of the log about the source; `key` says which ones are the same.
  void say(core::LogLevel level, const std::string& key, std::string_view message,
           const std::string& error);

  [[nodiscard]] bool is_up() const { return is_up_; }

 private:
  /// A metric without series: since when, and whether the log has told why.
  struct EmptySince {
    std::optional<std::chrono::nanoseconds> since;
    bool is_explained = false;
  };
  void explain_empty_metrics(const TickReport& report, sources::MetricSource& source,
                             RunnerStatus& status, const std::stop_token& stop);

  const SourceWatchDependencies deps_;
  const MonitorState* const monitor_;
  std::vector<EmptySince> empty_since_;  // by metric
  std::atomic<bool> is_up_{false};
};

}  // namespace anomaly_exporter::app
