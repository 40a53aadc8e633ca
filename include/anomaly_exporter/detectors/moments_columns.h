#pragma once

#include <cstddef>
#include <cstdint>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/history.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/stats/kernels.h"

namespace anomaly_exporter::detectors {

/// Mean and standard deviation of a sliding window for every row, kept as running sums.
///
/// The sums are about an anchor near the mean, in double. They are computed anew from the window
/// when `refresh` says so, and at once for rows where what leaves, or the anchor's distance from
/// the mean, dominates what remains: a spike of 1e18 that has left leaves no error behind. Relative
/// error of the deviation: below 1e-7, tested against the two-pass formula.
///
/// Threads: distinct blocks may be used by distinct threads; `resize` alone.
/// Cost: 24 B per row; an update about 10 ns per row, caches cold.
class MomentsColumns {
 public:
  void resize(std::size_t rows);
  [[nodiscard]] std::size_t rows() const { return anchor_.size(); }

  /// One strip moves on by a tick: `entering` where `add`, `leaving.values` where `leaving.lanes`.
  /// `history` holds the other ticks of the window; `refresh` are the lanes to compute anew from
  /// it.
  void update(std::size_t first_row, const stats::LaneHistory& history, const float* entering,
              LaneMask add, const Leaving& leaving, LaneMask refresh);

  /// The sums of the strip that starts at `first_row`.
  [[nodiscard]] stats::MomentsView strip(std::size_t first_row) const;
  /// Lanes of the strip whose window holds at least `least` values.
  [[nodiscard]] LaneMask lanes_with(std::size_t first_row, std::size_t least) const;

  void forget(std::size_t first_row, LaneMask lanes);

  /// Rows [first_row, first_row + rows). Restore changes nothing unless all is well.
  /// Errors of restore: Corrupt (truncated, not finite, more than `capacity` values).
  void save(std::size_t first_row, std::size_t rows, core::StateWriter& out) const;
  core::Status restore(std::size_t first_row, std::size_t rows, std::size_t capacity,
                       core::StateReader& in);

  /// Takes over all rows of `other`, from `first_row` on.
  void copy_rows(std::size_t first_row, const MomentsColumns& other);

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  series::Column<float> anchor_;
  series::Column<std::uint32_t> count_;
  series::Column<double> sum_;
  series::Column<double> squares_;
};

}  // namespace anomaly_exporter::detectors
