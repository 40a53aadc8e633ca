#include "tail.h"

#include <algorithm>

namespace anomaly_exporter::ensemble {
namespace {

constexpr std::size_t kBins = ScoreHistogram::kBins;
constexpr double kLeastShape = 0.1;
constexpr double kLargestShape = 0.5;

/// Excess over the lower edge of `from` that the share `level` of the weight above it exceeds.
/// Inside a bin the survival falls exponentially, as tails nearly do; to nothing, in a line.
double excess_quantile(const BinTable& above, std::size_t from, double level) {
  const double want = above[from] * level;
  std::size_t end = from + 1;
  while (end < kBins && above[end] > want) ++end;
  const double before = above[end - 1];
  const double after = above[end];
  const double part =
      after > 0 ? std::log(before / want) / std::log(before / after) : (before - want) / before;
  const double low = bin_edges()[end - 1];
  return low + std::min(part, 1.0) * (bin_edges()[end] - low) - bin_edges()[from];
}

}  // namespace

const BinTable& bin_edges() {
  static const BinTable table = [] {
    BinTable t{};
    for (std::size_t bin = 0; bin < t.size(); ++bin) t[bin] = ScoreHistogram::lower_edge(bin);
    return t;
  }();
  return table;
}

/// By the excesses exceeded by 1/2 and by 1/8 of them. With T = 2^shape, the two quantiles scale /
/// shape (T - 1) and scale / shape (T^3 - 1) have the ratio T^2 + T + 1.
Tail fit_tail(const BinTable& above, double want) {
  Tail tail;
  tail.bin = 0;
  while (tail.bin < kBins && above[tail.bin] > want) ++tail.bin;
  if (tail.bin == kBins || !(above[tail.bin] > 0)) return tail;
  const double half = excess_quantile(above, tail.bin, 0.5);
  const double eighth = excess_quantile(above, tail.bin, 0.125);
  const double growth = (std::sqrt(4.0 * eighth / half - 3.0) - 1.0) / 2;  // 2^shape
  tail.shape = std::clamp(std::log2(std::max(growth, 1.0)), kLeastShape, kLargestShape);
  tail.scale = half * tail.shape / (std::exp2(tail.shape) - 1.0);
  return tail;
}

}  // namespace anomaly_exporter::ensemble
