#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "reconstruction.h"
#include "training_windows.h"

namespace anomaly_exporter::detectors {

/// Ticks that the exponential mean looks back, as a span: weight 2 / (span + 1) of the newest.
inline constexpr double kResidualSpan = 20;
/// Values a mean has seen before residuals are taken from it.
inline constexpr std::uint32_t kResidualWarmup = 20;
/// A monitor of one metric: the vector is its last values.
inline constexpr std::size_t kSingleMetricVector = 16;

/// Ticks without a value after which a mean starts anew.
inline constexpr std::size_t kResidualGap = 20;

/// Exponentially weighted mean of the values so far; the first ones count equally.
struct RunningMean {
  double mean = 0;
  std::uint32_t count = 0;
  std::size_t missed = 0;  ///< ticks since the last value

  /// A tick without a value.
  void miss() {
    if (++missed >= kResidualGap) count = 0;
  }

  void add(double value) {
    missed = 0;
    if (count == 0) mean = value;
    if (count < kResidualWarmup) ++count;
    const double weight = 2.0 / (kResidualSpan + 1.0);
    const double equal = 1.0 / static_cast<double>(count);
    mean += (equal > weight ? equal : weight) * (value - mean);
  }
};

/// Principal components of residual vectors, as the map from a vector to the part of it that lies
/// outside them (Jackson and Mudholkar 1979, Q statistic; the recipe of the residual vectors is our
/// own).
struct ResidualComponents {
  std::size_t size = 0;        ///< of a vector
  std::vector<float> centre;   ///< [size]
  std::vector<float> outside;  ///< [size][size]: I - V V'
  std::size_t components = 0;  ///< columns of V

  /// From `vectors` [n][size], absent entries 0. As many components as explain `variance` of the
  /// sum of variances, at most size - 1. REQUIRES: size >= 1, n >= 1. Errors: Unavailable.
  static core::Result<ResidualComponents> of(std::span<const float> vectors, std::size_t size,
                                             double variance, WorkMeter& meter);
};

/// Residual vectors of a training set, evenly sampled: values minus their RunningMean before each,
/// in spreads of the time (PartScales), clipped at +-RowScales::kClip. Of a single metric: its last
/// kSingleMetricVector values minus the mean before the newest.
struct ResidualVectors {
  std::size_t size = 0;
  std::vector<float> values;  ///< [n][size], 0 where absent
  std::vector<bool> present;  ///< [n][size]

  /// Errors: InvalidArgument below TrainingWindows::kLeastWindows vectors; Unavailable.
  static core::Result<ResidualVectors> of(const TrainingSet& set, std::size_t monitor_window,
                                          std::size_t most, WorkMeter& meter);
};

/// Errors [n][metrics] of the vectors, NaN where absent: of every metric, or of the newest value.
/// Errors: Unavailable.
core::Result<std::vector<float>> component_errors(const ResidualComponents& components,
                                                  const ResidualVectors& vectors,
                                                  std::size_t metrics, WorkMeter& meter);

}  // namespace anomaly_exporter::detectors
