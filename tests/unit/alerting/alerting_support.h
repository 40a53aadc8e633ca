#pragma once

#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/alerting/alert_book.h"

namespace anomaly_exporter::alerting {

using severity::Level;
using std::chrono::minutes;
using std::chrono::seconds;

inline core::Timestamp at(const std::string& time) {
  return core::parse_timestamp("2026-03-01T" + time + "Z").value();
}

inline core::Labels labels_of(std::vector<core::Label> labels) {
  return core::Labels::create(std::move(labels)).value();
}

/// The series `metric` of `host` in monitor "link", anomalous.
inline ActiveAlert anomalous(const std::string& metric, Level level,
                             const std::string& host = "a") {
  ActiveAlert out;
  out.key = "monitor=\"link\",metric=\"" + metric + "\",instance=\"" + host + "\"";
  out.labels = labels_of({{"monitor", "link"}, {"metric", metric}, {"instance", host}});
  out.metric = metric;
  out.level = level;
  out.has_value = out.has_expected = true;
  out.score = 0.97;
  out.value = 40;
  out.expected = 100;
  out.lower = 80;
  out.upper = 120;
  out.sigmas = 12.5;
  out.votes = {{"zscore", 0.95}, {"mad", 0.5}};
  return out;
}

inline TickAlerts tick_of(core::Timestamp time, std::vector<ActiveAlert> active,
                          std::vector<std::string> normal = {},
                          core::Duration interval = seconds(10)) {
  return {.monitor = "link",
          .time = time,
          .interval = interval,
          .offset = core::Duration(0),
          .active = std::move(active),
          .normal = std::move(normal)};
}

inline AlertingOptions push_options() {
  AlertingOptions out;
  out.mode = Mode::Push;
  out.alertmanagers = {{.url = "http://localhost:9093", .http = {}}};
  out.throttle = core::Duration(0);
  return out;
}

inline std::string name_of(const Alert& alert) {
  return std::string(alert.labels.value("alertname").value_or("")) +
         (alert.is_resolved ? " resolved" : "");
}

inline std::vector<std::string> names_of(const std::vector<Alert>& alerts) {
  std::vector<std::string> out;
  for (const Alert& alert : alerts) out.push_back(name_of(alert));
  return out;
}

}  // namespace anomaly_exporter::alerting
