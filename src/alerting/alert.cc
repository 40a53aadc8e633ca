#include "anomaly_exporter/alerting/alert.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/net/http_client.h"

namespace anomaly_exporter::alerting {
namespace {

using severity::Level;

/// Four significant digits, for people.
std::string short_number(double value) {
  if (!std::isfinite(value)) return "unknown";
  char text[core::kMaxNumberText];
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::general, 4).ptr;
  return {text, end};
}

const char* level_words(Level level) {
  return level == Level::Critical  ? "critically unusual"
         : level == Level::Warning ? "unusual"
                                   : "slightly unusual";
}

/// What people call the entity: the label that names it best, else all of them.
std::string entity_name(const core::Labels& labels) {
  for (const char* name : {"instance", "host", "node", "pod", "service", "series"}) {
    if (const auto value = labels.value(name)) return std::string(*value);
  }
  static const std::vector<std::string> kOurs{"monitor", "metric"};
  return labels.drop(kOurs).text();
}

/// The names of the labels that an incident's members share, as the shipped rules write them: what
/// inhibition rules tell apart by.
std::string scope_of(const core::Labels& labels) {
  std::string out;
  for (const core::Label& label : labels.items()) {
    if (label.name == "monitor") continue;
    if (!out.empty()) out += '/';
    out += label.name;
  }
  return out.empty() ? "monitor" : out;
}

std::string description_of(const ActiveAlert& a) {
  const auto monitor = a.labels.value("monitor").value_or("");
  std::string text = "Monitor " + std::string(monitor) + ", metric " + a.metric + ": the value is ";
  text += a.has_value ? short_number(a.value) : "unknown";
  if (a.has_expected) {
    text += ", expected was " + short_number(a.expected) + " (band " + short_number(a.lower) +
            " to " + short_number(a.upper) + "), " + short_number(a.sigmas) + " sigma away";
  }
  text += ". Score " + short_number(a.score);
  const char* separator = "; votes: ";
  for (const auto& [detector, confidence] : a.votes) {
    text += separator + detector + " " + short_number(confidence);
    separator = ", ";
  }
  text += '.';
  if (a.contribution >= 0 && !a.company.empty()) {
    text += " Its part in what is unusual there is " +
            std::to_string(std::lround(100 * a.contribution)) + " %.";
  }
  const core::Timestamp since = a.onset.ms != 0 ? a.onset : a.opened;
  if (since.ms != 0) text += " Unusual since " + core::format_rfc3339(since) + ".";
  separator = " Also unusual there: ";
  for (const std::string& metric : a.company) {
    text += separator + metric;
    separator = ", ";
  }
  return a.company.empty() ? text : text + ".";
}

}  // namespace

std::string alert_name(const ActiveAlert& active) {
  if (active.is_incident) return "AnomalyIncident";
  if (active.is_missing) return std::string(kMissingAlert);
  switch (active.level) {
    case Level::Critical:
      return "AnomalyCritical";
    case Level::Warning:
      return "AnomalyWarning";
    default:
      return "AnomalyInfo";
  }
}

core::Labels alert_labels(const ActiveAlert& active,
                          const std::map<std::string, std::string>& external_labels) {
  std::map<std::string, std::string> all = external_labels;
  all["alertname"] = alert_name(active);
  all["severity"] = std::string(to_string(active.level));
  if (active.is_incident) all["scope"] = scope_of(active.labels);
  for (const core::Label& label : active.labels.items()) {
    const auto [it, is_new] = all.try_emplace(label.name, label.value);
    if (!is_new) all.try_emplace("exported_" + label.name, label.value);
  }
  std::vector<core::Label> labels;
  for (auto& [name, value] : all) labels.push_back({name, value});
  auto made = core::Labels::create(std::move(labels));
  return made ? std::move(*made) : active.labels;  // names and values were checked before
}

std::string fill_template(const std::string& text, const core::Labels& labels) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text[i] == '{' ? text.find('}', i) : std::string::npos;
    if (end == std::string::npos) {
      out += text[i];
      continue;
    }
    const auto value = labels.value(text.substr(i + 1, end - i - 1));
    out += net::percent_encode(value.value_or(""));
    i = end;
  }
  return out;
}

std::map<std::string, std::string> alert_annotations(const ActiveAlert& active,
                                                     const core::Labels& identity,
                                                     const AlertingOptions& options) {
  std::map<std::string, std::string> out;
  out["summary"] = !active.summary.empty() ? active.summary
                                           : active.metric + " of " + entity_name(active.labels) +
                                                 " is " + level_words(active.level);
  out["description"] = !active.description.empty() ? active.description : description_of(active);
  if (!options.runbook_url.empty()) {
    out["runbook_url"] = fill_template(options.runbook_url, identity);
  }
  if (!options.dashboard_url.empty()) {
    out["dashboard_url"] = fill_template(options.dashboard_url, identity);
  }
  return out;
}

std::string alerts_body(std::span<const Alert> alerts) {
  using Json = nlohmann::ordered_json;
  Json body = Json::array();
  for (const Alert& alert : alerts) {
    Json labels = Json::object();
    for (const core::Label& label : alert.labels.items()) labels[label.name] = label.value;
    Json one{{"labels", std::move(labels)},
             {"annotations", alert.annotations},
             {"startsAt", core::format_rfc3339(alert.starts_at)},
             {"endsAt", core::format_rfc3339(alert.ends_at)}};
    if (!alert.generator_url.empty()) one["generatorURL"] = alert.generator_url;
    body.push_back(std::move(one));
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace anomaly_exporter::alerting
