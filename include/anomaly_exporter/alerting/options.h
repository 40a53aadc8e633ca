#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/net/http_client.h"

namespace anomaly_exporter::alerting {

/// Who turns an anomaly into an alert. Never both: with `Rules` Prometheus does it by the shipped
/// rules and we send nothing; with `Push` we send to Alertmanager and those rules must not be
/// loaded.
enum class Mode { Rules, Push };

/// One Alertmanager. Every one of a cluster is listed; they must not stand behind a load balancer.
struct AlertmanagerOptions {
  std::string
      url{};  ///< base URL with its path prefix, without `/api/v2`; also its name in metrics
  net::HttpClientOptions http{};  ///< `timeout` and `response_bytes` are set by AlertingOptions
};

/// What silences of the Alertmanagers do to us.
struct SilenceOptions {
  core::Duration poll = std::chrono::seconds(30);  ///< 0 = never asked; 1 s to 1 h
  /// Push mode: a silenced series opens no alert. One that is open already is still told to
  /// Alertmanager, which mutes it by itself.
  bool gate_alerts = true;
  /// A silenced series does not teach profiles and calibration, and detectors only as far as they
  /// would otherwise run out of values.
  bool gate_learning = false;
};

/// How alerts are sent. Ranges as validate() checks them.
struct AlertingOptions {
  Mode mode = Mode::Rules;
  std::vector<AlertmanagerOptions> alertmanagers{};       ///< at most kMaxAlertmanagers
  core::Duration resend_delay = std::chrono::minutes(1);  ///< firing alerts are sent again, 1s-1h
  core::Duration resolve_for =
      std::chrono::minutes(15);  ///< resolved ones are sent again for, <=1d
  /// An open alert whose series is not judged (source down, restart) is kept firing for so long.
  core::Duration hold = std::chrono::minutes(15);  ///< 0 to 7 d
  /// Samples of an entity stay away for so long before AnomalySeriesMissing is sent. 0 to 1 d.
  core::Duration missing_for = std::chrono::minutes(2);
  core::Duration timeout = std::chrono::seconds(10);     ///< one request, 10 ms to 5 m
  std::size_t queue_limit = 10'000;                      ///< alerts waiting per Alertmanager
  std::size_t open_limit = 10'000;                       ///< alerts open at once
  std::size_t batch = 256;                               ///< alerts per request, 1 to 10,000
  core::Duration throttle = std::chrono::minutes(5);     ///< 0 = off, at most 1 d
  std::map<std::string, std::string> external_labels{};  ///< added to every alert
  std::string runbook_url{}, dashboard_url{};            ///< templates, see AlertText; "" = none
  SilenceOptions silences{};

  static constexpr std::size_t kMaxAlertmanagers = 32;

  /// Errors: InvalidArgument beginning with the key: no or a repeated URL, push without an
  /// Alertmanager, external label that is one of ours or not a label name, gate_learning without an
  /// Alertmanager or without polling.
  [[nodiscard]] core::Status validate() const;
};

}  // namespace anomaly_exporter::alerting
