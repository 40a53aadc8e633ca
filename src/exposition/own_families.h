#pragma once

#include <prometheus/metric_family.h>

#include "anomaly_exporter/exposition/writer.h"
#include "page.h"

namespace anomaly_exporter::exposition {

/// Writes one family as prometheus-cpp collected it.
void write_own_family(Page& page, Format format, const prometheus::MetricFamily& family);

}  // namespace anomaly_exporter::exposition
