#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <string>
#include <vector>

namespace anomaly_exporter::app {

/// Our own metrics about models (`anomaly_exporter_model_...`, `anomaly_exporter_trainings_...`).
/// Part of SelfMetrics. Threads: safe for concurrent use.
class ModelMetrics {
 public:
  ModelMetrics();
  ~ModelMetrics();

  /// Creates the counters of a trained detector with value 0.
  void add_detector(const std::string& monitor, const std::string& detector);
  void remove_monitor(const std::string& monitor);

  /// The model in use; replaces the series of another version. Version 0: none is in use.
  void observe_model(const std::string& monitor, const std::string& detector, unsigned version,
                     double age_seconds);
  /// `result`: adopted, rejected, too_few, failed or stopped.
  void observe_training(const std::string& monitor, const std::string& detector,
                        const std::string& result, double seconds);
  void observe_drift(const std::string& monitor, const std::string& detector, double index);
  void count_rollback(const std::string& monitor, const std::string& detector);
  /// Folders of models that were removed because nobody used them.
  void count_expired(std::size_t folders);

  std::vector<prometheus::MetricFamily> collect() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace anomaly_exporter::app
