#pragma once

#include <string>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::tools {

/// A Grafana dashboard (JSON, classic schema 39, keys sorted) for one configuration: a row per
/// monitor with its scores and severities, and per metric the value, what was expected and the
/// band, in the metric's unit and with its critical limits as thresholds. Entities are chosen by
/// one variable per `group_by` label; a monitor without `group_by` shows all of its series.
///
/// Errors: InvalidArgument when `exposition.families` lacks a family that the panels read, or when
/// a dialect serves it on another scale.
core::Result<std::string> dashboard(const config::Config& config, const std::string& title);

}  // namespace anomaly_exporter::tools
