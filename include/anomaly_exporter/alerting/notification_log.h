#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::alerting {

/// One alert of a notification that Alertmanager sent to our webhook.
struct WebhookAlert {
  core::Labels labels;
  bool is_firing = true;
  core::Timestamp starts_at;
};

/// A notification: Alertmanager's webhook message, version 4 (docs/configuration, webhook_config).
struct WebhookMessage {
  std::string receiver;
  std::vector<WebhookAlert> alerts;
  std::size_t malformed = 0;  ///< alerts without usable labels
};

/// Alerts of one message that are read at most; the rest counts as malformed.
inline constexpr std::size_t kMostWebhookAlerts = 1000;

/// Reads such a message. Errors: Corrupt for what is none; Unsupported for another version.
core::Result<WebhookMessage> parse_webhook(std::string_view body);

/// What became of an alert that came back.
enum class Receipt : std::uint8_t {
  Known,     ///< of an open anomaly of ours
  Resolved,  ///< told as resolved
  NotOurs,   ///< without the labels `monitor` and `severity`
  NotOpen,   ///< labelled like ours, but nothing like it is open
  Malformed,
};
inline constexpr std::size_t kReceipts = 5;
std::string_view to_string(Receipt receipt);

/// One alert that was heard of by a notification.
struct Notified {
  core::Labels labels;
  std::string receiver;
  Receipt receipt = Receipt::Known;
  core::Timestamp received;
  core::Timestamp opened;  ///< onset of the anomaly; 0 = unknown
};

/// The newest kMost of them, and counts of all. Threads: one at a time.
class NotificationLog {
 public:
  static constexpr std::size_t kMost = 1000;

  void add(Notified notified);
  void count_malformed(std::size_t alerts);
  /// Newest last.
  [[nodiscard]] const std::deque<Notified>& entries() const { return entries_; }
  [[nodiscard]] const std::array<std::uint64_t, kReceipts>& counts() const { return counts_; }

 private:
  std::deque<Notified> entries_;
  std::array<std::uint64_t, kReceipts> counts_{};
};

}  // namespace anomaly_exporter::alerting
