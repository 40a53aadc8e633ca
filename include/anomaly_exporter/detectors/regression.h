#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"

namespace anomaly_exporter::detectors {

/// Distance from the straight line through the recent past, in standard errors of its prediction.
///
/// Finds spikes, jumps and breaks of a trend: a disk that fills steadily is as expected, one that
/// stops or hurries is not. Cannot see: curvature that is slow against the window, seasons, and
/// anomalies in a past that is itself no line (the error is then wide).
///
/// Model, over the n learned values x_k of the last `window` ticks k, the tick K under judgement
/// excluded: least squares x = a + b k,
///   expected = a + b K,  spread = s * sqrt(1 + 1/n + (K - mean k)^2 / Sxx),  s^2 = SSE / (n - 2),
///   raw = |value - expected| / scale
/// with scale as in judge.h (Draper and Smith, "Applied Regression Analysis", 1998, section 3.1).
/// For normal noise raw has Student's t distribution with n - 2 degrees of freedom.
///
/// Warm-up: min(window, 20) values within the window. Raw: >= 0, unbounded. Gap: ticks are the time
/// axis, so a hole bends nothing. Constant: slope and spread 0, the floor judges. Step: found at
/// once; the line tilts and takes a window to lie down again. Failed where the line leaves the
/// range of float. NaN never enters.
/// Cost: no memory: the window itself is the state, and two
/// passes over it, 2 to 4 ns per tick of the window and row. Why: running sums would have to be
/// shifted every tick and lose digits on every spike.
class Regression final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const RegressionOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Series; }
  [[nodiscard]] double threshold() const override;
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return options_.window; }
  [[nodiscard]] int expectation_rank() const override { return 30; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;
  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  Regression(const RegressionOptions& options, std::size_t metrics)
      : options_(options), metrics_(metrics) {}

  RegressionOptions options_;
  std::size_t metrics_;
};

}  // namespace anomaly_exporter::detectors
