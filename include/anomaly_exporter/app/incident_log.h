#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::app {

/// When which rows were anomalous, so that no model is fitted to it.
///
/// Bounded: the newest 10,000 episodes. Threads: the monitor's own.
/// Cost: one pass over a byte per row and tick.
class IncidentLog {
 public:
  static constexpr std::size_t kMost = 10'000;

  /// Call after each tick, results in place.
  void observe(const MonitorState& monitor);
  /// An entity left or its number is used again.
  void forget(series::Row row);

  /// Both ends inclusive; an episode that goes on ends at the last tick observed.
  struct Episode {
    series::Row row = 0;
    core::Timestamp first, last;
  };
  [[nodiscard]] std::vector<Episode> episodes() const;
  /// Time of the first tick observed: before it nothing is known. 0 = none yet.
  [[nodiscard]] core::Timestamp since() const { return since_; }

 private:
  std::map<series::Row, Episode> open_;
  std::deque<Episode> closed_;
  core::Timestamp since_;
};

}  // namespace anomaly_exporter::app
