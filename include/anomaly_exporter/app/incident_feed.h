#pragma once

#include <memory>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/incidents/tracker.h"

namespace anomaly_exporter::app {

/// Carries a monitor's open episodes to the tracker of its incidents, and the incidents to the
/// snapshot.
///
/// Threads: the monitor's own. Cost: one pass over a byte per row and tick, and what the tracker
/// costs for the anomalous ones.
class IncidentFeed {
 public:
  explicit IncidentFeed(const config::MonitorConfig& config)
      : tracker_(config.name, config.incidents) {}

  void configure(const incidents::IncidentOptions& options) { tracker_.configure(options); }

  /// Call after each tick of a source that was up, results in place. Nothing when there are no
  /// incidents to tell of.
  std::shared_ptr<const incidents::IncidentList> update(const MonitorState& monitor);

  /// Anomalies that found no place.
  [[nodiscard]] std::uint64_t refused() const { return tracker_.refused(); }

 private:
  incidents::Tracker tracker_;
  std::vector<incidents::Sighting> sightings_;
};

}  // namespace anomaly_exporter::app
