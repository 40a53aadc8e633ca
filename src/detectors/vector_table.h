#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace anomaly_exporter::detectors {

/// Vectors to learn from: row i is `values[i * features .. (i + 1) * features)`; finite.
struct VectorTable {
  std::vector<float> values;
  std::size_t features = 0;

  [[nodiscard]] std::size_t rows() const { return features == 0 ? 0 : values.size() / features; }
  [[nodiscard]] float at(std::size_t row, std::size_t feature) const {
    return values[row * features + feature];
  }
  /// Vectors [first, first + lanes) as a batch: feature f of lane l at `out[f * 64 + l]`.
  void copy_batch(std::size_t first, std::size_t lanes, float* out) const {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      for (std::size_t f = 0; f < features; ++f) out[f * 64 + lane] = at(first + lane, f);
    }
  }
};

/// The value of rank `share` of a sample; reorders it. REQUIRES: not empty.
template <class T>
T quantile_of(std::vector<T>& values, double share) {
  const auto rank = std::lround(share * static_cast<double>(values.size() - 1));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace anomaly_exporter::detectors
