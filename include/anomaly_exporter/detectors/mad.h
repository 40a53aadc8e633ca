#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"
#include "anomaly_exporter/detectors/sorted_columns.h"

namespace anomaly_exporter::detectors {

/// Rolling median and median absolute deviation: the z-score that half of the window cannot fool.
///
/// Finds spikes, dips and level shifts also when the recent past holds other anomalies: up to half
/// of the window may be arbitrary. Cannot see: slow drift, values unusual only for the time of day;
/// series that take two or three values only have a MAD of 0, and the floor judges them.
///
/// Model, over the n learned values of the last `window` ticks, the tick under judgement excluded:
///   expected = median,  spread = 1.4826 * median |x - median|,  raw = |value - expected| / scale
/// with scale as in judge.h; both medians are the mean of the middle two for even n. 1.4826 makes
/// the spread one sigma of a normal distribution (Rousseeuw and Croux, "Alternatives to the median
/// absolute deviation", 1993, section 1; threshold 3.5: Iglewicz and Hoaglin, "How to detect and
/// handle outliers", 1993).
///
/// Warm-up: min(window, 20) values within the window. Raw: >= 0, unbounded, in sigmas. Gap: values
/// age by ticks. Constant: spread 0, the floor judges. Step: found for half a window, then
/// accepted. NaN never enters.
/// Cost: 4 B x window + 2 B per row; 0.16 us per row and tick at window 256, 0.4 us at 1000, caches
/// cold.
class Mad final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const MadOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Series; }
  [[nodiscard]] double threshold() const override;
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return options_.window; }
  [[nodiscard]] int expectation_rank() const override { return 21; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;
  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  Mad(const MadOptions& options, std::size_t metrics);
  [[nodiscard]] std::size_t first_row(std::size_t block, std::size_t metric) const;

  MadOptions options_;
  std::size_t metrics_;
  SortedColumns sorted_;
};

}  // namespace anomaly_exporter::detectors
