#pragma once

#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/model_metrics.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/publisher.h"
#include "anomaly_exporter/app/source_metrics.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/drops.h"

namespace anomaly_exporter::app {

/// Our own metrics (`anomaly_exporter_...`, `process_...`), kept in a prometheus-cpp registry.
///
/// Lower layers know nothing of it: they keep plain totals, which are carried over here at the end
/// of a tick or at a scrape. Label sets known at start exist from the start with value 0.
///
/// Threads: safe for concurrent use. Ownership: `drops` callbacks are borrowed.
class SelfMetrics {
 public:
  SelfMetrics();
  ~SelfMetrics();

  /// Families as prometheus-cpp collects them, with the process metrics read now.
  std::vector<prometheus::MetricFamily> collect();

  /// Creates the label sets of a monitor. `remove_monitor` takes its gauges and histograms away;
  /// its counters go on when a reload has built it anew, and end with `retain_monitors`.
  /// REQUIRES: a monitor is removed before one of the same name is added.
  void add_monitor(const MonitorState& monitor, const series::DropCounters& drops);
  void remove_monitor(const std::string& name);
  void retain_monitors(const std::vector<std::string>& names);

  /// A tick was evaluated, or was tried while the source was down.
  void observe_tick(const MonitorState& monitor, const TickReport& report,
                    const RunnerStatus& status, std::size_t memory_bytes);
  /// From the tick's data time (or the sample's own) to the end of a stage.
  void observe_latency(const std::string& stage, const std::string& origin, double seconds);
  void count_missed_ticks(const std::string& monitor, std::uint64_t ticks);
  void count_clock_step(const std::string& monitor);
  /// `refused`: running total.
  void observe_incidents(const std::string& monitor, std::uint64_t refused);
  void observe_state_write(bool ok, core::Timestamp now);
  void count_state_skipped();

  SourceMetrics& sources() { return sources_; }
  ModelMetrics& models() { return models_; }

  void observe_reload(bool ok, core::Timestamp now);
  void observe_limits(std::size_t series, std::size_t limit);
  void observe_request(const std::string& handler, int status, double seconds);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  SourceMetrics sources_;
  ModelMetrics models_;
};

}  // namespace anomaly_exporter::app
