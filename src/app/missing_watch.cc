#include "anomaly_exporter/app/missing_watch.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "anomaly_exporter/app/alert_feed.h"

namespace anomaly_exporter::app {

using alerting::ActiveAlert;
using exposition::MonitorSnapshot;

namespace {

/// Apart from the keys of series and incidents, which are label texts.
constexpr std::string_view kKeyPrefix = "missing ";

struct Found {
  std::vector<std::string> missing, present;  ///< names of metrics
  bool is_unknown = false;                    ///< some metric could not be read
};

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

ActiveAlert missing_alert(const MonitorSnapshot& s, std::string_view entity, const Found& found) {
  ActiveAlert a;
  a.key = std::string(kKeyPrefix) + std::string(entity);
  a.labels = parse_label_text(entity);
  a.is_missing = true;
  a.level = severity::Level::Warning;
  const std::vector<std::string> ours{"monitor"};
  const core::Labels own = a.labels.drop(ours);
  const std::string who = own.empty() ? "Everything" : own.text();
  const std::size_t count = found.missing.size();
  a.summary = who + " of monitor " + s.monitor + " no longer reports " + std::to_string(count) +
              (count == 1 ? " metric" : " metrics");
  a.description = who + " (monitor " + s.monitor +
                  ") had samples before and has none now. Missing: " + joined(found.missing) + ". ";
  a.description += found.present.empty()
                       ? "Nothing of it is left. Look first whether the host or its exporter is "
                         "down (`up` in Prometheus)."
                       : "Still there: " + joined(found.present) +
                             ". Look first at what exports the missing ones.";
  return a;
}

/// Of every entity of which some metric is missing or could not be read.
std::map<std::string_view, Found> incomplete_entities(const MonitorSnapshot& s) {
  std::map<std::string_view, Found> out;
  const exposition::OutputLabels& labels = *s.labels;
  constexpr auto is_present = [](std::uint8_t flags) {
    return (flags & MonitorSnapshot::kHasValue) != 0;
  };
  if (std::all_of(s.flags.begin(), s.flags.end(), is_present)) return out;
  for (std::size_t i = 0; i < labels.rows(); ++i) {
    if (is_present(s.flags[i])) continue;
    Found& found = out[labels.entity_text(labels.entity_of_row[i])];
    if ((s.flags[i] & MonitorSnapshot::kMissing) != 0) {
      found.missing.push_back(s.metrics[labels.metric_of_row[i]].name);
    } else {
      found.is_unknown = true;
    }
  }
  for (std::size_t i = 0; i < labels.rows(); ++i) {
    if (!is_present(s.flags[i])) continue;
    const auto found = out.find(labels.entity_text(labels.entity_of_row[i]));
    if (found != out.end()) {
      found->second.present.push_back(s.metrics[labels.metric_of_row[i]].name);
    }
  }
  return out;
}

}  // namespace

void MissingWatch::update(const MonitorSnapshot& snapshot, core::Duration hold,
                          const std::vector<std::string>& open_keys, alerting::TickAlerts& out) {
  const auto incomplete = incomplete_entities(snapshot);
  const std::set<std::string> open(open_keys.begin(), open_keys.end());
  std::erase_if(ticks_, [&](const auto& entry) {
    const auto found = incomplete.find(entry.first);
    return found == incomplete.end() ||
           (found->second.missing.empty() && !found->second.is_unknown);
  });
  for (const auto& [entity, found] : incomplete) {
    if (found.missing.empty()) continue;
    const std::int64_t ticks = ++ticks_.try_emplace(std::string(entity), 0).first->second;
    const bool is_open = open.contains(std::string(kKeyPrefix) + std::string(entity));
    if (!is_open && (ticks - 1) * snapshot.interval < hold) continue;
    out.active.push_back(missing_alert(snapshot, entity, found));
  }
  for (const std::string& key : open_keys) {
    if (!key.starts_with(kKeyPrefix)) continue;
    if (!incomplete.contains(std::string_view(key).substr(kKeyPrefix.size()))) {
      out.normal.push_back(key);
    }
  }
}

}  // namespace anomaly_exporter::app
