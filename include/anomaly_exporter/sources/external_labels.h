#pragma once

#include <string_view>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::sources {

/// The `global.external_labels` of a Prometheus, taken from its answer to `/api/v1/status/config`.
/// Remote-read adds them to every series; the query API does not.
///
/// Reads only what Prometheus itself prints there: two blanks per level, one label per line, values
/// plain, in single or in double quotes. No block means no labels.
/// Errors: Corrupt: no `yaml` text in the body; Unsupported: a value in another form of YAML
/// (block, folded over lines, unknown escape), so that nobody strips a wrong label.
core::Result<core::Labels> decode_external_labels(std::string_view body);

}  // namespace anomaly_exporter::sources
