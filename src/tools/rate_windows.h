#pragma once

#include <optional>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::tools {

/// Gives rate windows that were not configured the length that they have in the exporter: four
/// scrape intervals, at least 20 s. Returns the scrape interval, where the source can tell it.
std::optional<core::Duration> fill_rate_windows(app::MonitorState& state,
                                                sources::MetricSource& source, core::Timestamp now);

}  // namespace anomaly_exporter::tools
