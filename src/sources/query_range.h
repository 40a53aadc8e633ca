#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/net/http_client.h"
#include "anomaly_exporter/sources/label_cache.h"
#include "anomaly_exporter/sources/metric_source.h"
#include "request_slots.h"

namespace anomaly_exporter::sources {

/// A PromQL expression over a grid: from, from + step, ... <= to.
struct RangeQuestion {
  std::string query;
  core::Timestamp from;
  core::Timestamp to;
  core::Duration step{0};
};

/// What one request may ask for.
struct RangeLimits {
  std::size_t max_points = 0;   ///< per series
  std::size_t max_samples = 0;  ///< per answer
  std::uint64_t max_bytes = 0;  ///< per answer
};

/// Counters that grow while a backfill runs.
struct QueryTotals {
  std::atomic<std::uint64_t> samples{0};
  std::atomic<std::uint64_t> warnings{0};
};

/// Reads a range with query_range in parts that the server accepts, each passed to the sink before
/// the next is asked for. The first part is short: its series tell how long the next may be, up to
/// four times as long. When the server names a limit of its own (400, 413, 422) or the answer is
/// over ours, the part is halved, down to a single step; when it takes too long (Timeout, 504, a
/// 503 that says so), a quarter is asked for, down to 16 steps.
/// Errors: as net::HttpClient; Corrupt also for samples off the grid.
core::Status read_range(const RangeQuestion& question, const RangeLimits& limits,
                        net::HttpClient& http, RequestSlots& slots, LabelCache& cache,
                        QueryTotals& totals, const RangeSink& sink, const std::stop_token& stop);

/// True when a 4xx answer to a query refuses it for its size, by status or by the server's words.
bool is_refused_for_size(int status, std::string_view body);

}  // namespace anomaly_exporter::sources
