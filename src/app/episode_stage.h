#pragma once

#include "anomaly_exporter/app/monitor_state.h"

namespace anomaly_exporter::app {

/// Lanes of the tick's block whose episodes have not been through this tick yet; afterwards they
/// have. Ticks that are replayed are not fresh: what they opened then is not opened anew.
series::LaneMask fresh_lanes(MonitorState& monitor, const detectors::Tick& tick);

struct BlockCell {
  std::size_t metric, lane;
};

/// The level of one row at this tick becomes that of its episode, and goes into the results and
/// the counts of `scratch`.
void follow_episode(MonitorState& monitor, const detectors::Tick& tick, BlockCell cell,
                    series::LaneMask fresh, BlockScratch& scratch);

}  // namespace anomaly_exporter::app
