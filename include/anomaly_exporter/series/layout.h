#pragma once

#include <cstddef>
#include <cstdint>

namespace anomaly_exporter::series {

/// How rows lie in memory.
///
/// Entities are numbered in order of admission; 64 of them make a *block*. Within a block the state
/// is metric-major: for each metric one *strip* of 64 lanes, one lane per entity. So
///
///   row = (entity / 64 * metrics + metric) * 64 + entity % 64
///
/// One bit per lane makes presence a single 64-bit word per metric and tick, a strip is a run of
/// floats that vectorises without gathers, and a block is at once the batch of 64 vectors that the
/// multivariate detectors want and the unit of parallel work: everything one tick needs of it stays
/// in the caches of one core.
inline constexpr std::size_t kLanes = 64;

using Entity = std::uint32_t;
using Row = std::uint32_t;
/// One bit per lane of a strip.
using LaneMask = std::uint64_t;

inline constexpr Row row_of(Entity entity, std::size_t metric, std::size_t metrics) {
  return static_cast<Row>((entity / kLanes * metrics + metric) * kLanes + entity % kLanes);
}
inline constexpr std::size_t block_of(Entity entity) { return entity / kLanes; }
inline constexpr std::size_t lane_of(Entity entity) { return entity % kLanes; }
inline constexpr LaneMask bit(std::size_t lane) { return LaneMask{1} << lane; }

/// Number of a tick within a monitor's run: consecutive, whatever the wall clock does.
using TickIndex = std::int64_t;

}  // namespace anomaly_exporter::series
