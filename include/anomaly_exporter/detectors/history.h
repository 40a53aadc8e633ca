#pragma once

#include <array>
#include <cstddef>

#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/stats/kernels.h"

namespace anomaly_exporter::detectors {

static_assert(stats::kLanes == kLanes, "kernels work on one strip");

/// The `ticks` ticks before `now` of a strip (fewer where the run is younger), learned values only.
/// Borrows the strip. REQUIRES: ticks < strip.slots.
stats::LaneHistory history_before(const series::StripView& strip, TickIndex now, std::size_t ticks);

/// Values of one strip at the tick that leaves a detector's window.
struct Leaving {
  std::array<float, kLanes> values;  ///< undefined where the bit in `lanes` is clear
  LaneMask lanes = 0;
};

/// What was learned at tick `now - window`, of the lanes in `active`.
/// REQUIRES: window <= strip.slots; where they are equal, the slot of `now` is not written yet.
Leaving leaving_values(const series::StripView& strip, TickIndex now, std::size_t window,
                       LaneMask active);

/// True at every `window`-th tick of a block, at different ticks for neighbouring blocks, so that
/// periodic work spreads evenly over ticks.
bool is_refresh_due(TickIndex now, std::size_t block, std::size_t window);

}  // namespace anomaly_exporter::detectors
