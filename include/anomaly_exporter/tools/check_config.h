#pragma once

#include <iosfwd>
#include <string>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::tools {

/// Reads a configuration file and prints what it amounts to: sources, monitors, metrics and the
/// lines that one series costs on /metrics. With `live`, asks every source and prints per metric:
/// series and entities, scrape interval, how far back history reaches, output lines; and for a
/// metric without series the nearest existing `job` values.
/// Errors: the configuration's; with `live` also a source that does not answer.
core::Status check_config(const std::string& path, bool live, const core::Clock& clock,
                          std::ostream& out);

}  // namespace anomaly_exporter::tools
