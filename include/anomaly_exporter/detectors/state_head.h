#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"

namespace anomaly_exporter::detectors {

/// Format of a detector's saved block: version, then the sizes its columns depend on (metrics and
/// windows), then the columns.
inline constexpr std::uint16_t kStateVersion = 1;

void write_state_head(core::StateWriter& out, std::initializer_list<std::size_t> sizes);

/// Errors: Unsupported for a newer version; Corrupt when truncated or saved with other sizes.
core::Status read_state_head(core::StateReader& in, std::initializer_list<std::size_t> sizes);

}  // namespace anomaly_exporter::detectors
