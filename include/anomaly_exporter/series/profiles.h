#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/series/layout.h"

namespace anomaly_exporter::series {

/// The coarse memory of a series: what a window of a few hours cannot hold.
///
/// Two parts per row: (1) the means of the last 14 days in steps of 30 minutes, a ring of 672
/// half-precision floats; (2) the usual level and spread for each of the 168 hours of the week
/// (local time, where a UTC offset is given), exponentially weighted means of the 30-minute means
/// and of their absolute deviations from the level before them, weight 0.3 for a new week (two half
/// hours of 0.163 each; the very first two weigh the same), two half-precision floats each.
///
/// The half hour that is still being averaged is visible in neither part. A half hour counts once:
/// whichever of `observe` and `fill` brings it first stays.
///
/// Half precision holds 11 bits: values are stored relative to a per-row scale (a power of two
/// that is re-chosen, with the row rewritten, when a value would overflow or a row of tiny values
/// would vanish), so any finite float fits within 0.1 % of the largest value of the row.
///
/// Memory is taken by strips of 64 rows (layout.h), in which lanes double as they are first written
/// to, so that a monitor of one host does not pay for 64.
///
/// The ring of half hours always runs in UTC, so that no change of daylight saving tears or doubles
/// it; only the hour of the week moves with the offset. A half hour counts in the local hour in
/// which it begins.
///
/// Units: the metric's. Threads: distinct strips of 64 rows may be used by distinct threads;
/// `resize` alone.
/// Cost: 2,040 B per row; `observe` a handful of additions, one store per half hour.
class Profiles {
 public:
  static constexpr core::Duration kStep = std::chrono::minutes(30);
  static constexpr std::size_t kSteps = 14 * 48;
  static constexpr std::size_t kHours = 7 * 24;

  /// Makes room for rows [0, rows), rounded up to whole strips. Existing content stays.
  void resize(std::size_t rows);

  /// Adds one value at its time. Times of one row ascend; an older one than the open half hour is
  /// ignored, unless it lies more than 14 days back: then the clock was wrong before, and the row
  /// starts afresh. Times before 1970 are ignored. `utc_offset` is what the
  /// time zone adds to UTC at `time`. REQUIRES: value is finite.
  void observe(Row row, core::Timestamp time, float value, core::Duration utc_offset = {});

  /// Writes the mean of a whole half hour, as read from a coarse backfill. `start` is a multiple of
  /// kStep. May be older than what is there (the background backfill fills the past): a step that
  /// was already observed is kept, and so is the open one. `utc_offset` as of `start`.
  /// REQUIRES: mean is finite.
  void fill(Row row, core::Timestamp start, float mean, core::Duration utc_offset = {});

  /// One mean, or NaN-free absence: returns false when that half hour holds nothing.
  [[nodiscard]] bool step(Row row, core::Timestamp start, float& mean) const;

  /// Usual level and spread (mean absolute deviation, >= 0; 0 after a single half hour) at that
  /// hour of the week; false when no whole half hour fell there yet.
  [[nodiscard]] bool usual(Row row, core::Timestamp time, float& centre, float& scale,
                           core::Duration utc_offset = {}) const;

  void forget(Row row);
  [[nodiscard]] std::size_t rows() const { return strips_.size() * kLanes; }
  [[nodiscard]] std::size_t memory_bytes() const;

  /// One row, versioned. Errors of restore: Corrupt; the row then stays as it was.
  void save(Row row, core::StateWriter& out) const;
  core::Status restore(Row row, core::StateReader& in);

 private:
  /// Half hours are numbered from 1 = the first of 1970, so that 0 can mean none.
  struct Head {
    std::int32_t newest_step = 0;  // newest half hour with content
    std::int32_t open_step = 0;    // half hour being averaged
    double open_sum = 0;
    std::uint32_t open_count = 0;
    std::int16_t exponent = 0;  // stored value = true value / 2^exponent
  };
  /// A half-precision value as stored, with its bits inverted where "nothing" has ones: zeroed
  /// memory holds nothing.
  using Cell = std::uint16_t;
  static constexpr std::size_t kCells = kSteps + 2 * kHours;  // steps, centres, scales

  struct Strip {
    Column<Head> heads;
    Column<Cell> cells;  // [lane][kCells]
  };

  class RowEditor;
  [[nodiscard]] const Head* head(Row row) const;
  [[nodiscard]] const Cell* cells(Row row) const;
  RowEditor edit(Row row);

  std::vector<Strip> strips_;
};

}  // namespace anomaly_exporter::series
