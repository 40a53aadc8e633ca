#pragma once

#include <cstddef>
#include <iosfwd>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::tools {

struct RangeBacktestOptions {
  config::Config config;
  std::string prometheus_url;  ///< replaces the URL of every prometheus source; empty keeps them
  core::Timestamp from, to;
};

/// Replays a time range of a running Prometheus through every monitor of a configuration and prints
/// what would have fired: one line per episode with start, length, entity, metric, highest severity
/// and score, value and expectation at its start. The window before `from` is read for warm-up and
/// not reported. Series that no longer exist at `to` take no part.
/// Returns the number of episodes. Errors: the source's, with the monitor named.
core::Result<std::size_t> backtest_range(const RangeBacktestOptions& options,
                                         const core::Clock& clock, std::ostream& out);

}  // namespace anomaly_exporter::tools
