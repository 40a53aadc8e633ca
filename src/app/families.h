#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

namespace anomaly_exporter::app {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

/// Collects families by name in the order in which they are opened.
class Families {
 public:
  void open(const char* name, const char* help, prometheus::MetricType type) {
    prometheus::MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type;
    families_.push_back(std::move(family));
  }
  prometheus::ClientMetric& add(MetricLabels labels) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    families_.back().metric.push_back(std::move(metric));
    return families_.back().metric.back();
  }
  template <class Number>
  void counter(MetricLabels labels, Number value) {
    add(std::move(labels)).counter.value = static_cast<double>(value);
  }
  template <class Number>
  void gauge(MetricLabels labels, Number value) {
    add(std::move(labels)).gauge.value = static_cast<double>(value);
  }
  std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace anomaly_exporter::app
