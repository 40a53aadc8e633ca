#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "anomaly_exporter/alerting/alert.h"
#include "anomaly_exporter/alerting/options.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/net/http_client.h"

namespace anomaly_exporter::alerting {

/// Why an alert did not reach an Alertmanager.
enum class DropReason : std::uint8_t {
  QueueFull,   ///< the oldest of a full queue
  Superseded,  ///< a newer version of the same alert came while it waited; nothing is lost
  Stale,       ///< waited past its endsAt; sent now, it would resolve what is still firing
  Refused,     ///< the Alertmanager refuses this alert
  Failed,      ///< the Alertmanager refuses the request (credentials, path)
  Shutdown,    ///< still waiting when we stopped
};
inline constexpr std::size_t kDropReasons = 6;
std::string_view to_string(DropReason reason);

/// Seconds of one request, upper bounds of the buckets.
inline constexpr std::array<double, 8> kLatencyBounds{0.005, 0.025, 0.1, 0.25, 0.5, 1, 5, 10};

/// Totals of one Alertmanager; they go on over a reload.
struct SenderStats {
  std::uint64_t sent = 0;    ///< alerts delivered, each resend too
  std::uint64_t errors = 0;  ///< alerts in requests that failed
  std::uint64_t posts = 0, failed_posts = 0;
  std::array<std::uint64_t, kDropReasons> dropped{};
  std::size_t queue_length = 0, queue_capacity = 0;
  std::array<std::uint64_t, kLatencyBounds.size() + 1> latency_counts{};
  double latency_sum = 0;
  std::optional<core::Duration> clock_skew;  ///< the Alertmanager's clock minus ours; not a total
};

struct SenderOptions {
  AlertmanagerOptions alertmanager{};
  std::size_t queue_limit = 10'000;
  std::size_t batch = 256;
  core::Duration timeout = std::chrono::seconds(10);
  /// After a request that may succeed later: doubled from the first to the last.
  core::Duration first_retry = std::chrono::seconds(1), last_retry = std::chrono::seconds(30);
};

/// Delivers alerts to one Alertmanager on a thread of its own, so that one that hangs delays no
/// other.
///
/// The queue holds one version of an alert: a newer one takes the place of the one that waits. When
/// it is full the oldest goes. A batch that fails by a time-out, a broken connection or HTTP 5xx
/// waits at the front and is tried again with growing delays. Alertmanager answers 400 for a whole
/// batch when one alert in it is bad; then the batch is halved until the bad one is found, which is
/// logged, counted, and left out for kRefusedFor. Sending the good ones twice does no harm: equal
/// labels are one alert.
///
/// Alertmanager holds an alert for resolved once its own clock has passed endsAt. Where that clock
/// differs from ours by more than kClockTolerance, both times of an alert are told in its time.
///
/// Threads: safe for concurrent use. Errors: only in the totals and the log (one line a minute).
class Sender {
 public:
  /// How long a refused alert is not offered again.
  static constexpr core::Duration kRefusedFor = std::chrono::minutes(15);
  /// Requests spent on looking for bad alerts in one batch; what is then unknown is dropped.
  static constexpr unsigned kMostSplits = 64;
  static constexpr core::Duration kClockTolerance = std::chrono::seconds(30);

  /// `stats` are where the totals start, for a sender that takes over from another. Errors:
  /// InvalidArgument from the URL or the TLS files.
  static core::Result<std::unique_ptr<Sender>> create(SenderOptions options, core::Logger& log,
                                                      const core::Clock& clock,
                                                      SenderStats stats = {});
  ~Sender();

  void enqueue(const std::vector<Alert>& alerts);
  /// Waits until nothing waits or is under way, or until the deadline. True when all is out.
  bool drain(core::Duration deadline);
  /// Stops the thread; what waits is dropped. Idempotent.
  void stop();

  [[nodiscard]] SenderStats stats() const;
  [[nodiscard]] const std::string& url() const { return options_.alertmanager.url; }

 private:
  enum class Outcome { Sent, Retry, Dropped };

  Sender(SenderOptions options, std::unique_ptr<net::HttpClient> client, core::Logger& log,
         const core::Clock& clock, SenderStats stats);
  void run(const std::stop_token& stop);
  std::vector<Alert> take_batch();
  void put_back(std::vector<Alert> batch);
  Outcome deliver(std::span<const Alert> alerts, unsigned& splits, const std::stop_token& stop);
  Outcome split(std::span<const Alert> alerts, const std::string& words, unsigned& splits,
                const std::stop_token& stop);
  void drop(DropReason reason, std::size_t alerts = 1);
  core::Duration clock_shift();

  const SenderOptions options_;
  const std::unique_ptr<net::HttpClient> client_;
  core::Logger* const log_;         // borrowed, outlives this
  const core::Clock* const clock_;  // borrowed, outlives this
  core::LogThrottle throttle_;

  mutable core::Mutex mutex_;
  std::condition_variable_any changed_;
  using Queue = std::list<Alert>;
  Queue queue_ AE_GUARDED_BY(mutex_);  // oldest first
  std::map<core::Labels, Queue::iterator> waiting_ AE_GUARDED_BY(mutex_);
  bool is_busy_ AE_GUARDED_BY(mutex_) = false;
  SenderStats stats_ AE_GUARDED_BY(mutex_);
  std::map<core::Labels, std::chrono::nanoseconds> refused_;  // of the thread: until when
  core::Duration shift_{0};                                   // of the thread: in force
  std::jthread thread_;                                       // last
};

}  // namespace anomaly_exporter::alerting
