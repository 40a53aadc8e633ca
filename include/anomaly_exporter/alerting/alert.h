#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "anomaly_exporter/alerting/active_alert.h"
#include "anomaly_exporter/alerting/options.h"
#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::alerting {

/// An alert as Alertmanager knows it. The label set is its identity; annotations may change.
struct Alert {
  core::Labels labels;
  std::map<std::string, std::string> annotations;
  core::Timestamp starts_at, ends_at;
  std::string generator_url;  ///< empty = left out
  bool is_resolved = false;
};

inline constexpr std::string_view kMissingAlert = "AnomalySeriesMissing";

/// AnomalyIncident, AnomalySeriesMissing, AnomalyCritical, AnomalyWarning or AnomalyInfo.
std::string alert_name(const ActiveAlert& active);

/// Identity: the series' labels, `alertname`, `severity` and the external labels. A label of the
/// series that is called like one of the last becomes `exported_<name>`. Nothing that changes while
/// the level stays, and nothing of this process, enters: two exporters with the same configuration
/// and data make the same identity.
core::Labels alert_labels(const ActiveAlert& active,
                          const std::map<std::string, std::string>& external_labels);

/// Summary, description (value, expected, band, sigmas, votes, since when, what else is unusual),
/// runbook_url and dashboard_url.
/// `{name}` in the two templates stands for the percent-encoded value of that label.
std::map<std::string, std::string> alert_annotations(const ActiveAlert& active,
                                                     const core::Labels& identity,
                                                     const AlertingOptions& options);

/// Fills `{name}` in a template by percent-encoded label values; an absent label is empty.
std::string fill_template(const std::string& text, const core::Labels& labels);

/// Body of `POST /api/v2/alerts` (Alertmanager api/v2/openapi.yaml, postableAlerts): keys in a
/// fixed order, labels and annotations sorted, so that equal alerts are equal bytes.
std::string alerts_body(std::span<const Alert> alerts);

}  // namespace anomaly_exporter::alerting
