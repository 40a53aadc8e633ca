#pragma once

#include <array>
#include <cstddef>

#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/detectors/verdict.h"

namespace anomaly_exporter::detectors {

/// Where a detector expects the 64 rows of a strip to be, and how far off they usually are, both in
/// the metric's unit. Numbers of lanes that are not `ready` are undefined.
struct Estimate {
  std::array<double, kLanes> centre{};
  std::array<double, kLanes> spread{};  ///< one standard deviation or its like, >= 0
  LaneMask ready = 0;                   ///< lanes that have learned enough
};

/// Turns an estimate into verdicts: the one place where scale and raw score are defined.
///
/// scale = max(spread, tick.scale_floor, 1e-6 * |centre|, 1e-9), so a constant series scores 0
/// while it stays and is measured by the floor when it leaves. raw = |value - expected| / scale,
/// computed from `expected` and `scale` as they are stored: hence `value = expected +- scale *
/// raw`, which is what bands are made from.
///
/// Lanes in `tick.active` get NoData where absent, WarmingUp where not ready, Failed where centre
/// or spread is beyond the range of float, else Scored; other lanes are not touched.
/// Cost: one division and a few comparisons per row.
void judge(const Tick& tick, std::size_t metric, const Estimate& estimate, VerdictColumns& out);

}  // namespace anomaly_exporter::detectors
