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

/// The values of a sliding window in ascending order for every row, from which order statistics are
/// read without sorting.
///
/// Rows lie one after the other with room for the whole window; memory of rows that no entity uses
/// is reserved but never touched. A row that contradicts the window it follows (a value that should
/// leave is not there) is built anew from it.
///
/// Threads: distinct blocks may be used by distinct threads; `resize` alone.
/// Cost: 4 B x window + 2 B per row; an update about log2(window) comparisons and one memmove.
/// Why floats and not 16-bit keys: half the memory would need a scale per row, and results would no
/// longer be those of the plain formula.
class SortedColumns {
 public:
  /// REQUIRES: 1 <= window <= 65535.
  explicit SortedColumns(std::size_t window) : window_(window) {}

  void resize(std::size_t rows);
  [[nodiscard]] std::size_t window() const { return window_; }

  /// One strip moves on by a tick, see MomentsColumns::update.
  void update(std::size_t first_row, const stats::LaneHistory& history, const float* entering,
              LaneMask add, const Leaving& leaving);

  /// The rows of the strip that starts at `first_row`.
  [[nodiscard]] stats::SortedView strip(std::size_t first_row) const;
  /// Lanes of the strip whose window holds at least `least` values.
  [[nodiscard]] LaneMask lanes_with(std::size_t first_row, std::size_t least) const;

  void forget(std::size_t first_row, LaneMask lanes);

  /// Rows [first_row, first_row + rows). Restore changes nothing unless all is well.
  /// Errors of restore: Corrupt (truncated, not finite, not ascending, more values than room).
  void save(std::size_t first_row, std::size_t rows, core::StateWriter& out) const;
  core::Status restore(std::size_t first_row, std::size_t rows, core::StateReader& in);

  [[nodiscard]] std::size_t memory_bytes() const { return values_.bytes() + count_.bytes(); }

 private:
  void rebuild(std::size_t first_row, std::size_t lane, const stats::LaneHistory& history,
               const float* entering, LaneMask add);

  std::size_t window_;
  series::Column<float> values_;
  series::Column<std::uint16_t> count_;
};

}  // namespace anomaly_exporter::detectors
