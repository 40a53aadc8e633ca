#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::tools {

struct BenchOptions {
  std::string only;   ///< run benchmarks whose name begins with this
  bool json = false;  ///< print the array of results instead of the table
  unsigned runs = 5;  ///< repeats of each, 1 to 100; the median is shown
  /// URL of a running Prometheus for the start-up backfill benchmark, which is left out without it.
  std::string prometheus_url;
};

/// One measured figure. `accept` must hold on a slow machine, `aim` is the ambitious one.
struct BenchResult {
  std::string name, unit;
  double value = 0;
  bool higher_is_better = false;
  double accept = 0, aim = 0;
  std::optional<std::string> peer;
  std::optional<double> peer_value, ratio;
};

/// Runs the benchmarks on fresh random data and prints medians as a table or as JSON
/// (`{name, unit, value, higher_is_better, accept, aim, peer, peer_value, ratio}`, peer fields null
/// where there is none). Errors: InvalidArgument when nothing matches `only`.
core::Result<std::vector<BenchResult>> bench(const BenchOptions& options, const core::Clock& clock,
                                             std::ostream& out);

}  // namespace anomaly_exporter::tools
