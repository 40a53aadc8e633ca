#pragma once

#include <chrono>
#include <cstddef>

#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::detectors {

/// What every detector of a monitor is made with.
struct Shape {
  std::size_t metrics = 1;
  std::size_t window = 1000;  ///< the monitor's window, an upper bound for detector windows
  core::Duration interval = std::chrono::seconds(10);  ///< of the monitor's ticks
};

/// Values that the statistical detectors want to have seen before they judge (or a whole window,
/// where that is shorter): a spread estimated from 20 values is right within a third.
inline constexpr std::size_t kWarmupSamples = 20;

}  // namespace anomaly_exporter::detectors
