#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::app {

/// The selector by which a source is asked for the scrape interval of a monitor's series; empty =
/// none is known.
std::string probe_selector(const MonitorState& monitor);

/// Gives rate windows that were not configured their length: four scrape intervals, at least 20 s.
/// Returns the scrape interval, where the source can tell it. Blocks for the source.
std::optional<core::Duration> fill_rate_windows(MonitorState& monitor,
                                                sources::MetricSource& source, core::Timestamp now,
                                                const std::stop_token& stop = {});

}  // namespace anomaly_exporter::app
