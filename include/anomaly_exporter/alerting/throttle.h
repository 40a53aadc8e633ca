#pragma once

#include <map>
#include <string>
#include <tuple>

#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/severity/severity.h"

namespace anomaly_exporter::alerting {

/// Lets openings of alerts through once per period for each (monitor, metric, severity): sent at
/// 12:00:00, suppressed at 12:02 and 12:04, sent at 12:05:01. What opens at the same tick passes
/// together, as one group. Sending an open alert again is no opening.
///
/// After a restart with a clock before the last opening, the period starts anew.
/// Threads: one at a time. Memory: one entry per metric and level seen.
class Throttle {
 public:
  /// Whether an opening at `now` passes; if so, the period starts. `period` 0 lets all pass.
  bool admit(const std::string& monitor, const std::string& metric, severity::Level level,
             core::Timestamp now, core::Duration period);

  /// The wall clock was set, by `step`: periods go on as before.
  void clock_stepped(core::Duration step);

  void save(core::StateWriter& out) const;
  void restore(core::StateReader& in);

 private:
  using Key = std::tuple<std::string, std::string, severity::Level>;
  std::map<Key, core::Timestamp> last_;
};

}  // namespace anomaly_exporter::alerting
