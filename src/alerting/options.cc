#include "anomaly_exporter/alerting/options.h"

#include <array>
#include <set>
#include <string_view>

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::alerting {
namespace {

core::Error wrong(const std::string& message) {
  return {core::ErrorCode::InvalidArgument, message};
}

constexpr std::array<std::string_view, 5> kOurs{"alertname", "severity", "monitor", "metric",
                                                "scope"};

}  // namespace

core::Status AlertingOptions::validate() const {
  std::set<std::string> urls;
  for (const AlertmanagerOptions& alertmanager : alertmanagers) {
    if (!urls.insert(alertmanager.url).second) {
      return wrong("alertmanagers: \"" + alertmanager.url +
                   "\" is listed twice; list every Alertmanager once");
    }
  }
  if (mode == Mode::Push && alertmanagers.empty()) {
    return wrong("alertmanagers: empty, but mode is push; list where alerts go");
  }
  if (silences.gate_learning && (alertmanagers.empty() || silences.poll.count() == 0)) {
    return wrong(
        "silences.gate_learning: nobody is asked for silences; list the alertmanagers and "
        "poll them");
  }
  for (const auto& [name, value] : external_labels) {
    if (!core::is_legacy_label_name(name)) {
      return wrong("external_labels: \"" + name +
                   "\" is not a label name; use letters, digits and underscores");
    }
    for (const std::string_view ours : kOurs) {
      if (name == ours) {
        return wrong("external_labels: " + name + " is a label of every alert; use another name");
      }
    }
    if (value.empty() || !core::is_valid_utf8(value)) {
      return wrong("external_labels: the value of " + name + " is empty or not UTF-8");
    }
  }
  return {};
}

}  // namespace anomaly_exporter::alerting
