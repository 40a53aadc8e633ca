#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/judge.h"
#include "anomaly_exporter/detectors/moments_columns.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"
#include "anomaly_exporter/series/column.h"

namespace anomaly_exporter::detectors {

/// Distance from a short moving average, measured by how large that distance usually is.
///
/// Finds spikes and jumps of a series whose level wanders: the expectation follows within `window`
/// ticks, the spread is remembered for longer. Cannot see: anything slower than `window` ticks, and
/// a level shift after these few ticks.
///
/// Model, values being the learned ones, the tick under judgement excluded:
///   expected = mean of the last `window` ticks,
///   spread = sqrt(mean of d^2 over the last `spread_window` ticks), d = value - its expectation,
///   raw = |value - expected| / scale
/// with scale as in judge.h. The root mean square is about 0, not about the mean distance, so that
/// a steady ramp, which always lies ahead of its average, is as expected. (One-step forecast error
/// of a moving average: Montgomery, Jennings and Kulahci, "Introduction to Time Series Analysis and
/// Forecasting", 2015, section 2.6.)
///
/// Warm-up: 5 values within `window` for an expectation, and min(spread_window, 20) distances.
/// Raw: >= 0, unbounded, in sigmas. Gap: values age by ticks; with fewer than 5 values in `window`
/// there is no expectation. Constant: spread 0, the floor judges. Step: found for a few ticks, then
/// followed; its distances widen the spread until they leave. NaN never enters.
/// Cost: 48 B + 4 B x spread_window per row; about 45 ns per row and tick, caches cold.
class MovingAverage final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const MovingAverageOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Series; }
  [[nodiscard]] double threshold() const override;
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return options_.window; }
  [[nodiscard]] std::size_t least_in_look_back() const override;
  [[nodiscard]] int expectation_rank() const override { return 30; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;
  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  MovingAverage(const MovingAverageOptions& options, std::size_t metrics);
  [[nodiscard]] std::size_t first_row(std::size_t block, std::size_t metric) const;
  [[nodiscard]] series::StripView distances(std::size_t first_row) const;
  [[nodiscard]] Estimate expectation(std::size_t first_row) const;

  MovingAverageOptions options_;
  std::size_t metrics_;
  MomentsColumns values_;     // of `window`
  MomentsColumns distances_;  // of `spread_window`
  // Ring of the distances, per strip [slot][lane]; slot = tick % spread_window.
  series::Column<float> ring_;
  series::Column<LaneMask> ring_set_;  // per strip [slot]
};

}  // namespace anomaly_exporter::detectors
