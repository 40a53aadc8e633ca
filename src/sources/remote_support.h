#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/net/http_client.h"
#include "anomaly_exporter/sources/selector_parser.h"

namespace anomaly_exporter::sources {

/// What is known of a server's remote-read: whether it was refused, and which external labels it
/// adds. Everything is asked again after `kMemory`.
///
/// Threads: safe for concurrent use; no lock is held during a request, so that two threads may ask
/// the same at the same time.
class RemoteSupport {
 public:
  static constexpr std::chrono::nanoseconds kMemory = std::chrono::minutes(10);
  static constexpr std::size_t kMaxSelectors = 4096;

  /// Borrows both, which outlive it.
  RemoteSupport(net::HttpClient& http, const core::Clock& clock) : http_(&http), clock_(&clock) {}

  [[nodiscard]] bool refused() const { return clock_->monotonic().count() < refused_until_ns_; }
  void refuse() { refused_until_ns_ = (clock_->monotonic() + kMemory).count(); }

  /// The labels to take away from the series that remote-read returns for a selector. Nothing when
  /// its answer could not be told from the query API's, which must be used then: the server would
  /// apply conditions on an external label to itself instead of to the series; a series has the
  /// label with the same value by itself; or the external labels are written in a way that we do
  /// not read. A server that does not tell its external labels is taken to have none. Errors:
  /// Unavailable, Timeout.
  core::Result<std::optional<core::Labels>> labels_to_strip(const Matchers& matchers,
                                                            core::Timestamp from,
                                                            core::Timestamp to,
                                                            std::stop_token stop);

 private:
  template <class T>
  struct Remembered {
    T value;
    std::chrono::nanoseconds until{0};
  };

  core::Result<std::optional<core::Labels>> external_labels(std::stop_token stop);
  /// Whether a series of the selector has one of the external labels, with its value, by itself.
  core::Result<bool> own_labels_collide(const Matchers& matchers, const core::Labels& external,
                                        core::Timestamp from, core::Timestamp to,
                                        std::stop_token stop);

  net::HttpClient* http_;
  const core::Clock* clock_;
  std::atomic<std::int64_t> refused_until_ns_{INT64_MIN};
  core::Mutex mutex_;
  std::optional<Remembered<std::optional<core::Labels>>> external_ AE_GUARDED_BY(mutex_);
  std::map<std::string, Remembered<bool>> collides_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::sources
