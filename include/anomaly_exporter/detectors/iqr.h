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

/// Tukey's fences: how far a value lies outside the quartiles of the recent past.
///
/// Finds spikes, dips and level shifts; up to a quarter of the window may be arbitrary. Cannot see:
/// slow drift, values unusual only for the time of day, and outliers on the short side of a very
/// skewed series, because distance is measured from the median on both sides alike.
///
/// Model, over the n learned values of the last `window` ticks, the tick under judgement excluded:
///   expected = median,  spread = IQR / 1.349,  raw = |value - expected| / scale
/// with scale as in judge.h, and quartiles by linear interpolation (Hyndman and Fan 1996,
/// definition 7). A normal distribution has IQR = 1.349 sigma, so raw counts sigmas as in every
/// other detector. Tukey's rule "k interquartile ranges beyond a quartile" ("Exploratory Data
/// Analysis", 1977, section 2D) is, where the quartiles lie evenly about the median, raw >= (0.5 +
/// k) * 1.349; that is what threshold() returns for the option `threshold` = k: 4.72 for k = 3.
///
/// Warm-up: min(window, 20) values within the window. Gap, constant, step, NaN: as for `mad`, a
/// step is accepted once it fills three quarters of the window.
/// Cost: 4 B x window + 2 B per row; time as for `mad`.
class Iqr final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const IqrOptions& options,
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
  Iqr(const IqrOptions& options, std::size_t metrics);
  [[nodiscard]] std::size_t first_row(std::size_t block, std::size_t metric) const;

  IqrOptions options_;
  std::size_t metrics_;
  SortedColumns sorted_;
};

}  // namespace anomaly_exporter::detectors
