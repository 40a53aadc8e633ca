#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/layout.h"

namespace anomaly_exporter::app {

class MonitorState;

/// When which rows were anomalous, muted or not, so that no model is fitted to it. Part of the
/// state files: what was found before a restart is not taught after it either.
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
  /// Time of the first tick observed: before it nobody looked, save for the episodes restored. 0 =
  /// none yet.
  [[nodiscard]] core::Timestamp since() const { return since_; }

  /// One entity's episodes, versioned; false when it has none, and nothing is written.
  bool save(series::Entity entity, std::size_t metrics, core::StateWriter& out) const;
  /// Adds what `save` wrote. Errors: Corrupt, Unsupported; nothing is then added.
  core::Status restore(series::Entity entity, std::size_t metrics, core::StateReader& in);

 private:
  std::map<series::Row, Episode> open_;
  std::deque<Episode> closed_;  // by their last tick
  core::Timestamp since_;
};

}  // namespace anomaly_exporter::app
