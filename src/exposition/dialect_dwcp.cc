// dwcp speaks of seven metrics as wholes, not of series: counts come from our own counters, the
// confidence is the highest among the series of a metric.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "dialects.h"
#include "own_families.h"

namespace anomaly_exporter::exposition {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Elements of novacron's metric vector, in its order.
constexpr std::string_view kMetrics[] = {"bandwidth", "latency",      "packet_loss", "jitter",
                                         "cpu_usage", "memory_usage", "error_rate"};

bool is_dwcp_metric(std::string_view name) {
  return std::find(std::begin(kMetrics), std::end(kMetrics), name) != std::end(kMetrics);
}

std::string_view label_of(const ClientMetric& metric, std::string_view name) {
  for (const ClientMetric::Label& label : metric.label) {
    if (label.name == name) return label.value;
  }
  return {};
}

std::span<const ClientMetric> metrics_of(std::span<const MetricFamily> own, std::string_view name) {
  for (const MetricFamily& family : own) {
    if (family.name == name) return family.metric;
  }
  return {};
}

MetricFamily family_of(std::size_t number, const char* help, MetricType type) {
  MetricFamily family;
  family.name = kDwcpFamilies[number];
  family.help = help;
  family.type = type;
  return family;
}

/// Monitors that watch at least one of the seven, with their number of metrics.
std::map<std::string_view, std::size_t> dwcp_monitors(const SnapshotStore::List& snapshots) {
  std::map<std::string_view, std::size_t> out;
  for (const auto& s : snapshots) {
    const bool watches = std::any_of(s->metrics.begin(), s->metrics.end(), [](const auto& metric) {
      return is_dwcp_metric(metric.name);
    });
    if (watches) out[s->monitor] = s->metrics.size();
  }
  return out;
}

MetricFamily detected(std::span<const MetricFamily> own) {
  auto family =
      family_of(0, "Anomalies found, by metric, severity and model.", MetricType::Counter);
  std::map<std::array<std::string_view, 3>, double> sums;  // over monitors
  for (const ClientMetric& metric : metrics_of(own, "anomaly_exporter_anomalies_total")) {
    const std::string_view name = label_of(metric, "metric");
    if (!is_dwcp_metric(name)) continue;
    sums[{name, label_of(metric, "severity"), label_of(metric, "detector")}] +=
        metric.counter.value;
  }
  for (const auto& [key, sum] : sums) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = {{"metric_name", std::string(key[0])},
                    {"severity", std::string(key[1])},
                    {"model_type", std::string(key[2])}};
    metric.counter.value = sum;
  }
  return family;
}

MetricFamily confidence(const SnapshotStore::List& snapshots) {
  auto family = family_of(1, "Highest confidence of a model among the series of a metric, 0 to 1.",
                          MetricType::Gauge);
  std::map<std::pair<std::string_view, std::string_view>, double> highest;
  const auto raise = [&](std::string_view metric, std::string_view model, double value) {
    double& known = highest[{metric, model}];
    known = std::max(known, value);
  };
  for (const auto& s : snapshots) {
    if (!s->labels) continue;
    const std::size_t rows = std::min({s->labels->rows(), s->flags.size(), s->score.size()});
    for (std::size_t i = 0; i < rows; ++i) {
      if ((s->flags[i] & MonitorSnapshot::kScored) == 0) continue;
      const std::string_view metric = split_row(s->labels->row_text(i)).metric;
      if (!is_dwcp_metric(metric)) continue;
      raise(metric, "ensemble", s->score[i]);
      for (std::size_t d = 0; d < std::min(s->detectors.size(), s->confidence.size()); ++d) {
        if (i >= s->confidence[d].size() || s->confidence[d][i] < 0) continue;
        raise(metric, s->detectors[d], s->confidence[d][i]);
      }
    }
  }
  for (const auto& [key, value] : highest) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = {{"metric_name", std::string(key.first)},
                    {"model_type", std::string(key.second)}};
    metric.gauge.value = value;
  }
  return family;
}

MetricFamily latency(std::span<const MetricFamily> own) {
  auto family =
      family_of(2, "From a tick's data time to its published scores.", MetricType::Histogram);
  for (const ClientMetric& metric : metrics_of(own, "anomaly_exporter_detection_latency_seconds")) {
    if (label_of(metric, "stage") != "publish" || label_of(metric, "origin") != "tick") continue;
    family.metric.emplace_back(metric).label.clear();
    break;
  }
  return family;
}

/// A vector is one value of each metric, so values are counted and divided by the metrics.
MetricFamily processed(const SnapshotStore::List& snapshots, std::span<const MetricFamily> own) {
  auto family = family_of(3, "Metric vectors judged.", MetricType::Counter);
  const auto monitors = dwcp_monitors(snapshots);
  double vectors = 0;
  for (const ClientMetric& metric : metrics_of(own, "anomaly_exporter_samples_processed_total")) {
    const auto monitor = monitors.find(label_of(metric, "monitor"));
    if (monitor == monitors.end()) continue;
    vectors += metric.counter.value / static_cast<double>(monitor->second);
  }
  family.metric.emplace_back().counter.value = vectors;
  return family;
}

}  // namespace

void write_dwcp(Page& page, Format format, const SnapshotStore::List& snapshots,
                std::span<const MetricFamily> own) {
  write_own_family(page, format, detected(own));
  write_own_family(page, format, confidence(snapshots));
  write_own_family(page, format, latency(own));
  write_own_family(page, format, processed(snapshots, own));
}

}  // namespace anomaly_exporter::exposition
