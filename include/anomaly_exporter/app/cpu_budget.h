#pragma once

#include <stop_token>

#include "anomaly_exporter/core/clock.h"

namespace anomaly_exporter::app {

/// Holds work on one thread to a share of a core: after each piece of work it sleeps, so that
/// busy / (busy + slept) stays at or below the share.
///
/// Time spent waiting for the processor counts as busy, so the share is an upper bound.
/// Threads: one thread at a time. Cost: one reading of the clock per call.
class CpuBudget {
 public:
  /// Borrows `clock`. REQUIRES: 0 < share <= 1.
  CpuBudget(double share, const core::Clock& clock, std::stop_token stop);

  /// Call every few milliseconds of work. Sleeps when at least 10 ms are owed. False when stopped.
  bool spend();

  [[nodiscard]] std::chrono::nanoseconds busy() const { return busy_; }
  [[nodiscard]] std::chrono::nanoseconds slept() const { return slept_; }

 private:
  double share_;
  const core::Clock* clock_;
  std::stop_token stop_;
  std::chrono::nanoseconds last_;
  std::chrono::nanoseconds busy_{0}, slept_{0}, owed_{0};
};

}  // namespace anomaly_exporter::app
