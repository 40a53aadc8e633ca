#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench_cases.h"

namespace anomaly_exporter::tools {

// One function per benchmark: prepares data from the seed, measures once, returns the figure in the
// unit of its line in bench_cases.cc.

/// 10,000 chunks of 120 samples, one after the other. ns per sample.
core::Result<double> measure_xor_chunk_decode(const BenchContext& context);
/// An answer of query_range with 1,000 series of 1,000 samples. ns per sample.
core::Result<double> measure_query_json_decode(const BenchContext& context);

/// Verdict and learning of one tick over 100,000 series, caches flushed. ns per series.
core::Result<double> measure_zscore_cold(const BenchContext& context);
/// The same for the median and MAD of a full window of 1000.
core::Result<double> measure_mad_cold(const BenchContext& context);

/// As zscore_cold, for seasonal_esd with its profiles filled. ns per series.
core::Result<double> measure_seasonal_cold(const BenchContext& context);
/// STL of 1,000 fresh values, period 60, 5 inner iterations, by the plan. us.
core::Result<double> measure_stl(const BenchContext& context);
/// Generalised ESD over a sorted window of 1,000 fresh values. us.
core::Result<double> measure_esd(const BenchContext& context);

/// Path lengths of 64 fresh vectors of 8 features through 100 trees of 256. ns per vector.
core::Result<double> measure_forest_batch(const BenchContext& context);
/// Fit of such a forest to 4,072 vectors, reading and scoring them included. ms.
core::Result<double> measure_forest_train(const BenchContext& context);
/// Verdicts on 64 windows of 10 ticks x 7 metrics by a network with 32 hidden units, scaling
/// included. us per window.
core::Result<double> measure_lstm_batch(const BenchContext& context);
/// Fit of that network to 10,000 windows, at most 10 passes. s.
core::Result<double> measure_lstm_train(const BenchContext& context);
/// Verdicts on 64 entities of 7 metrics by the linear autoencoder. us per entity.
core::Result<double> measure_autoencoder_batch(const BenchContext& context);
/// Kernel sums of 64 fresh vectors with about 110 support vectors. ns per vector.
core::Result<double> measure_svm_score(const BenchContext& context);

/// One scrape of a page of 100,000 lines through the HTTP server. ms.
core::Result<double> measure_metrics_page(const BenchContext& context);
/// p99 of scrape latency while the monitor of the page is evaluated and published without pause,
/// relative to the p99 while it rests.
core::Result<double> measure_scrape_during_tick(const BenchContext& context);

/// Resident memory of a monitor of 100,000 series in 14,286 entities, window 1000, everything
/// written to, its series' labels and its published snapshot included. Bytes per series.
core::Result<double> measure_series_bytes(const BenchContext& context);
/// From the decoded answer to the rendered page: placing, windows, verdicts, vote, severity,
/// learning, snapshot, text. Samples per second of processor time of the one worker.
core::Result<double> measure_tick(const BenchContext& context);

/// Start-up from a Prometheus that tests/bench/compare.sh filled: finding 10,000 series, reading
/// and evaluating 1,000 samples of each. Seconds.
core::Result<double> measure_backfill(const BenchContext& context);

/// The answer of query_range that measure_query_json_decode decodes; also for its peer.
std::string matrix_json(std::uint64_t seed, std::size_t series, std::size_t samples);

}  // namespace anomaly_exporter::tools
