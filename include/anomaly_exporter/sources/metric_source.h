#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/sample.h"

namespace anomaly_exporter::sources {

/// How a selector's raw samples become values: the sample itself, PromQL's `rate`, PromQL's
/// `delta`.
enum class As { Gauge, Rate, Delta };

/// One metric of a monitor as asked of a source: either PromQL, or a selector of raw series that we
/// turn into values ourselves. `csv` sources take the column name.
struct MetricRequest {
  enum class Kind { Query, Selector, Column };

  std::string metric{};  ///< name within the monitor, for messages
  Kind kind = Kind::Query;
  std::string text{};  ///< PromQL, selector or column; may hold $rate_window
  As as = As::Gauge;
  core::Duration rate_window{0};  ///< for Rate and Delta, and for $rate_window in text

  friend bool operator==(const MetricRequest&, const MetricRequest&) = default;
};

/// Answer to one request for one tick.
struct InstantAnswer {
  std::vector<series::LabelledSample> samples;
  std::vector<std::string> warnings;  ///< of the server; the data may be partial
  std::uint64_t not_a_number = 0;     ///< native histograms and the like, skipped
  std::uint64_t invalid_labels = 0;   ///< series skipped for labels no valid server sends
};

/// Receives one series of a backfill. `samples` lie on the requested grid (time = from + k x step),
/// ascend, and absent points are simply missing. A series may come in several calls, in time order.
using RangeSink = std::function<core::Status(const core::LabelsPtr& labels,
                                             std::span<const series::Sample> samples)>;

/// Totals of a source since start, for its metrics and `/api/v1/status`.
struct SourceStats {
  std::uint64_t requests = 0;  ///< HTTP requests, retries included
  std::uint64_t failures = 0;  ///< calls of `latest` or `backfill` that ended in an error
  std::uint64_t retries = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t samples = 0;
  std::uint64_t warnings = 0;
  std::uint64_t fallbacks = 0;                              ///< remote-read refused, query API used
  std::map<std::string, std::uint64_t> failures_by_reason;  ///< error code name -> count
  std::optional<core::Duration> clock_skew;  ///< the server's clock minus ours, where known
};

/// Where metrics come from.
///
/// Errors: per request; one failing query leaves the others untouched.
/// Threads: safe for concurrent use by several monitors.
class MetricSource {
 public:
  virtual ~MetricSource() = default;

  /// Values at `time` for each request, in the same order. Equal requests at an equal time share
  /// one query, also between monitors; several queries are in flight at once.
  virtual std::vector<core::Result<InstantAnswer>> latest(std::span<const MetricRequest> requests,
                                                          core::Timestamp time,
                                                          std::stop_token stop) = 0;

  /// Values on the grid from, from + step, ... <= to (both ends inclusive, as query_range). Split
  /// into parts the server accepts. REQUIRES: step > 0, from <= to.
  virtual core::Status backfill(const MetricRequest& request, core::Timestamp from,
                                core::Timestamp to, core::Duration step, const RangeSink& sink,
                                std::stop_token stop) = 0;

  /// Interval at which the server scrapes the series of a selector; nothing when it cannot tell
  /// yet.
  virtual core::Result<std::optional<core::Duration>> scrape_interval(const std::string& selector,
                                                                      core::Timestamp time,
                                                                      std::stop_token stop) = 0;

  /// Existing `job` values, for "did you mean".
  virtual core::Result<std::vector<std::string>> job_names(std::stop_token stop) = 0;

  [[nodiscard]] virtual SourceStats stats() const = 0;
};

}  // namespace anomaly_exporter::sources
