#pragma once

#include <stop_token>

#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::core {

/// The only door to the time of day and to waiting. Samples carry their own time as an argument;
/// schedules, time-outs and latencies ask a Clock, so that tests and replay run on a manual one.
///
/// Threads: safe for concurrent use.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Wall-clock time; may jump in both directions.
  [[nodiscard]] virtual Timestamp now() const = 0;

  /// Monotonic time since an arbitrary origin, for durations and deadlines.
  [[nodiscard]] virtual std::chrono::nanoseconds monotonic() const = 0;

  /// Waits for `d` of monotonic time or until `stop` is requested, whichever is first.
  /// Returns false when stopped.
  virtual bool wait_for(Duration d, std::stop_token stop) const = 0;
};

/// The machine's clocks. Lives as long as the program; stateless.
const Clock& system_clock();

}  // namespace anomaly_exporter::core
