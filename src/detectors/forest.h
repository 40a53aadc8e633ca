#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/stats/vector_kernels.h"
#include "vector_table.h"

namespace anomaly_exporter::detectors {

/// Mean length of an unsuccessful search in a binary search tree of n keys, which is what an
/// isolation tree of n vectors is like: c(n) = 2 H(n-1) - 2 (n-1) / n, c(1) = c(0) = 0 (Liu, Ting
/// and Zhou, "Isolation Forest", 2008, section 3, equation 1), with the harmonic number summed, not
/// approximated by a logarithm.
double average_path_length(std::size_t n);

/// The error of a training that was told to stop.
core::Error forest_stopped();

/// Size of a forest.
struct ForestSize {
  std::size_t trees = 100;
  std::size_t sample = 256;  ///< vectors per tree, at most those of the table
  /// Splits are drawn from the range of a node's vectors widened by this part of it on both sides.
  /// 0 is the forest as published, in which a vector far outside is no more isolated than the
  /// outermost of the sample; beyond 0 the outside has splits of its own.
  double margin = 0;
};

/// Isolation trees, all grown to the same depth in breadth-first order (stats::ForestView says how)
/// by letting every vector that reaches an outer node early go left from there on.
///
/// Trees are built from the thresholds as they are stored, so a vector of the sample comes to the
/// leaf it was counted in. Immutable once grown; hence safe for concurrent use.
/// Memory: trees * 8 B * 2^ceil(log2 sample), 205 kB for 100 trees of 256.
class Forest {
 public:
  static constexpr std::size_t kMostTrees = 1000;
  static constexpr std::size_t kMostSample = 4096;
  static constexpr std::size_t kLeastSample = 8;

  /// Grows the trees (section 4.1, algorithms 1 and 2): each takes a random sample without
  /// replacement, and splits at a random place of a random feature that is not constant, until
  /// single vectors are left or the depth log2 of the sample is reached.
  /// `progress` is called with the share done after each tree. Errors: Unavailable when it says
  /// stop. REQUIRES: at least kLeastSample rows, at most stats::kMostSplitFeatures features.
  static core::Result<Forest> grow(const VectorTable& table, const ForestSize& size, core::Rng& rng,
                                   const std::function<bool(double)>& progress);

  /// Score 2^(-E(h) / c(sample)) of the first `lanes` vectors of a batch, 0 to 1, higher is more
  /// isolated (section 3, equation 2). REQUIRES: lanes <= 64. Cost: 0.3 us per vector (base 0.7
  /// us).
  void score(const float* batch, std::size_t lanes, std::span<double> out) const;

  [[nodiscard]] std::size_t trees() const { return trees_; }
  [[nodiscard]] std::size_t sample() const { return sample_; }
  [[nodiscard]] stats::ForestView view() const { return {words_.data(), trees_, depth_}; }
  /// Bytes of a forest whose table has as many vectors as the sample.
  [[nodiscard]] static std::size_t bytes_of(const ForestSize& size);
  [[nodiscard]] std::size_t memory_bytes() const { return words_.size() * sizeof(words_[0]); }

  void save(core::StateWriter& out) const;
  /// Errors: Corrupt: truncated, not of `size`, or words that no tree over `features` has.
  static core::Result<Forest> read(core::StateReader& in, const ForestSize& size,
                                   std::size_t features);

 private:
  Forest(std::size_t trees, std::size_t sample);

  std::size_t trees_;
  std::size_t sample_;
  std::size_t depth_;
  double per_path_;  // what a sum of path lengths is multiplied with to become the exponent
  std::vector<std::uint32_t> words_;
};

}  // namespace anomaly_exporter::detectors
