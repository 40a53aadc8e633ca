#pragma once

#include <string>
#include <string_view>

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::exposition {

/// Appends the labels of one output as OutputLabels holds them, without braces:
/// `monitor="m",metric="us",job="node"`; an empty `metric` is left out.
///
/// A page with one bad or doubled label name is refused as a whole by Prometheus, so whatever the
/// source had comes out legal: characters that the text formats do not allow in a name become `_`
/// (as the `underscores` escaping of Prometheus 3 does), a name that is ours (`monitor`, `metric`,
/// `detector`) becomes `exported_<name>`, and of two labels that end up with one name the first in
/// order stays.
void append_label_text(std::string& out, std::string_view monitor, std::string_view metric,
                       const core::Labels& labels);

}  // namespace anomaly_exporter::exposition
