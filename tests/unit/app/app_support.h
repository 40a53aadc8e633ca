#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/rng.h"
#include "support/fake_source.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::app {

inline config::MonitorConfig test_config(std::vector<std::string> metrics,
                                         std::size_t window = 64) {
  config::MonitorConfig config;
  config.name = "m";
  config.source = "fake";
  config.interval = std::chrono::seconds(10);
  config.window = window;
  config.calibration = config.interval * 600;
  config.backfill = std::chrono::hours(24);
  config.expire_after = std::chrono::hours(1);
  config.accept_shift_after = std::chrono::hours(1);
  config.group_by = std::vector<std::string>{"job", "instance"};
  config.detectors.zscore.window = window / 2;
  config.detectors.mad.window = window;
  for (auto& name : metrics) {
    config::MetricConfig metric;
    metric.request.metric = name;
    metric.request.text = name;
    config.metrics.push_back(metric);
  }
  return config;
}

/// Repeatable noise: a standard normal number for an entity, a metric and a tick.
inline double noise(const std::string& entity, const std::string& metric, core::Timestamp t) {
  core::Rng rng(std::hash<std::string>{}(entity + "/" + metric) ^ static_cast<std::uint64_t>(t.ms));
  return rng.normal();
}

/// A monitor with what it borrows.
struct TestMonitor {
  series::SeriesBudget budget{series::SeriesLimitOptions{}};
  series::DropCounters drops;
  std::unique_ptr<MonitorState> state;

  explicit TestMonitor(config::MonitorConfig config)
      : state(MonitorState::create(std::move(config), budget, drops).value()) {}
  MonitorState& operator*() const { return *state; }
  MonitorState* operator->() const { return state.get(); }
};

}  // namespace anomaly_exporter::app
