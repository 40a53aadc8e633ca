#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace anomaly_exporter::app {

/// Appends the standard `process_...` families (cpu seconds, memory, file descriptors, start time,
/// threads), read from /proc/self now. What cannot be read is left out.
/// Source: prometheus/docs, instrumenting/writing_clientlibs.md, "Process metrics".
void append_process_metrics(std::vector<prometheus::MetricFamily>& families);

}  // namespace anomaly_exporter::app
