#pragma once

#include <memory>
#include <string>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/net/http_client.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::sources {

struct PrometheusSourceOptions {
  std::string name{};
  std::string url{};
  net::HttpClientOptions http{};
  net::RetryOptions retry{};
  /// Requests in flight to this server at once. 1 to 64.
  unsigned concurrency = 4;
  /// Use remote-read for selectors where it is the cheaper request for the server. Switched off for
  /// servers that answer 404, 400 or the like, which is remembered for 10 minutes.
  bool remote_read = true;
  /// Limits of the server: points per series and samples per query.
  std::size_t max_points = 11'000;
  std::size_t max_samples = 50'000'000;
  /// How old a gauge sample of a selector may be, as Prometheus's --query.lookback-delta.
  core::Duration lookback = std::chrono::minutes(5);

  [[nodiscard]] core::Status validate() const;
};

/// The `prometheus` source: Prometheus, and what speaks its API (Thanos, Mimir, VictoriaMetrics).
/// See docs/design/sources.md for which request is chosen when.
core::Result<std::unique_ptr<MetricSource>> make_prometheus_source(PrometheusSourceOptions options,
                                                                   const core::Clock& clock);

}  // namespace anomaly_exporter::sources
