#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/alerting/options.h"
#include "anomaly_exporter/alerting/silences.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/net/http_client.h"

namespace anomaly_exporter::alerting {

/// Totals of one Alertmanager that is asked for silences.
struct SilencePollStats {
  std::uint64_t polls = 0, failures = 0;
  std::uint64_t skipped = 0;   ///< silences of the last answer that we cannot evaluate
  core::Timestamp last_heard;  ///< 0 = never
};

/// Asks the Alertmanagers for their silences, one after the other, once per period, on a thread of
/// its own. The silences of one that does not answer stay as they were last heard.
///
/// Threads: safe for concurrent use; the destructor breaks off a request under way.
class SilencePoller {
 public:
  /// Borrows all references; `book` gets what is heard. REQUIRES: options were checked, poll > 0.
  /// `stats` are where the totals start.
  SilencePoller(const AlertingOptions& options, SilenceBook& book, core::Logger& log,
                const core::Clock& clock, std::map<std::string, SilencePollStats> stats = {});

  [[nodiscard]] std::map<std::string, SilencePollStats> stats() const;

 private:
  void run(const std::stop_token& stop);
  void ask(const std::string& url, net::HttpClient& client, const std::stop_token& stop);

  const core::Duration period_;
  SilenceBook* const book_;
  core::Logger* const log_;
  const core::Clock* const clock_;
  core::LogThrottle throttle_;
  std::vector<std::pair<std::string, std::unique_ptr<net::HttpClient>>> clients_;
  mutable core::Mutex mutex_;
  std::map<std::string, SilencePollStats> stats_ AE_GUARDED_BY(mutex_);
  std::jthread thread_;  // last
};

}  // namespace anomaly_exporter::alerting
