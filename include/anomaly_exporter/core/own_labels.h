#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace anomaly_exporter::core {

/// Label names that our families, or the alerts made of them, give a meaning of their own. A source
/// label of such a name becomes `exported_<name>`: a rule that puts `severity` over that of two
/// series would make them one, which Prometheus refuses.
inline constexpr std::array<std::string_view, 6> kOwnLabels = {"alertname", "detector", "metric",
                                                               "monitor",   "scope",    "severity"};

constexpr bool is_own_label(std::string_view name) {
  return std::find(kOwnLabels.begin(), kOwnLabels.end(), name) != kOwnLabels.end();
}

}  // namespace anomaly_exporter::core
