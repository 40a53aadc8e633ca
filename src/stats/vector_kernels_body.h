#pragma once

// The source of the vector kernels, included by vector_kernels_base.cc and vector_kernels_v3.cc.
// As in kernels_body.h everything has internal linkage and nothing of the standard library is used
// that would become a function of its own.

#include <cstring>

#include "anomaly_exporter/stats/vector_kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace anomaly_exporter::stats {
namespace {

constexpr std::uint32_t kFeatureMask = (1U << kSplitFeatureBits) - 1;

float split_value(std::uint32_t word) {
  float value = 0;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

const float* split_feature(std::uint32_t word, const float* batch) {
  return batch + (word & kFeatureMask) * kBatchLanes;
}

#if defined(__AVX2__)

constexpr std::size_t kGroup = 8;

__m256 compare(const std::uint32_t* words, std::size_t split, const float* batch,
               std::size_t lane) {
  const std::uint32_t word = words[split];
  return _mm256_cmp_ps(_mm256_loadu_ps(split_feature(word, batch) + lane),
                       _mm256_set1_ps(split_value(word)), _CMP_GT_OQ);
}

// A comparison's result, as -1 or 0, counted into the numbers of nodes.
__m256i descend(__m256i nodes, __m256 greater) {
  return _mm256_sub_epi32(_mm256_add_epi32(nodes, nodes), _mm256_castps_si256(greater));
}

// Splits 1 to 7 for all lanes alike: loads in a row are cheaper than gathers.
__m256i first_levels(const std::uint32_t* words, const float* batch, std::size_t lane) {
  const __m256 first = compare(words, 1, batch, lane);
  const __m256 second =
      _mm256_blendv_ps(compare(words, 2, batch, lane), compare(words, 3, batch, lane), first);
  const __m256 left =
      _mm256_blendv_ps(compare(words, 4, batch, lane), compare(words, 5, batch, lane), second);
  const __m256 right =
      _mm256_blendv_ps(compare(words, 6, batch, lane), compare(words, 7, batch, lane), second);
  const __m256 third = _mm256_blendv_ps(left, right, first);
  return descend(descend(descend(_mm256_set1_epi32(1), first), second), third);
}

__m256i gather(const std::uint32_t* words, __m256i nodes) {
  return _mm256_i32gather_epi32(reinterpret_cast<const int*>(words), nodes, 4);
}

void forest_paths(const ForestView& forest, const float* batch, std::size_t lanes,
                  std::uint32_t* sums) {
  const std::size_t groups = (lanes + kGroup - 1) / kGroup;
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(kFeatureMask));
  const __m256i lane_of_group = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256i nodes[kBatchLanes / kGroup];
  __m256i total[kBatchLanes / kGroup];
  for (std::size_t g = 0; g < groups; ++g) total[g] = _mm256_setzero_si256();
  const std::uint32_t* words = forest.words;
  for (std::size_t tree = 0; tree < forest.trees; ++tree, words += std::size_t{2} << forest.depth) {
    for (std::size_t g = 0; g < groups; ++g) nodes[g] = first_levels(words, batch, g * kGroup);
    for (std::size_t level = 3; level < forest.depth; ++level) {
      for (std::size_t g = 0; g < groups; ++g) {
        const __m256i split = gather(words, nodes[g]);
        const __m256i place =
            _mm256_add_epi32(_mm256_slli_epi32(_mm256_and_si256(split, mask), 6), lane_of_group);
        const __m256 value = _mm256_i32gather_ps(batch + g * kGroup, place, 4);
        nodes[g] = descend(nodes[g], _mm256_cmp_ps(value, _mm256_castsi256_ps(split), _CMP_GT_OQ));
      }
    }
    for (std::size_t g = 0; g < groups; ++g) {
      total[g] = _mm256_add_epi32(total[g], gather(words, nodes[g]));
    }
  }
  for (std::size_t g = 0; g < groups; ++g) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + g * kGroup), total[g]);
  }
}

#else

// Lanes are walked side by side, so that the loads of one do not wait for those of another.
void forest_paths(const ForestView& forest, const float* batch, std::size_t lanes,
                  std::uint32_t* sums) {
  std::uint32_t nodes[kBatchLanes];
  for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] = 0;
  const std::uint32_t* words = forest.words;
  for (std::size_t tree = 0; tree < forest.trees; ++tree, words += std::size_t{2} << forest.depth) {
    const float* x1 = split_feature(words[1], batch);
    const float* x2 = split_feature(words[2], batch);
    const float* x3 = split_feature(words[3], batch);
    const float t1 = split_value(words[1]);
    const float t2 = split_value(words[2]);
    const float t3 = split_value(words[3]);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::uint32_t first = x1[lane] > t1 ? 1U : 0U;
      const std::uint32_t left = x2[lane] > t2 ? 1U : 0U;
      const std::uint32_t right = x3[lane] > t3 ? 1U : 0U;
      nodes[lane] = 4 + 2 * first + (first != 0 ? right : left);
    }
    for (std::size_t level = 2; level < forest.depth; ++level) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::uint32_t word = words[nodes[lane]];
        const std::uint32_t greater =
            split_feature(word, batch)[lane] > split_value(word) ? 1U : 0U;
        nodes[lane] = 2 * nodes[lane] + greater;
      }
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += words[nodes[lane]];
  }
}

#endif

// Registers of floats: two of them side by side hide the latency of the products.
#if defined(__AVX2__)
constexpr std::size_t kWide = 8;
#else
constexpr std::size_t kWide = 4;
#endif
using Floats = float __attribute__((vector_size(kWide * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kWide * sizeof(float))));
constexpr std::size_t kRegisters = 4;
constexpr float kMostDistance = 125.0F;

// 2^-d for 0 <= d: the nearest whole power by the exponent's bits, the rest by its Taylor series,
// of which the first term left out is 1.2e-7. Integers are reached by truncation, never by adding
// and subtracting a large constant.
Floats power(Floats distance) {
  const Ints is_less = distance < kMostDistance;
  const Floats limit = Floats{} + kMostDistance;
  const auto d = reinterpret_cast<Floats>((reinterpret_cast<Ints>(distance) & is_less) |
                                          (reinterpret_cast<Ints>(limit) & ~is_less));
  const Ints whole = __builtin_convertvector(d + 0.5F, Ints);
  const Floats rest = __builtin_convertvector(whole, Floats) - d;
  Floats series = rest * 1.54035304e-4F + 1.33335581e-3F;
  series = series * rest + 9.61812911e-3F;
  series = series * rest + 5.55041087e-2F;
  series = series * rest + 2.40226507e-1F;
  series = series * rest + 6.93147181e-1F;
  series = series * rest + 1.0F;
  return reinterpret_cast<Floats>(reinterpret_cast<Ints>(series) - (whole << 23));
}

void radial_sums(const RadialView& radial, const float* batch, std::size_t lanes, float* sums) {
  constexpr std::size_t kStep = kWide * kRegisters;
  for (std::size_t lane = 0; lane < lanes; lane += kStep) {
    Floats total[kRegisters] = {};
    const float* centre = radial.centres;
    for (std::size_t c = 0; c < radial.count; ++c, centre += radial.features) {
      Floats distance[kRegisters] = {};
      const float* x = batch + lane;
      for (std::size_t f = 0; f < radial.features; ++f, x += kBatchLanes) {
        for (std::size_t r = 0; r < kRegisters; ++r) {
          Floats value;
          std::memcpy(&value, x + r * kWide, sizeof value);
          const Floats away = value - centre[f];
          distance[r] += away * away;
        }
      }
      const float weight = radial.weights[c];
      for (std::size_t r = 0; r < kRegisters; ++r) total[r] += power(distance[r]) * weight;
    }
    for (std::size_t r = 0; r < kRegisters; ++r) {
      std::memcpy(sums + lane + r * kWide, &total[r], sizeof total[r]);
    }
  }
}

constexpr VectorKernels kVectorKernelsOfThisFile = {
    .forest_paths = forest_paths,
    .radial_sums = radial_sums,
};

}  // namespace
}  // namespace anomaly_exporter::stats
