#include "anomaly_exporter/alerting/notification_log.h"

#include <utility>

#include "json_read.h"

namespace anomaly_exporter::alerting {

using core::Error;
using core::ErrorCode;

std::string_view to_string(Receipt receipt) {
  switch (receipt) {
    case Receipt::Known:
      return "known";
    case Receipt::Resolved:
      return "resolved";
    case Receipt::NotOurs:
      return "not_ours";
    case Receipt::NotOpen:
      return "not_open";
    case Receipt::Malformed:
      return "malformed";
  }
  return "malformed";
}

namespace {

core::Result<WebhookAlert> read_alert(const nlohmann::json& from) {
  const auto labels = from.is_object() ? from.find("labels") : from.end();
  if (labels == from.end() || !labels->is_object()) {
    return Error{ErrorCode::Corrupt, "alert without labels"};
  }
  std::vector<core::Label> out;
  for (const auto& [name, value] : labels->items()) {
    if (!value.is_string()) return Error{ErrorCode::Corrupt, "label " + name + " is no text"};
    out.push_back({name, value.get<std::string>()});
  }
  auto made = core::Labels::create(std::move(out));
  if (!made) return made.error();
  const auto starts_at = core::parse_timestamp(text_of(from, "startsAt"));
  return WebhookAlert{.labels = std::move(*made),
                      .is_firing = text_of(from, "status") != "resolved",
                      .starts_at = starts_at ? *starts_at : core::Timestamp{}};
}

}  // namespace

core::Result<WebhookMessage> parse_webhook(std::string_view body) {
  const auto root = read_json(body);
  if (!root) return root.error();
  if (!root->is_object()) return Error{ErrorCode::Corrupt, "not an object"};
  if (const std::string version = text_of(*root, "version"); version != "4") {
    return Error{ErrorCode::Unsupported, "webhook version \"" + version + "\"; 4 is understood"};
  }
  const auto alerts = root->find("alerts");
  if (alerts == root->end() || !alerts->is_array()) {
    return Error{ErrorCode::Corrupt, "no list of alerts"};
  }
  WebhookMessage out;
  out.receiver = text_of(*root, "receiver");
  for (const auto& alert : *alerts) {
    auto read = read_alert(alert);
    if (read && out.alerts.size() < kMostWebhookAlerts) {
      out.alerts.push_back(std::move(*read));
    } else {
      ++out.malformed;
    }
  }
  return out;
}

void NotificationLog::add(Notified notified) {
  ++counts_[static_cast<std::size_t>(notified.receipt)];
  if (entries_.size() == kMost) entries_.pop_front();
  entries_.push_back(std::move(notified));
}

void NotificationLog::count_malformed(std::size_t alerts) {
  counts_[static_cast<std::size_t>(Receipt::Malformed)] += alerts;
}

}  // namespace anomaly_exporter::alerting
