#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::app {

/// Our own metrics about sources (`anomaly_exporter_source_...`). Part of SelfMetrics.
/// Threads: safe for concurrent use. Sources are borrowed for the call.
class SourceMetrics {
 public:
  /// The counters go on when a reload replaces the source by another of the same name.
  void observe(const std::string& name, bool up, const sources::MetricSource& source);
  void remove(const std::string& name);

  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

 private:
  /// What was carried over of a source. A reload makes a new source of the same name, which counts
  /// from zero while the old one may still end its last request; hence a few by name.
  struct Carried {
    const sources::MetricSource* source;
    sources::SourceStats stats;
  };
  struct Totals {
    bool up = false;
    sources::SourceStats stats;
    std::vector<Carried> carried;
  };
  mutable core::Mutex mutex_;
  std::map<std::string, Totals> sources_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::app
