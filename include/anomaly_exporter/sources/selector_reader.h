#pragma once

#include <memory>
#include <stop_token>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/net/http_client.h"
#include "anomaly_exporter/sources/label_cache.h"
#include "anomaly_exporter/sources/metric_source.h"
#include "anomaly_exporter/sources/prometheus_source.h"

namespace anomaly_exporter::sources {

/// Reads raw series of a selector from a Prometheus and turns them into values on the tick grid:
/// remote-read (SAMPLES for short ranges, STREAMED_XOR_CHUNKS for long ones), or the query API's
/// range selector where remote-read is refused. Computes gauge, rate and delta itself.
///
/// Results equal those of the query API to the last bit, external labels removed. The sole
/// exception: a server's SAMPLES answer loses the sign of -0.0.
/// `latest` gives each value the newest raw sample's own time. Rate and delta come without
/// `__name__`, as PromQL's functions do.
/// A backfill longer than 10 minutes with its range streams chunks; it is split as TimeSlices says,
/// the size aimed at being an eighth of `response_bytes`.
/// A refusal of remote-read (HTTP 4xx but 429, 501, samples where chunks were asked for) is
/// remembered for 10 minutes, if the query API then answers. Memory: the answer for SAMPLES and the
/// query API, one frame and one series for chunks. Errors: as net::HttpClient, plus Corrupt for bad
/// frames, checksums, snappy or chunks. Threads: safe for concurrent use.
class SelectorReader {
 public:
  /// Borrows everything; `http` and `cache` outlive it.
  SelectorReader(const PrometheusSourceOptions& options, net::HttpClient& http, LabelCache& cache,
                 const core::Clock& clock);
  ~SelectorReader();

  /// REQUIRES: request.kind == Selector.
  core::Result<InstantAnswer> latest(const MetricRequest& request, core::Timestamp time,
                                     std::stop_token stop);
  core::Status backfill(const MetricRequest& request, core::Timestamp from, core::Timestamp to,
                        core::Duration step, const RangeSink& sink, std::stop_token stop);

  [[nodiscard]] std::uint64_t fallbacks() const;
  [[nodiscard]] std::uint64_t samples() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace anomaly_exporter::sources
