#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/moments_columns.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"

namespace anomaly_exporter::detectors {

/// Rolling z-score: how many standard deviations a value lies from the mean of the recent past.
///
/// Finds spikes, dips, jumps and drops of a series whose recent past is steady. Cannot see: slow
/// drift (the mean follows), values that are only unusual for the time of day, and changes within
/// the spread; several spikes within the window inflate the spread and hide each other (masking),
/// which `mad` withstands.
///
/// Model, over the n learned values of the last `window` ticks, the tick under judgement excluded:
///   expected = mean,  spread = sqrt(sum (x - mean)^2 / n),  raw = |value - expected| / scale
/// with scale as in judge.h. Population deviation, as the specification of z-scores has it; the
/// sums follow Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983
/// (shifted data).
///
/// Warm-up: min(window, 20) values within the window; below it WarmingUp, also after long gaps.
/// Raw: >= 0, unbounded, in sigmas. Gap: values age by ticks, so the window empties. Counter reset:
/// none here, rates come in. Constant: spread 0, the floor judges. Step: found at once, accepted as
/// the window fills with the new level. NaN never enters.
/// Cost: 24 B per row; about 20 ns per row and tick, caches cold.
class ZScore final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const ZScoreOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Series; }
  [[nodiscard]] double threshold() const override;
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return options_.window; }
  [[nodiscard]] int expectation_rank() const override { return 20; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;
  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  ZScore(const ZScoreOptions& options, std::size_t metrics);
  [[nodiscard]] std::size_t first_row(std::size_t block, std::size_t metric) const;

  ZScoreOptions options_;
  std::size_t metrics_;
  MomentsColumns moments_;
};

}  // namespace anomaly_exporter::detectors
