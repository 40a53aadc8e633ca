#pragma once

#include <map>
#include <string>
#include <vector>

#include "anomaly_exporter/alerting/active_alert.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::app {

/// Entities of one monitor whose series stay away: for push mode what the shipped rule
/// AnomalySeriesMissing makes of `anomaly_series_missing`. One alert per entity, however many of
/// its metrics are gone.
///
/// Threads: one at a time. Cost: one pass over a byte per row and tick while nothing is missing; a
/// line of text per entity of which something is.
class MissingWatch {
 public:
  /// Adds to `out` the entities of which a series has been missing for at least `hold`, and of the
  /// `open_keys` those that are whole again, or forgotten. An entity of which some metric could not
  /// be read at this tick is in neither list.
  void update(const exposition::MonitorSnapshot& snapshot, core::Duration hold,
              const std::vector<std::string>& open_keys, alerting::TickAlerts& out);

 private:
  /// Entity's label text -> ticks in a row at which something of it was missing. Ticks, because a
  /// clock that is set is no time that passed.
  std::map<std::string, std::int64_t, std::less<>> ticks_;
};

}  // namespace anomaly_exporter::app
