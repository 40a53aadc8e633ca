#pragma once

#include <prometheus/metric_family.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::app {

/// Our own metrics about sources (`anomaly_exporter_source_...`). Part of SelfMetrics.
/// Threads: safe for concurrent use. Sources are borrowed for the call.
class SourceMetrics {
 public:
  /// What a monitor's last try to read came to.
  struct Try {
    std::string monitor;
    bool is_answered = false;
    std::chrono::nanoseconds now{0};  ///< monotonic
    core::Duration interval{0};       ///< until the monitor tries again
  };
  /// A source is up when one of the monitors that read it was answered at its last try: what one of
  /// them asks for may be refused while the others are served. An answer holds for two of the
  /// monitor's intervals, at most kLongestAnswer, once another monitor gets none.
  static constexpr core::Duration kLongestAnswer = std::chrono::minutes(2);
  void observe(const std::string& name, const sources::MetricSource& source, const Try& latest);
  /// A source that is read, but was not yet. The counters go on when a reload replaces the source
  /// by another of the same name.
  void add(const std::string& name, const sources::MetricSource& source);
  void observe_series(const std::string& name, std::size_t series, std::size_t limit);
  void remove(const std::string& name);
  void remove_monitor(const std::string& monitor);

  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

 private:
  /// What was carried over of a source. A reload makes a new source of the same name, which counts
  /// from zero while the old one may still end its last request; hence a few by name.
  struct Carried {
    const sources::MetricSource* source;
    sources::SourceStats stats;
  };
  struct Totals {
    std::map<std::string, std::chrono::nanoseconds> answered;  ///< monitor -> until when it holds
    sources::SourceStats stats;
    std::size_t series = 0, series_limit = 0;
    std::vector<Carried> carried;
  };
  mutable core::Mutex mutex_;
  std::map<std::string, Totals> sources_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::app
