#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "anomaly_exporter/core/cpu.h"

namespace anomaly_exporter::stats {

/// Vectors that one call works on at most. A *batch* holds them by feature: feature f of vector l
/// is `batch[f * 64 + l]`, so that the strips of a block become a batch without a transposition.
inline constexpr std::size_t kBatchLanes = 64;

/// Low bits of a split's word that hold the number of its feature.
inline constexpr std::uint32_t kSplitFeatureBits = 10;
inline constexpr std::size_t kMostSplitFeatures = std::size_t{1} << kSplitFeatureBits;

/// A split's word: the threshold, its low bits replaced by the feature.
inline std::uint32_t split_word(float threshold, std::size_t feature) {
  constexpr std::uint32_t kMask = (1U << kSplitFeatureBits) - 1;
  return (std::bit_cast<std::uint32_t>(threshold) & ~kMask) | static_cast<std::uint32_t>(feature);
}

/// Trees of isolation in which every path has the same length, so that no step is a branch.
///
/// Each tree is 2 * 2^depth words: word 0 is not used, words 1 to 2^depth - 1 are splits in
/// breadth-first order (children of i are 2i and 2i + 1), the rest are leaves. A split is the float
/// it compares with, its low kSplitFeatureBits replaced by the feature; a vector goes to 2i + 1
/// where its feature is greater than that word, read as a float as it stands. A leaf is a path
/// length in 1/65536.
struct ForestView {
  const std::uint32_t* words = nullptr;
  std::size_t trees = 0;
  std::size_t depth = 0;  ///< >= 3
};

/// Centres of a radial kernel, [centre][feature], and their weights.
struct RadialView {
  const float* centres = nullptr;
  const float* weights = nullptr;
  std::size_t count = 0;
  std::size_t features = 0;
};

/// The work of the trained detectors that is done for batches of vectors. Two tables from one
/// source, like Kernels, which give the same bits: the forest adds integers, and the radial kernel
/// does the same unfused operations in the same order per lane.
///
/// REQUIRES: finite values in the first `lanes` vectors of the batch, 1 <= lanes <= 64, and memory
/// for all 64; vectors beyond may be computed too. Threads: pure functions.
struct VectorKernels {
  /// Sum over the trees of the lengths of a vector's paths, in 1/65536. The first three levels are
  /// compared whole, the others gathered. `sums` has 64 elements.
  void (*forest_paths)(const ForestView& forest, const float* batch, std::size_t lanes,
                       std::uint32_t* sums);

  /// Sum over the centres of weight * 2^-d, d the squared distance, at most 125. The power has a
  /// relative error below 3e-7. `sums` has 64 elements.
  void (*radial_sums)(const RadialView& radial, const float* batch, std::size_t lanes, float* sums);
};

/// The table compiled for a level.
const VectorKernels& vector_kernels(core::CpuLevel level);

/// The table for this machine, chosen at the first call.
const VectorKernels& vector_kernels();

}  // namespace anomaly_exporter::stats
