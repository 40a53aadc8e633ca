#include <cmath>
#include <utility>

#include "anomaly_exporter/core/number_text.h"
#include "presets.h"

namespace anomaly_exporter::config {
namespace {

using ensemble::Direction;
using ensemble::Significance;

/// A PromQL number; an open end becomes the largest number, so that infinities are not valid.
std::string bound_text(double bound) {
  return std::isfinite(bound) ? core::number_text(bound) : bound < 0 ? "-1e308" : "1e308";
}

std::string by(const std::vector<std::string>& labels) {
  std::string out;
  for (const std::string& label : labels) {
    if (!out.empty()) out += ", ";
    out += label;
  }
  return "by (" + out + ") ";
}

MetricConfig metric_of(const char* name, std::string query, const char* unit, Significance judged) {
  MetricConfig metric;
  metric.request.metric = name;
  metric.request.kind = sources::MetricRequest::Kind::Query;
  metric.request.text = std::move(query);
  metric.unit = unit;
  metric.significance = judged;
  return metric;
}

}  // namespace

Preset make_data_quality(const DataQuality& watched, const std::vector<std::string>& group_by) {
  const std::string& data = watched.selector;
  const std::string group = by(group_by);
  const std::string now = "count " + group + "(" + data + ")";
  const std::string lately = "count " + group + "(last_over_time(" + data + "[1h]))";
  const std::string valid = "count " + group + "(" + data + " >= " + bound_text(watched.valid_min) +
                            " <= " + bound_text(watched.valid_max) + ")";
  Preset preset{group_by, data, {}};
  auto& metrics = preset.metrics;
  metrics.push_back(metric_of("completeness",
                              "100 * (" + now + " or 0 * " + lately + ") / " + lately, "percent",
                              {.direction = Direction::Below, .min_deviation_absolute = 1}));
  metrics.push_back(metric_of("validity", "100 * (" + valid + " or 0 * " + now + ") / " + now,
                              "percent",
                              {.direction = Direction::Below, .min_deviation_absolute = 0.1}));
  metrics.push_back(
      metric_of("volume", "sum " + group + "(count_over_time(" + data + "[$rate_window]))",
                "samples", {.min_deviation_absolute = 1, .min_deviation_relative = 0.05}));
  // Without the subquery there is no answer as soon as the last series has ended.
  metrics.push_back(metric_of("staleness",
                              "time() - max " + group + "(timestamp(" + data +
                                  ") or max_over_time(timestamp(" + data + ")[15m:15s]))",
                              "seconds",
                              {.direction = Direction::Above, .min_deviation_absolute = 5}));
  metrics.push_back(metric_of("cardinality", now, "series",
                              {.min_deviation_absolute = 1, .min_deviation_relative = 0.02}));
  if (watched.agrees_with.empty()) return preset;
  const std::string sum = "sum " + group + "(" + data + ")";
  const std::string other = "sum " + group + "(" + watched.agrees_with + ")";
  metrics.push_back(metric_of(
      "consistency", "100 * abs(" + sum + " - " + other + ") / clamp_min(abs(" + other + "), 1e-9)",
      "percent",
      {.direction = Direction::Above,
       .min_deviation_absolute = watched.tolerance_percent,
       .valid_min = 0,
       .valid_max = watched.tolerance_percent}));
  return preset;
}

}  // namespace anomaly_exporter::config
