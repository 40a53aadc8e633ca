#pragma once

#include <cstddef>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::detectors {

/// Least window of any detector: fewer samples estimate no spread.
inline constexpr std::size_t kLeastWindow = 10;

/// Rolling z-score.
struct ZScoreOptions {
  /// Ticks of the recent past, 10 to the monitor's window. A longer one is steadier and slower to
  /// accept change.
  std::size_t window = 100;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.0;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Rolling median and MAD (scaled by 1.4826).
struct MadOptions {
  /// Longest window: 4 bytes per series and tick are kept in sorted order.
  static constexpr std::size_t kMaxWindow = 1000;
  /// Ticks of the recent past, 10 to the smaller of the monitor's window and 1000. Memory and time
  /// grow with it.
  std::size_t window = 256;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.5;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Distance outside the quartiles in interquartile ranges (Tukey 1977: 1.5 outlier, 3 far out).
struct IqrOptions {
  /// Ticks of the recent past, 10 to the smaller of the monitor's window and 1000.
  std::size_t window = 256;
  /// Interquartile ranges beyond the nearer quartile, 0.5 to 100. Higher is quieter.
  double threshold = 3.0;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Distance from the mean of the last `window` ticks, in root mean squares of that distance over
/// the last `spread_window` ticks.
struct MovingAverageOptions {
  /// Ticks whose mean is the expectation, 10 to the monitor's window. Shorter follows faster.
  std::size_t window = 10;
  /// Ticks over which the usual distance is measured, 20 to the monitor's window.
  std::size_t spread_window = 100;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.5;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Distance from the straight line through the last `window` ticks, extrapolated one tick, in
/// standard errors of that prediction.
struct RegressionOptions {
  /// Ticks through which the line is laid, 10 to the monitor's window. Time grows with it.
  std::size_t window = 60;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.5;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Options of every detector; one member per registered name.
struct DetectorOptions {
  ZScoreOptions zscore;
  MadOptions mad;
  IqrOptions iqr;
  MovingAverageOptions moving_average;
  RegressionOptions regression;
};

}  // namespace anomaly_exporter::detectors
