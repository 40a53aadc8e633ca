#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "anomaly_exporter/alerting/active_alert.h"
#include "anomaly_exporter/alerting/alert_book.h"
#include "anomaly_exporter/alerting/notification_log.h"
#include "anomaly_exporter/alerting/options.h"
#include "anomaly_exporter/alerting/sender.h"
#include "anomaly_exporter/alerting/silence_poller.h"
#include "anomaly_exporter/alerting/silences.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::alerting {

/// What a notifier works with. `log` and `clock` are borrowed and outlive it.
struct NotifierDependencies {
  core::Logger* log = nullptr;
  const core::Clock* clock = nullptr;
  std::string external_url{};  ///< for links; empty = none
  /// Keeps the state of open alerts; called from one thread. Null = it is not kept.
  std::function<core::Status(const std::string& bytes)> save{};
  /// Seconds from the onset (origin "tick" or "sample") to the receipt of its notification.
  std::function<void(const char* origin, double seconds)> observe_latency{};
};

/// Totals for the own metrics.
struct NotifierStats {
  std::map<std::string, SenderStats> senders;             ///< by URL; empty in rules mode
  std::map<std::string, SilencePollStats> silence_polls;  ///< by URL
  std::array<std::uint64_t, kSuppressions> suppressed{};
  std::array<std::uint64_t, kReceipts> receipts{};
  std::size_t open_alerts = 0, active_silences = 0;
  std::uint64_t save_failures = 0;
};

/// An open anomaly for the API.
struct OpenAlert {
  core::Labels labels;
  core::Timestamp starts_at, last_sent, notified;  ///< 0 = not yet
  Suppression suppressed = Suppression::None;
};

/// Alerting as a whole: the book of open alerts, one sender per Alertmanager, their silences, and
/// the receipts of notifications. In rules mode nothing is sent; silences are read and receipts
/// taken all the same.
///
/// Threads: safe for concurrent use. `observe` comes from the monitors' threads and only queues.
/// One thread of ours sends for monitors that stand still and saves the state of open alerts at
/// most once a second; one reads silences; one per Alertmanager sends.
class Notifier {
 public:
  /// Whether these options can be put in force: what `configure` needs. Errors: InvalidArgument
  /// naming `alertmanagers[i]`.
  static core::Status check(const AlertingOptions& options, const core::Clock& clock);

  /// `saved`: what `save` was last given, or empty. A damaged one is logged and ignored.
  Notifier(NotifierDependencies dependencies, std::string_view saved);
  ~Notifier();

  /// Puts options in force, also while alerts are open: senders are replaced, their totals go on,
  /// and what is open is sent at once. `monitors`: name -> metrics; alerts of others are resolved.
  /// REQUIRES: check(options).
  void configure(const AlertingOptions& options,
                 const std::map<std::string, std::vector<std::string>>& monitors);

  void observe(const TickAlerts& tick);
  [[nodiscard]] std::vector<std::string> open_keys(const std::string& monitor) const;

  void receive(const WebhookMessage& message);

  /// Silences active now.
  [[nodiscard]] std::vector<std::shared_ptr<const Silence>> silences() const;
  [[nodiscard]] SilenceOptions silence_options() const;
  [[nodiscard]] std::map<std::string, std::string> external_labels() const;

  [[nodiscard]] NotifierStats stats() const;
  [[nodiscard]] std::vector<OpenAlert> open() const;
  [[nodiscard]] std::vector<Notified> notified() const;

  /// Sends what waits until the deadline, then stops. Resolves nothing: after a restart open alerts
  /// go on. Idempotent.
  void stop(core::Duration deadline);

 private:
  using Senders = std::vector<std::unique_ptr<Sender>>;
  void send(const std::vector<Alert>& alerts) AE_REQUIRES(mutex_);
  void follow_clock() AE_REQUIRES(mutex_);
  void keep_house(const std::stop_token& stop);
  void save_if_changed();
  Receipt judge(const WebhookAlert& alert, Notified& notified) AE_REQUIRES(mutex_);

  const NotifierDependencies deps_;
  SilenceBook silence_book_;

  core::Mutex turn_;  ///< one configure or stop at a time
  mutable core::Mutex mutex_;
  AlertingOptions options_ AE_GUARDED_BY(mutex_);
  AlertBook book_ AE_GUARDED_BY(mutex_);
  NotificationLog log_ AE_GUARDED_BY(mutex_);
  Senders senders_ AE_GUARDED_BY(mutex_);
  std::unique_ptr<SilencePoller> poller_ AE_GUARDED_BY(mutex_);
  core::Duration clock_offset_ AE_GUARDED_BY(mutex_);  ///< wall clock minus monotonic clock
  std::uint64_t saved_version_ AE_GUARDED_BY(mutex_) = 0;
  std::uint64_t save_failures_ AE_GUARDED_BY(mutex_) = 0;
  std::chrono::nanoseconds saved_at_{0};  // of the thread that saves
  bool is_stopped_ AE_GUARDED_BY(turn_) = false;
  std::jthread housekeeper_ AE_GUARDED_BY(turn_);  // last
};

}  // namespace anomaly_exporter::alerting
