#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/tools/bench.h"

namespace anomaly_exporter::tools {

struct BenchContext {
  const core::Clock* clock = nullptr;
  std::uint64_t seed = 1;
  std::string prometheus_url;
};

/// One benchmark: its goals, and a function that prepares fresh data, measures once and returns the
/// figure in the unit of `result`.
struct BenchCase {
  BenchResult result;
  bool needs_prometheus = false;
  core::Result<double> (*measure)(const BenchContext&);
};

/// All benchmarks, in the order of the table.
std::span<const BenchCase> bench_cases();

}  // namespace anomaly_exporter::tools
