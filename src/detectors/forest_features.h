#pragma once

#include <cstddef>
#include <span>

#include "anomaly_exporter/core/time.h"
#include "scaled_history.h"

namespace anomaly_exporter::detectors {

/// Which features a monitor's vectors have, and in which order.
///
/// Of each metric, all in scaled units, over the tick and the 11 before it, absent ones left out:
///   0 residual: distance from the mean of the ticks before
///   1 difference to the tick before
///   2 standard deviation
///   3 the value
///   4 mean
///   5 and 6 distance from the least and from the greatest value
///   7, 8 and 9 differences to 3, 6 and 11 ticks before
/// A monitor of many metrics takes the first of these only, as many as fit into kMostFeatures,
/// one at least. Behind them: sine and cosine of the time of day, sine and cosine of the time of
/// week, of UTC, because training sets know no time zone.
///
/// Forests want residuals rather than levels, so most of these are differences.
class ForestFeatures {
 public:
  /// Bound of the vector while each metric can have a feature.
  static constexpr std::size_t kMostFeatures = 128;
  static constexpr std::size_t kOfTime = 4;
  static constexpr std::size_t kMostOfMetric = 10;

  explicit ForestFeatures(std::size_t metrics);

  [[nodiscard]] std::size_t metrics() const { return metrics_; }
  [[nodiscard]] std::size_t of_metric() const { return of_metric_; }
  [[nodiscard]] std::size_t first_of_time() const { return metrics_ * of_metric_; }
  [[nodiscard]] std::size_t size() const { return first_of_time() + kOfTime; }

  /// The features of one metric into a batch (feature f of lane l at `f * 64 + l`). Lanes in which
  /// the metric is not known get its elements of `usual` (one per feature of the vector).
  /// Cost: about 40 ns per lane.
  void write_metric(std::size_t metric, const ScaledHistory& history, std::span<const float> usual,
                    float* batch) const;

  /// The features of the time, the same for lanes [first, first + lanes).
  void write_time(core::Timestamp time, std::size_t first, std::size_t lanes, float* batch) const;

 private:
  std::size_t metrics_;
  std::size_t of_metric_;
};

}  // namespace anomaly_exporter::detectors
