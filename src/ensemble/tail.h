#pragma once

#include <array>
#include <cmath>
#include <cstddef>

#include "anomaly_exporter/ensemble/calibration.h"

namespace anomaly_exporter::ensemble {

/// A number at each lower edge of the bins of ScoreHistogram, and at the last one's end.
using BinTable = std::array<double, ScoreHistogram::kBins + 1>;

const BinTable& bin_edges();

/// Generalised Pareto tail of the weight above the lower edge of `bin`.
struct Tail {
  std::size_t bin = ScoreHistogram::kBins;  ///< kBins = there is no tail
  double shape = 0.1;
  double scale = 1;

  [[nodiscard]] double survival(double excess) const {
    return std::pow(1.0 + shape * excess / scale, -1.0 / shape);
  }
};

/// Fits the tail to what lies above the edge that `want` of the weight exceeds; `above` descends.
Tail fit_tail(const BinTable& above, double want);

}  // namespace anomaly_exporter::ensemble
