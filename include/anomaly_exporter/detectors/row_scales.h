#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/series/column.h"

namespace anomaly_exporter::detectors {

/// Where a series usually lies and how far it usually strays.
struct RobustScale {
  float centre = 0;
  float spread = 0;  ///< one standard deviation or its like; > 0 where known
};

/// Median and (q90 - q10) / 2.563 of a sample, the spread never below 1 % of the sample's range,
/// 1e-6 times its largest magnitude and 1e-9: a series with rare bursts keeps a spread. NaN values
/// are left out; fewer than 8 values give a spread of 0. Reorders `values`.
RobustScale robust_scale(std::span<float> values);

/// Robust scale of every row, from up to 64 learned values spread evenly over its window: what
/// makes vectors of different series comparable for models that are shared between them.
///
/// A row that knows nothing yet is tried every 8th tick, from 16 values on; the others are renewed
/// every sixteenth of the window, at different ticks for neighbouring blocks, and stand still in
/// between.
///
/// Threads: distinct blocks may be used by distinct threads; `resize` alone.
/// Cost: 12 B per row; about 10 ns per row and tick on average.
class RowScales {
 public:
  explicit RowScales(std::size_t metrics) : metrics_(metrics) {}

  /// Largest magnitude of a scaled value.
  static constexpr float kClip = 10.0F;

  void resize(std::size_t blocks);
  /// Call in `Detector::learn`, once per tick and block.
  void learn(const Tick& tick, const LearnMask& mask);
  void forget(std::size_t block, LaneMask lanes);

  /// REQUIRES: row below the resized range. A spread of 0: nothing is known yet.
  [[nodiscard]] RobustScale of(Row row) const { return {centre_[row], spread_[row]}; }
  /// (value - centre) / spread, clipped at +-kClip; 0 while nothing is known.
  [[nodiscard]] float scaled(Row row, float value) const;

  void save(std::size_t block, core::StateWriter& out) const;
  core::Status restore(std::size_t block, core::StateReader& in);
  [[nodiscard]] std::size_t memory_bytes() const {
    return centre_.bytes() + spread_.bytes() + learned_.bytes();
  }

 private:
  [[nodiscard]] std::size_t first_row(std::size_t block) const { return block * metrics_ * kLanes; }

  std::size_t metrics_;
  series::Column<float> centre_, spread_;  // by row
  series::Column<std::uint32_t> learned_;  // by row: values learned, at most the window
};

}  // namespace anomaly_exporter::detectors
