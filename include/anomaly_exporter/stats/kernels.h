#pragma once

#include <cstddef>
#include <cstdint>

#include "anomaly_exporter/core/cpu.h"

namespace anomaly_exporter::stats {

/// Rows that one kernel call works on: the strip of 64 lanes in which state lies in memory.
inline constexpr std::size_t kLanes = 64;
/// One bit per lane.
using LaneMask = std::uint64_t;

/// Sums of a sliding window for 64 rows, each array of kLanes elements.
///
/// With d = value - anchor, `sum` is the sum of d and `squares` that of d * d. The anchor is a
/// value near the mean, so that neither sum is much larger than what is computed from it.
struct MomentsStrip {
  float* anchor = nullptr;
  std::uint32_t* count = nullptr;
  double* sum = nullptr;
  double* squares = nullptr;
};

/// The same, to be read only.
struct MomentsView {
  const float* anchor = nullptr;
  const std::uint32_t* count = nullptr;
  const double* sum = nullptr;
  const double* squares = nullptr;
};

/// Ascending windows for 64 rows: lane l holds `count[l]` values from `values + l * capacity` on.
struct SortedStrip {
  float* values = nullptr;
  std::uint16_t* count = nullptr;
  std::size_t capacity = 0;  ///< values a row has room for, <= 65535
};

/// The same, to be read only.
struct SortedView {
  const float* values = nullptr;
  const std::uint16_t* count = nullptr;
  std::size_t capacity = 0;
};

/// The last `ticks` ticks of 64 rows in a ring: the value of lane l at slot s is
/// `values[s * stride + l]`, and counts only where bit l of `learned[s]` is set. Ticks run from
/// slot `oldest` upwards and wrap at `slots`. Lanes from `stride` on have no memory and no set
/// bits.
struct LaneHistory {
  const float* values = nullptr;
  const LaneMask* learned = nullptr;
  std::size_t stride = 0;
  std::size_t slots = 0;
  std::size_t oldest = 0;
  std::size_t ticks = 0;
};

/// The numeric work that is done for every row at every tick, as a table of functions, so that one
/// program runs the best code the processor offers.
///
/// The table exists twice, compiled from the same source for plain x86-64 and for x86-64-v3. Both
/// give the same bits: every operation is an IEEE 754 addition, product, quotient or square root of
/// its own (the build forbids fused products), in the same order per lane.
///
/// Shapes: arrays have kLanes elements unless said otherwise. Values of lanes whose bit is clear
/// may be anything, NaN included, and do not influence a result; results of such lanes are
/// unspecified. Values of lanes whose bit is set are finite. Threads: pure functions of their
/// arguments.
struct Kernels {
  /// Lets `out` leave the sums where `remove` is set, then takes `in` where `add` is set.
  /// Returns the lanes whose sums lost too many digits to be trusted (what left, or the distance of
  /// the mean from the anchor, dominates what remains); call `moments_recompute` for these.
  /// Lanes in neither mask keep their state to the bit.
  LaneMask (*moments_update)(const MomentsStrip& state, const float* in, LaneMask add,
                             const float* out, LaneMask remove);

  /// Computes the sums of `lanes` anew: over `history` and then `in` where `add` is set, about the
  /// mean rounded to float. Cost: two passes over the history.
  void (*moments_recompute)(const MomentsStrip& state, const LaneHistory& history, const float* in,
                            LaneMask add, LaneMask lanes);

  /// Mean and population standard deviation. Rows without values give 0 and 0.
  void (*moments_estimate)(const MomentsView& state, double* mean, double* deviation);

  /// Expresses values as distances: expected = centre as float, scale = max(spread, floor, 1e-6 *
  /// |centre|, 1e-9) as float, raw = |value - expected| / scale, computed from these two floats.
  /// Returns the lanes for which all three are finite.
  LaneMask (*standardise)(const double* centre, const double* spread, const float* values,
                          const float* floor, double* raw, float* expected, float* scale);

  /// Takes one equal value of `out` out of the row where `remove` is set and inserts `in` where
  /// `add` is set. Returns the lanes that could not be changed, and were not: the value to remove
  /// is not there, or the row is full.
  /// Cost: about log2(n) comparisons and one memmove of a third of the row; rows ahead are
  /// prefetched.
  LaneMask (*sorted_update)(const SortedStrip& state, const float* in, LaneMask add,
                            const float* out, LaneMask remove);

  /// Median and median absolute deviation from it of the rows in `lanes`, both the mean of the
  /// middle two where the count is even. REQUIRES: at least one value in each of these rows.
  /// Cost: log2(n) steps: on a sorted row the values nearest to the median are a contiguous run.
  void (*median_mad)(const SortedView& state, LaneMask lanes, double* median, double* mad);

  /// Median and interquartile range of the rows in `lanes`, by linear interpolation between order
  /// statistics (Hyndman and Fan, "Sample quantiles in statistical packages", 1996, definition 7).
  /// REQUIRES: at least one value in each of these rows.
  void (*median_iqr)(const SortedView& state, LaneMask lanes, double* median, double* iqr);

  /// Least-squares line through the history, extrapolated to the tick after it, and the standard
  /// error of that prediction: s * sqrt(1 + 1/n + (k - mean k)^2 / Sxx), s^2 = SSE / (n - 2)
  /// (Draper and Smith, "Applied Regression Analysis", 1998, section 3.1). `count` receives n; with
  /// fewer than three values the other two are 0.
  void (*line_forecast)(const LaneHistory& history, double* forecast, double* error,
                        std::uint32_t* count);

  /// Mean and population standard deviation of the history, from sums of float taken newest first
  /// of the distances from `about`: a row that is `about` throughout has a deviation of exactly 0.
  /// Lanes from the history's stride on are not written.
  void (*recent_moments)(const LaneHistory& history, const float* about, float* mean,
                         float* deviation);
};

/// The table compiled for a level.
const Kernels& kernels(core::CpuLevel level);

/// The table for this machine: that of core::detected_cpu_level(), chosen at the first call.
const Kernels& kernels();

}  // namespace anomaly_exporter::stats
