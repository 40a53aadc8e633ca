#include "anomaly_exporter/app/alert_feed.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "alert_metrics.h"
#include "anomaly_exporter/exposition/label_text.h"
#include "anomaly_exporter/storage/state_file.h"

namespace anomaly_exporter::app {

using alerting::ActiveAlert;
using alerting::TickAlerts;
using exposition::MonitorSnapshot;
using severity::Level;

namespace {

constexpr const char* kStateFile = "/alerts.state";
constexpr std::size_t kNamedMembers = 5;

std::string saved_alerts(const AlertFeedDependencies& deps) {
  if (deps.storage_path.empty()) return {};
  const std::string path = deps.storage_path + kStateFile;
  auto bytes = storage::read_state_file(path);
  if (bytes) return std::move(*bytes);
  if (bytes.error().code != core::ErrorCode::NotFound) {
    deps.log->warn("state of open alerts not read", {{"error", bytes.error().message}});
    if (bytes.error().code == core::ErrorCode::Corrupt) (void)storage::set_aside(path);
  }
  return {};
}

alerting::NotifierDependencies notifier_dependencies(const AlertFeedDependencies& deps) {
  alerting::NotifierDependencies out{
      .log = deps.log, .clock = deps.clock, .external_url = deps.external_url};
  while (out.external_url.ends_with('/')) out.external_url.pop_back();
  if (!deps.storage_path.empty()) {
    out.save = [folder = deps.storage_path](const std::string& bytes) {
      std::error_code ignored;  // writing says what is wrong
      std::filesystem::create_directories(folder, ignored);
      return storage::write_state_file(folder + kStateFile, bytes);
    };
  }
  out.observe_latency = [self = deps.self](const char* origin, double seconds) {
    if (self != nullptr) self->observe_latency("notification", origin, seconds);
  };
  return out;
}

/// No data is no recovery, and neither is a history too short to tell.
bool is_judged(detectors::Outcome outcome) {
  return outcome != detectors::Outcome::WarmingUp && outcome != detectors::Outcome::NoData;
}

ActiveAlert row_alert(const MonitorSnapshot& s, std::size_t i, core::Timestamp newest_sample) {
  ActiveAlert a;
  a.key = std::string(s.labels->row_text(i));
  a.labels = parse_label_text(a.key);
  a.metric = s.metrics[s.labels->metric_of_row[i]].name;
  a.level = static_cast<Level>(s.severity[i]);
  a.onset = s.onset[i];
  a.opened = s.opened[i];
  a.sample = newest_sample;
  a.has_value = (s.flags[i] & MonitorSnapshot::kHasValue) != 0;
  a.has_expected = (s.flags[i] & MonitorSnapshot::kHasExpected) != 0;
  a.score = s.score[i];
  a.value = s.value[i];
  a.expected = s.expected[i];
  a.lower = s.lower[i];
  a.upper = s.upper[i];
  a.sigmas = s.sigmas[i];
  if (i < s.contribution.size()) a.contribution = s.contribution[i];
  for (std::size_t d = 0; d < s.detectors.size() && d < s.confidence.size(); ++d) {
    if (s.confidence[d][i] >= 0) {
      a.votes.emplace_back(s.detectors[d], static_cast<double>(s.confidence[d][i]));
    }
  }
  return a;
}

ActiveAlert incident_alert(const MonitorSnapshot& s, const incidents::Incident& incident) {
  ActiveAlert a;
  exposition::append_label_text(a.key, s.monitor, "", incident.shared);
  a.labels = parse_label_text(a.key);
  a.is_incident = true;
  a.incident = incident.id;
  a.level = incident.level();
  a.onset = incident.opened;
  a.opened = incident.opened;
  const auto named = [](const incidents::Member& m) { return m.metric + " of " + m.labels.text(); };
  a.summary =
      std::to_string(incident.open_members()) + " series of " + s.monitor + " are unusual together";
  a.description = "Incident " + incident.id + " (" + std::string(to_string(incident.cause)) + "). ";
  if (incident.first < incident.members.size()) {
    a.description += "First to move: " + named(incident.members[incident.first]) + ". ";
  }
  a.description += "Top contributors: ";
  for (std::size_t i = 0; i < std::min(kNamedMembers, incident.members.size()); ++i) {
    a.description += (i > 0 ? ", " : "") + named(incident.members[i]);
  }
  a.description += ".";
  return a;
}

}  // namespace

core::Labels parse_label_text(std::string_view text) {
  std::vector<core::Label> labels;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t equals = text.find("=\"", at);
    if (equals == std::string_view::npos) break;
    core::Label label{std::string(text.substr(at, equals - at)), ""};
    for (at = equals + 2; at < text.size() && text[at] != '"'; ++at) {
      const bool is_escape = text[at] == '\\' && at + 1 < text.size();
      if (is_escape) ++at;
      label.value += is_escape && text[at] == 'n' ? '\n' : text[at];
    }
    labels.push_back(std::move(label));
    at += 2;  // the quote and the comma
  }
  auto made = core::Labels::create(std::move(labels));
  return made ? std::move(*made) : core::Labels();
}

TickAlerts tick_alerts(const MonitorSnapshot& s, core::Duration offset,
                       core::Timestamp newest_sample, const std::vector<std::string>& open_keys) {
  TickAlerts out{.monitor = s.monitor,
                 .time = s.evaluated,
                 .interval = s.interval,
                 .offset = offset,
                 .active = {},
                 .normal = {}};
  std::map<std::uint32_t, std::string> incident_of_row;
  if (s.incidents) {
    for (const incidents::Incident& incident : s.incidents->open) {
      if (!incident.is_shown()) continue;
      for (const auto& member : incident.members) {
        if (member.is_open()) incident_of_row[member.row] = incident.id;
      }
      if (incident.level() != Level::None) out.active.push_back(incident_alert(s, incident));
    }
  }
  std::map<std::uint32_t, std::vector<std::uint32_t>> unusual;  // metrics by entity
  for (std::size_t i = 0; i < s.labels->rows(); ++i) {
    if (s.severity[i] > 0)
      unusual[s.labels->entity_of_row[i]].push_back(s.labels->metric_of_row[i]);
  }
  const std::set<std::string_view> open(open_keys.begin(), open_keys.end());
  for (std::size_t i = 0; i < s.labels->rows(); ++i) {
    if (s.severity[i] > 0) {
      out.active.push_back(row_alert(s, i, newest_sample));
      for (const std::uint32_t metric : unusual[s.labels->entity_of_row[i]]) {
        if (metric == s.labels->metric_of_row[i]) continue;
        out.active.back().company.push_back(s.metrics[metric].name);
      }
      const auto incident = incident_of_row.find(s.labels->row[i]);
      if (incident != incident_of_row.end()) out.active.back().incident = incident->second;
    } else if (!open.empty() && is_judged(s.outcome[i]) && open.contains(s.labels->row_text(i))) {
      out.normal.emplace_back(s.labels->row_text(i));
    }
  }
  return out;
}

AlertFeed::AlertFeed(AlertFeedDependencies dependencies)
    : notifier_(notifier_dependencies(dependencies), saved_alerts(dependencies)) {}

core::Status AlertFeed::check(const config::Config& config, const core::Clock& clock) {
  const auto status = alerting::Notifier::check(config.alerting, clock);
  return status ? status : core::Status(status.error().within("alerting"));
}

void AlertFeed::configure(const config::Config& config) {
  std::map<std::string, std::vector<std::string>> monitors;
  for (const auto& monitor : config.monitors) {
    auto& metrics = monitors[monitor.name];
    for (const auto& metric : monitor.metrics) metrics.push_back(metric.request.metric);
  }
  notifier_.configure(config.alerting, monitors);
  const core::MutexLock lock(mutex_);
  const auto is_gone = [&](const auto& entry) { return !monitors.contains(entry.first); };
  std::erase_if(silenced_, is_gone);
  std::erase_if(missing_, is_gone);
  is_pushing_ = config.alerting.mode == alerting::Mode::Push;
  missing_for_ = config.alerting.missing_for;
}

std::shared_ptr<const LearnGate> AlertFeed::observe(const MonitorSnapshot& snapshot,
                                                    core::Duration offset,
                                                    core::Timestamp newest_sample) {
  if (!snapshot.labels) return nullptr;
  const auto open_keys = notifier_.open_keys(snapshot.monitor);
  TickAlerts tick = tick_alerts(snapshot, offset, newest_sample, open_keys);
  {
    const core::MutexLock lock(mutex_);
    if (is_pushing_) missing_[snapshot.monitor].update(snapshot, missing_for_, open_keys, tick);
  }
  notifier_.observe(tick);
  return silenced(snapshot);
}

std::shared_ptr<const LearnGate> AlertFeed::silenced(const MonitorSnapshot& snapshot) {
  auto silences = notifier_.silences();
  const bool gates = notifier_.silence_options().gate_learning;
  {
    const core::MutexLock lock(mutex_);
    const Silenced& known = silenced_[snapshot.monitor];
    if (known.labels == snapshot.labels && known.silences == silences) {
      return gates ? known.rows : nullptr;
    }
  }
  Silenced fresh{.labels = snapshot.labels, .silences = std::move(silences), .rows = {}};
  if (!fresh.silences.empty()) {
    const auto external = notifier_.external_labels();
    auto rows = std::make_shared<LearnGate>();
    for (std::size_t i = 0; i < fresh.labels->rows(); ++i) {
      ActiveAlert a;
      a.labels = parse_label_text(fresh.labels->row_text(i));
      const bool is_plain =
          external.empty() && !a.labels.value("alertname") && !a.labels.value("severity");
      std::vector<core::Labels> identities;  // of the alerts that the series can have
      const bool is_silenced =
          std::any_of(fresh.silences.begin(), fresh.silences.end(), [&](const auto& silence) {
            if (is_plain && !silence->may_match_series(a.labels)) return false;
            if (identities.empty()) {
              for (const Level level : {Level::Critical, Level::Warning, Level::Info}) {
                a.level = level;
                identities.push_back(alert_labels(a, external));
              }
            }
            return std::any_of(identities.begin(), identities.end(),
                               [&](const auto& identity) { return silence->matches(identity); });
          });
      if (!is_silenced) continue;
      const std::uint32_t row = fresh.labels->row[i];
      if (row >= rows->size()) rows->resize(row + 1);
      (*rows)[row] = 1;
      ++fresh.series;
    }
    fresh.rows = std::move(rows);
  }
  auto rows = fresh.rows;
  const core::MutexLock lock(mutex_);
  silenced_[snapshot.monitor] = std::move(fresh);
  return gates ? rows : nullptr;
}

std::vector<prometheus::MetricFamily> AlertFeed::collect() const {
  std::map<std::string, std::uint64_t> silenced;
  {
    const core::MutexLock lock(mutex_);
    for (const auto& [monitor, state] : silenced_) silenced[monitor] = state.series;
  }
  return alert_families(notifier_.stats(), silenced);
}

}  // namespace anomaly_exporter::app
