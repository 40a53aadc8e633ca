#pragma once

#include <string_view>

#include "anomaly_exporter/exposition/writer.h"
#include "page.h"

namespace anomaly_exporter::exposition {

/// Writes the HELP and TYPE lines of a family, and UNIT where OpenMetrics has one for the name.
/// `type` as the format in question spells it.
void write_family_header(Page& page, Format format, std::string_view name, std::string_view help,
                         std::string_view type);

}  // namespace anomaly_exporter::exposition
