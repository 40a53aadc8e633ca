#pragma once

#include <prometheus/metric_family.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/alerting/notifier.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::api {

/// What the server needs from the rest of the program.
///
/// Threads: called from HTTP threads, several at a time. They return quickly (`reload` may take as
/// long as a reload takes) and outlive the server. An empty function means "nothing to tell".
struct ServerHooks {
  std::function<exposition::ExpositionOptions()> exposition;
  std::function<std::vector<prometheus::MetricFamily>()> own_metrics;
  std::function<core::Status()> reload;
  std::function<std::string()> config_text;  ///< secrets already replaced
  std::function<std::vector<std::pair<std::string, std::string>>()> flags;
  struct RuntimeInfo {
    core::Timestamp start_time;
    bool reload_successful = true;
    core::Timestamp last_reload;
  };
  std::function<RuntimeInfo()> runtime;
  /// A notification that Alertmanager sent to our webhook.
  std::function<void(const alerting::WebhookMessage& message)> notified;
  struct Notifications {
    std::vector<alerting::OpenAlert> open;
    std::vector<alerting::Notified> received;  ///< newest last
  };
  std::function<Notifications()> notifications;
  /// One served request, for our own metrics: path pattern, status, seconds. The pattern is one of
  /// the registered paths without prefix, or "other", so its number is bounded.
  std::function<void(const std::string& handler, int status, double seconds)> observe_request;
};

}  // namespace anomaly_exporter::api
