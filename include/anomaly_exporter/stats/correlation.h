#pragma once

#include <cstddef>
#include <span>

namespace anomaly_exporter::stats {

/// Pearson's correlation of two series at the shift that makes it strongest.
struct LaggedCorrelation {
  double r = 0;           ///< -1 to 1; 0 when no shift leaves enough pairs or a series is constant
  int lag = 0;            ///< ticks by which `b` follows `a`; negative when `b` moved first
  bool is_known = false;  ///< false when no shift had enough pairs that vary
};

/// Tries every shift from -most to +most ticks; of equally strong ones the smallest shift wins.
/// NaN marks an absent value; a pair with one is left out, and a shift needs at least `least`
/// pairs. Shapes: `a` and `b` of equal length, oldest first.
/// Cost: about 2 ns per pair and shift. Threads: pure.
LaggedCorrelation lagged_correlation(std::span<const float> a, std::span<const float> b, int most,
                                     std::size_t least);

}  // namespace anomaly_exporter::stats
