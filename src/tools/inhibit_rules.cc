#include <algorithm>
#include <set>
#include <string_view>

#include "anomaly_exporter/tools/generate_rules.h"
#include "rule_text.h"

namespace anomaly_exporter::tools {

namespace {

using Names = std::vector<std::string>;

/// All subsets of so many labels have rules; of more, only the whole set, each alone and none.
constexpr std::size_t kMostSubsets = 3;

/// Labels by which the presets and common configurations group; one that an alert lacks is equal.
const std::vector<Names>& usual_groups() {
  static const std::vector<Names> groups{{"instance", "job"},
                                         {"cluster", "instance"},
                                         {"region"},
                                         {"service"},
                                         {"device", "instance"}};
  return groups;
}

std::string list(const Names& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// The sets of labels that members of an incident may share: all subsets, or with many labels the
/// whole set, each alone and none. Sorted, as the label `scope` of AnomalyIncident has them.
std::set<Names> scopes_of(Names group) {
  std::sort(group.begin(), group.end());
  std::set<Names> scopes{group, {}};
  for (const std::string& name : group) scopes.insert({name});
  for (unsigned bits = 0; group.size() <= kMostSubsets && bits < 1U << group.size(); ++bits) {
    Names subset;
    for (std::size_t i = 0; i < group.size(); ++i) {
      if ((bits >> i & 1U) != 0) subset.push_back(group[i]);
    }
    scopes.insert(std::move(subset));
  }
  return scopes;
}

constexpr std::string_view kHead =
    R"yaml(  # Critical over what was less of the same series, or the same incident.
  - source_matchers: [alertname=~"AnomalyCritical|AnomalyIncident", severity="critical"]
    target_matchers: [alertname=~"AnomalyWarning|AnomalyInfo|AnomalyIncident", severity=~"warning|info"]
    equal: [monitor, metric, <<labels>>]
  # A source that is down over the anomalies of the monitors that read it.
  - source_matchers: [alertname="AnomalyExporterSourceDown"]
    target_matchers: [alertname=~"Anomaly(Critical|Warning|Info|Incident|SeriesMissing)"]
    equal: [monitor]
  # The webhook that measures delays is the exporter's own: while it is down, people are told all the same.
  - source_matchers: [alertname="AnomalyExporterDown"]
    target_matchers: [alertname="AnomalyNotificationsFailing", integration="webhook"]
  # An incident over its members: what shares the labels that its scope names. One that is a warning
  # holds back no critical alert.
)yaml";

constexpr std::string_view kScope =
    R"yaml(  - source_matchers: [alertname="AnomalyIncident", severity="critical", scope="<<scope>>"]
    target_matchers: [alertname=~"Anomaly(Critical|Warning|Info)"]
    equal: [<<equal>>]
  - source_matchers: [alertname="AnomalyIncident", severity="warning", scope="<<scope>>"]
    target_matchers: [alertname=~"Anomaly(Warning|Info)"]
    equal: [<<equal>>]
)yaml";

}  // namespace

std::string inhibit_rules(const config::Config* config) {
  std::vector<Names> groups;
  Names everywhere{"monitor"};
  std::string out = "inhibit_rules:\n";
  if (config != nullptr) {
    for (const auto& monitor : config->monitors) {
      if (!monitor.group_by) {
        out += "  # Monitor " + monitor.name + " has no group_by: add the labels that tell its " +
               "series apart to every `equal`.\n";
        continue;
      }
      groups.emplace_back();
      for (const auto& label : *monitor.group_by) groups.back().push_back(output_label(label));
      if (groups.back().size() <= kMostSubsets) continue;
      out += "  # Monitor " + monitor.name + ": incidents whose members share some labels, but " +
             "neither all nor only one, hold nothing back.\n";
    }
    for (const auto& [name, value] : config->alerting.external_labels) everywhere.push_back(name);
  }
  if (groups.empty()) groups = usual_groups();
  std::set<std::string> all(everywhere.begin() + 1, everywhere.end());
  std::set<Names> scopes;
  for (const Names& group : groups) {
    all.insert(group.begin(), group.end());
    scopes.merge(scopes_of(group));
  }
  out += fill(kHead, {{"labels", list({all.begin(), all.end()})}});
  for (const Names& scope : scopes) {
    std::string name;
    Names equal = everywhere;
    for (const std::string& label : scope) {
      name += (name.empty() ? "" : "/") + label;
      equal.push_back(label);
    }
    out += fill(kScope, {{"scope", scope.empty() ? "monitor" : name}, {"equal", list(equal)}});
  }
  return out;
}

}  // namespace anomaly_exporter::tools
