#pragma once

#include <string>
#include <vector>

#include "anomaly_exporter/config/config.h"

namespace anomaly_exporter::tools {

/// Where the shipped runbooks are read; `--runbook-url-base` replaces it.
inline constexpr const char* kRunbookUrlBase =
    "https://github.com/anomaly-exporter/anomaly_exporter/blob/main/docs/runbooks";

struct RulesOptions {
  /// Rules for exactly these monitors: their group_by labels, units, thresholds and intervals.
  /// Null for rules that fit any configuration. Must outlive the call.
  const config::Config* config = nullptr;
  /// `runbook_url` is this, a slash, the name of the alert and `.md`. No slash at the end.
  std::string runbook_url_base = kRunbookUrlBase;
  /// `dashboard_url` of anomalies; `{label}` stands for the label's value, percent-encoded. Empty:
  /// the graph of Prometheus itself, which needs no dashboard to exist.
  std::string dashboard_url{};
  /// Name of the scrape job under which Prometheus scrapes us; RE2 characters are taken literally.
  std::string job = "anomaly_exporter";
};

/// Recording and alerting rules over `anomaly_severity`, `anomaly_incident_severity` and
/// `anomaly_series_missing`, as a rule file of Prometheus (YAML). Rules over severities have no
/// `for`: the severity has already held for as long as it must.
/// Errors: InvalidArgument when the configuration does not expose a family the rules need.
core::Result<std::string> anomaly_rules(const RulesOptions& options);

/// Alerting rules over our own health (`anomaly_exporter_...`), as a rule file.
std::string exporter_rules(const RulesOptions& options);

/// `inhibit_rules` of Alertmanager (YAML, with the key): critical over warning, a source that is
/// down over its anomalies, an incident over its members, for the labels by which the configuration
/// groups; null for the usual ones.
std::string inhibit_rules(const config::Config* config);

/// The job by which Prometheus scrapes us at `address` (host:port), as an item of `scrape_configs`.
/// Its interval is the shortest of the monitors', since a score scraped more rarely comes late, and
/// at most a minute.
std::string scrape_config(const config::Config& config, const std::string& job,
                          const std::string& address);

}  // namespace anomaly_exporter::tools
