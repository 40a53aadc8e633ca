#include "anomaly_exporter/alerting/alert_book.h"

#include <algorithm>
#include <utility>

#include "anomaly_exporter/net/http_client.h"

namespace anomaly_exporter::alerting {

using core::Duration;
using core::Timestamp;
using severity::Level;

std::string_view to_string(Suppression reason) {
  switch (reason) {
    case Suppression::None:
      return "none";
    case Suppression::Incident:
      return "incident";
    case Suppression::Silence:
      return "silence";
    case Suppression::Throttle:
      return "throttle";
    case Suppression::Limit:
      return "limit";
  }
  return "none";
}

AlertBook::AlertBook(AlertingOptions options, std::string external_url)
    : options_(std::move(options)), external_url_(std::move(external_url)) {}

/// Before the delay is over by one interval, so that with three posts lost the fourth still comes
/// in time.
bool AlertBook::is_due(Timestamp last, Timestamp now, Duration interval) const {
  const Duration wait = std::max(options_.resend_delay - interval, options_.resend_delay / 2);
  return last.ms == 0 || now < last || now - last >= wait;
}

Alert AlertBook::firing(const Episode& e, const Monitor& monitor, Timestamp due) const {
  Alert alert;
  alert.labels = e.identity;
  alert.annotations = alert_annotations(e.latest, e.identity, options_);
  alert.starts_at = std::min(e.starts_at, due);
  alert.ends_at = due + 4 * std::max(monitor.interval, options_.resend_delay);
  if (!external_url_.empty()) {
    const auto name = e.latest.labels.value("monitor").value_or("");
    alert.generator_url = external_url_ + "/api/v1/scores?monitor=" + net::percent_encode(name);
    if (!e.latest.metric.empty()) {
      alert.generator_url += "&metric=" + net::percent_encode(e.latest.metric);
    }
  }
  return alert;
}

/// The alert of an episode ends; the episode may go on under another identity.
void AlertBook::resolve(Monitor& monitor, Episode& e, Timestamp due) {
  if (e.suppressed == Suppression::None) {
    --open_alerts_;
    Alert alert = firing(e, monitor, due);
    alert.ends_at = due;
    alert.is_resolved = true;
    if (monitor.resolved.size() < options_.open_limit) {
      monitor.resolved[e.identity] = {std::move(alert), Timestamp{}};
    } else {
      ++suppressed_[static_cast<std::size_t>(Suppression::Limit)];  // ends by itself at endsAt
    }
  }
  ++version_;
}

/// `succeeds`: the alert takes the place of one that was told and is resolved at this tick.
Suppression AlertBook::suppression_of(const ActiveAlert& active, const core::Labels& identity,
                                      Timestamp due, const IsSilenced& is_silenced, bool succeeds) {
  if (!active.incident.empty() && !active.is_incident) return Suppression::Incident;
  const bool is_gated = options_.silences.gate_alerts && !succeeds;
  if (is_gated && is_silenced && is_silenced(identity)) return Suppression::Silence;
  if (open_alerts_ >= options_.open_limit) return Suppression::Limit;
  if (active.is_incident) return Suppression::None;
  const std::string monitor(active.labels.value("monitor").value_or(""));
  const std::string metric = active.is_missing ? std::string(kMissingAlert) : active.metric;
  const bool is_admitted = throttle_.admit(monitor, metric, active.level, due, options_.throttle);
  return is_admitted || succeeds ? Suppression::None : Suppression::Throttle;
}

/// An incident whose shared labels changed has another key, and goes on.
void AlertBook::follow_incident(Monitor& monitor, const ActiveAlert& active) {
  if (!active.is_incident || active.incident.empty() || monitor.episodes.contains(active.key)) {
    return;
  }
  const auto old =
      std::find_if(monitor.episodes.begin(), monitor.episodes.end(), [&](const auto& entry) {
        return entry.second.latest.is_incident && entry.second.latest.incident == active.incident;
      });
  if (old == monitor.episodes.end()) return;
  auto node = monitor.episodes.extract(old);
  node.key() = active.key;
  node.mapped().key = active.key;
  monitor.episodes.insert(std::move(node));
}

void AlertBook::take_in(Monitor& monitor, const ActiveAlert& active, Timestamp due,
                        const IsSilenced& is_silenced) {
  follow_incident(monitor, active);
  auto [it, is_new] = monitor.episodes.try_emplace(active.key);
  Episode& e = it->second;
  core::Labels identity = alert_labels(active, options_.external_labels);
  if (is_new) {
    e.key = active.key;
    e.opened = active.opened.ms != 0 ? std::min(active.opened, due) : due;
  }
  const bool is_opening = is_new || !(identity == e.identity);
  const bool succeeds = is_opening && !is_new && e.suppressed == Suppression::None;
  if (is_opening) {
    if (!is_new) resolve(monitor, e, due);
    e.identity = std::move(identity);
    e.starts_at = is_new ? e.opened : due;
    e.began = !is_new ? due : active.onset.ms != 0 ? active.onset : e.opened;
    // As old as the newest sample was at this tick.
    e.sample = active.sample.ms != 0 ? e.began - (due - active.sample) : core::Timestamp{};
    e.last_sent = {};
    e.notified = {};
  }
  e.latest = active;
  e.last_seen = due;
  e.is_restored = false;
  e.starts_at = std::min(e.starts_at, due);
  if (!is_opening && e.suppressed == Suppression::None) return;
  const Suppression before = is_opening ? Suppression::None : e.suppressed;
  e.suppressed = suppression_of(active, e.identity, due, is_silenced, succeeds);
  if (e.suppressed == Suppression::None) {
    ++open_alerts_;
    ++version_;
    e.last_sent = {};
    monitor.resolved.erase(e.identity);
  } else if (e.suppressed != before) {
    ++suppressed_[static_cast<std::size_t>(e.suppressed)];
  }
}

/// Whether an episode found normal at `due` is over.
bool AlertBook::has_settled(Episode& e, Timestamp due) const {
  if (!e.is_restored) return true;
  if (e.normal_since.ms == 0 || due < e.normal_since) e.normal_since = due;
  return due - e.normal_since >= std::min(kSettle, options_.hold);
}

/// Episodes that nobody has judged for `hold` end.
void AlertBook::let_go(Monitor& monitor, Timestamp due) {
  for (auto it = monitor.episodes.begin(); it != monitor.episodes.end();) {
    Episode& e = it->second;
    e.last_seen = std::min(e.last_seen, due);
    e.starts_at = std::min(e.starts_at, due);  // a restored one may come from a clock ahead of ours
    const bool is_over = e.last_seen < due && due - e.last_seen >= options_.hold;
    if (is_over) resolve(monitor, e, due);
    it = is_over ? monitor.episodes.erase(it) : std::next(it);
  }
}

/// What is due at `due`: firing ones first, in the order of their keys.
void AlertBook::collect(Monitor& monitor, Timestamp due, std::vector<Alert>& out) {
  for (auto& [key, e] : monitor.episodes) {
    if (e.suppressed != Suppression::None || !is_due(e.last_sent, due, monitor.interval)) continue;
    e.last_sent = due;
    out.push_back(firing(e, monitor, due));
  }
  for (auto it = monitor.resolved.begin(); it != monitor.resolved.end();) {
    Resolved& r = it->second;
    if (due > r.alert.ends_at && due - r.alert.ends_at >= options_.resolve_for) {
      it = monitor.resolved.erase(it);
      continue;
    }
    if (is_due(r.last_sent, due, monitor.interval)) {
      r.last_sent = due;
      out.push_back(r.alert);
    }
    ++it;
  }
}

std::vector<Alert> AlertBook::update(const TickAlerts& tick, const IsSilenced& is_silenced) {
  Monitor& monitor = monitors_[tick.monitor];
  const Timestamp due = tick.time + tick.offset;
  monitor.interval = tick.interval;
  monitor.offset = tick.offset;
  if (monitor.due == due) return {};
  monitor.due = due;
  std::map<std::string_view, bool> seen;
  for (const ActiveAlert& active : tick.active) {
    take_in(monitor, active, due, is_silenced);
    seen[active.key] = true;
  }
  const auto end = [&](std::map<std::string, Episode>::iterator it) {
    resolve(monitor, it->second, due);
    return monitor.episodes.erase(it);
  };
  for (const std::string& key : tick.normal) {
    const auto it = monitor.episodes.find(key);
    if (it == monitor.episodes.end() || seen.contains(key)) continue;
    if (has_settled(it->second, due)) end(it);
  }
  for (auto it = monitor.episodes.begin(); it != monitor.episodes.end();) {
    const bool is_past =
        it->second.latest.is_incident && !seen.contains(it->first) && has_settled(it->second, due);
    it = is_past ? end(it) : std::next(it);
  }
  let_go(monitor, due);
  std::vector<Alert> out;
  collect(monitor, due, out);
  return out;
}

std::vector<Alert> AlertBook::idle(Timestamp now) {
  std::vector<Alert> out;
  for (auto& [name, monitor] : monitors_) {
    const bool is_late =
        now < monitor.due || now - monitor.due > options_.resend_delay + 2 * monitor.interval;
    if (!is_late) continue;
    const std::int64_t step = std::max<std::int64_t>(monitor.interval.count(), 1);
    const Timestamp due = Timestamp{(now - monitor.offset).ms / step * step} + monitor.offset;
    let_go(monitor, due);
    collect(monitor, due, out);
  }
  std::erase_if(monitors_, [](const auto& entry) {
    const Monitor& monitor = entry.second;
    return monitor.due.ms == 0 && monitor.episodes.empty() && monitor.resolved.empty();
  });
  return out;
}

void AlertBook::configure(AlertingOptions options) {
  options_ = std::move(options);
  for (auto& [name, monitor] : monitors_) {
    for (auto& [key, e] : monitor.episodes) {
      core::Labels identity = alert_labels(e.latest, options_.external_labels);
      if (!(identity == e.identity)) {
        const bool was_open = e.suppressed == Suppression::None;
        const Timestamp starts_at = e.starts_at;
        resolve(monitor, e, std::max(monitor.due, starts_at));
        e.identity = std::move(identity);
        if (was_open) ++open_alerts_;
      }
      e.last_sent = {};
    }
    for (auto& [identity, resolved] : monitor.resolved) resolved.last_sent = {};
  }
}

void AlertBook::clock_stepped(Duration step) {
  const auto move = [step](Timestamp& time) {
    if (time.ms != 0) time = time + step;
  };
  for (auto& [name, monitor] : monitors_) {
    move(monitor.due);
    for (auto& [key, e] : monitor.episodes) {
      for (Timestamp* time : {&e.opened, &e.began, &e.sample, &e.starts_at, &e.last_seen,
                              &e.normal_since, &e.notified}) {
        move(*time);
      }
      e.last_sent = {};
    }
    for (auto& [identity, resolved] : monitor.resolved) {
      move(resolved.alert.starts_at);
      move(resolved.alert.ends_at);
      resolved.last_sent = {};
    }
  }
  throttle_.clock_stepped(step);
  ++version_;
}

std::vector<Alert> AlertBook::flush() {
  std::vector<Alert> out;
  for (auto& [name, monitor] : monitors_) {
    if (monitor.due.ms != 0) collect(monitor, monitor.due, out);
  }
  return out;
}

void AlertBook::retain(const std::map<std::string, std::vector<std::string>>& monitors,
                       Timestamp now) {
  for (auto& [name, monitor] : monitors_) {
    const auto kept = monitors.find(name);
    for (auto it = monitor.episodes.begin(); it != monitor.episodes.end();) {
      const std::string& metric = it->second.latest.metric;
      const bool stays = kept != monitors.end() &&
                         (metric.empty() || std::find(kept->second.begin(), kept->second.end(),
                                                      metric) != kept->second.end());
      if (!stays) resolve(monitor, it->second, now);
      it = stays ? std::next(it) : monitor.episodes.erase(it);
    }
    if (kept == monitors.end()) monitor.due = {};  // never ticks again: idle() tells of its end
  }
}

std::vector<std::string> AlertBook::open_keys(const std::string& monitor) const {
  std::vector<std::string> keys;
  const auto found = monitors_.find(monitor);
  if (found == monitors_.end()) return keys;
  for (const auto& [key, episode] : found->second.episodes) keys.push_back(key);
  return keys;
}

AlertBook::Episode* AlertBook::find(const core::Labels& labels) {
  const auto monitor = monitors_.find(std::string(labels.value("monitor").value_or("")));
  if (monitor == monitors_.end()) return nullptr;
  const std::string_view metric = labels.value("metric").value_or("");
  const auto severity = labels.value("severity");
  const auto is_named = [&](Level level) { return severity == to_string(level); };
  const bool has_level = is_named(Level::Info) || is_named(Level::Warning) ||
                         is_named(Level::Critical);  // or of a rule of the user's own
  const bool is_missing = labels.value("alertname") == kMissingAlert;
  Episode* best = nullptr;
  for (auto& [key, e] : monitor->second.episodes) {
    if (e.latest.metric != metric || e.latest.is_missing != is_missing) continue;
    if (has_level && !is_named(e.latest.level)) continue;
    const auto own = e.latest.labels.items();
    if (best != nullptr && best->latest.labels.size() >= own.size()) continue;
    const bool is_ours = std::all_of(own.begin(), own.end(), [&](const core::Label& label) {
      return labels.value(label.name) == std::string_view(label.value);
    });
    if (is_ours) best = &e;
  }
  return best;
}

std::vector<const AlertBook::Episode*> AlertBook::open() const {
  std::vector<const Episode*> out;
  for (const auto& [name, monitor] : monitors_) {
    for (const auto& [key, episode] : monitor.episodes) out.push_back(&episode);
  }
  return out;
}

}  // namespace anomaly_exporter::alerting
