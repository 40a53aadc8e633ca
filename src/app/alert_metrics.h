#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "anomaly_exporter/alerting/notifier.h"

namespace anomaly_exporter::app {

/// The own metrics of alerting. `silenced`: series under a silence, by monitor.
std::vector<prometheus::MetricFamily> alert_families(
    const alerting::NotifierStats& stats, const std::map<std::string, std::uint64_t>& silenced);

}  // namespace anomaly_exporter::app
