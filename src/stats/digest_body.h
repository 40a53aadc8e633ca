#pragma once

// The source of the digest kernels, included by digest_base.cc and digest_v3.cc. Internal linkage
// throughout, for the reason given in kernels_body.h.
//
// A full digest is two rows of 24 floats: a few vectors, which stay in registers from the search
// for the place of a value to the joined points. Nothing in that is a branch on the data. Vectors
// are those of the compilers (GCC and Clang), of AE_DIGEST_VECTOR_BYTES bytes.

#include <cstring>

#include "anomaly_exporter/stats/digest.h"

#define AE_DIGEST_INLINE static inline __attribute__((always_inline))

namespace anomaly_exporter::stats {
namespace {

using Vector = float __attribute__((vector_size(AE_DIGEST_VECTOR_BYTES)));
using Bits = std::int32_t __attribute__((vector_size(AE_DIGEST_VECTOR_BYTES)));

constexpr std::size_t kWidth = AE_DIGEST_VECTOR_BYTES / sizeof(float);
constexpr std::size_t kVectors = Digest::kPoints / kWidth;
constexpr std::size_t kLanesAhead = 6;
constexpr std::size_t kRoom = Digest::kPoints + 1;  // of a full digest and one value more

AE_DIGEST_INLINE Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
AE_DIGEST_INLINE void store(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }
AE_DIGEST_INLINE Vector all(float x) { return x - Vector{}; }

#if AE_DIGEST_VECTOR_BYTES == 32
// Elements 1, 2, ... of `low`, then the first of `high`; the last of `low`, then those of `high`.
#define AE_DIGEST_NEXT(low, high) __builtin_shufflevector(low, high, 1, 2, 3, 4, 5, 6, 7, 8)
#define AE_DIGEST_BEFORE(low, high) __builtin_shufflevector(low, high, 7, 8, 9, 10, 11, 12, 13, 14)
constexpr Bits kOrder = {0, 1, 2, 3, 4, 5, 6, 7};

// One bit per element that is true.
AE_DIGEST_INLINE std::uint32_t bits_of(Bits truth) {
  return static_cast<std::uint32_t>(__builtin_ia32_movmskps256(reinterpret_cast<Vector>(truth)));
}
AE_DIGEST_INLINE float least_of(Vector v) {
  Vector w = __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
  v = w < v ? w : v;
  w = __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
  v = w < v ? w : v;
  return v[1] < v[0] ? v[1] : v[0];
}
#else
#define AE_DIGEST_NEXT(low, high) __builtin_shufflevector(low, high, 1, 2, 3, 4)
#define AE_DIGEST_BEFORE(low, high) __builtin_shufflevector(low, high, 3, 4, 5, 6)
constexpr Bits kOrder = {0, 1, 2, 3};

AE_DIGEST_INLINE std::uint32_t bits_of(Bits truth) {
  return static_cast<std::uint32_t>(__builtin_ia32_movmskps(reinterpret_cast<Vector>(truth)));
}
AE_DIGEST_INLINE float least_of(Vector v) {
  const Vector w = __builtin_shufflevector(v, v, 2, 3, 0, 1);
  v = w < v ? w : v;
  return v[1] < v[0] ? v[1] : v[0];
}
#endif

// Where the running sums of a digest lie: one bit per point in use, and the weight.
struct Extent {
  std::uint32_t used;
  float weight;
};

AE_DIGEST_INLINE Extent extent_of(const Digest& digest) {
  std::uint32_t used = (1U << Digest::kPoints) - 1;
  if (digest.sum[Digest::kPoints - 1] > 0.0F) return {used, digest.sum[Digest::kPoints - 1]};
  used = 0;
  for (std::size_t k = 0; k < kVectors; ++k) {
    used |= bits_of(load(digest.sum + k * kWidth) > 0.0F) << (k * kWidth);
  }
  return {used, used == 0 ? 0.0F : digest.sum[31 - __builtin_clz(used)]};
}

// Points whose middle lies at or beyond the weight `target`, one bit each, `used` or not.
AE_DIGEST_INLINE std::uint32_t points_from(const Digest& digest, float target) {
  std::uint32_t bits = 0;
  Vector before = {};
  for (std::size_t k = 0; k < kVectors; ++k) {
    const Vector sum = load(digest.sum + k * kWidth);
    const Vector middle = (AE_DIGEST_BEFORE(before, sum) + sum) * 0.5F;
    bits |= bits_of(middle >= target) << (k * kWidth);
    before = sum;
  }
  return bits;
}

AE_DIGEST_INLINE float middle_of(const Digest& digest, std::size_t j) {
  return ((j == 0 ? 0.0F : digest.sum[j - 1]) + digest.sum[j]) * 0.5F;
}

// REQUIRES: the digest is not empty.
AE_DIGEST_INLINE float quantile_of(const Digest& digest, const Extent& extent, float q) {
  const float* mean = digest.mean;
  const float target = q * extent.weight;
  const std::uint32_t from = points_from(digest, target) & extent.used;
  if (from == 0) return mean[31 - __builtin_clz(extent.used)];
  const auto j = static_cast<std::size_t>(__builtin_ctz(from));
  if (j == 0) return mean[0];
  const float before = middle_of(digest, j - 1);
  return mean[j - 1] +
         (mean[j] - mean[j - 1]) * (target - before) / (middle_of(digest, j) - before);
}

// The same from above, for high quantiles.
AE_DIGEST_INLINE float upper_quantile_of(const Digest& digest, const Extent& extent, float q) {
  const float* mean = digest.mean;
  const float target = q * extent.weight;
  const std::uint32_t below = ~points_from(digest, target) & extent.used;
  if (below == 0) return mean[0];
  const auto j = static_cast<std::size_t>(31 - __builtin_clz(below));
  if ((extent.used >> j) == 1) return mean[j];
  const float middle = middle_of(digest, j);
  return mean[j] +
         (mean[j + 1] - mean[j]) * (target - middle) / (middle_of(digest, j + 1) - middle);
}

// A digest with places left takes the value as a point of its own.
void add_point(Digest& digest, float value, std::size_t used) {
  float* mean = digest.mean;
  float* sum = digest.sum;
  std::size_t i = 0;
  for (std::size_t j = 0; j < used; ++j) i += mean[j] <= value ? 1 : 0;
  for (std::size_t j = used; j > i; --j) {
    mean[j] = mean[j - 1];
    sum[j] = sum[j - 1] + 1.0F;
  }
  mean[i] = value;
  sum[i] = (i == 0 ? 0.0F : sum[i - 1]) + 1.0F;
}

// A full digest: the value becomes a point, and the two neighbours that are lightest for their rank
// are joined.
AE_DIGEST_INLINE void add_and_join(Digest& digest, float value) {
  // The 25 points with the new one among them: all[k + 1] are means, weights behind a zero.
  float mean[kRoom + kWidth];
  float sum[kWidth + kRoom + kWidth];
  float* const sums = sum + kWidth;
  Vector mean_of[kVectors + 1], sum_of[kVectors + 1];
  Vector mean_before = {}, sum_before = {};
  Bits keep_before = ~Bits{};
  for (std::size_t k = 0; k < kVectors; ++k) {
    const Vector old_mean = load(digest.mean + k * kWidth);
    const Vector old_sum = load(digest.sum + k * kWidth);
    const Bits keep = old_mean <= value;
    const Vector moved =
        AE_DIGEST_BEFORE(keep_before, keep) ? all(value) : AE_DIGEST_BEFORE(mean_before, old_mean);
    mean_of[k] = keep ? old_mean : moved;
    sum_of[k] = keep ? old_sum : AE_DIGEST_BEFORE(sum_before, old_sum) + 1.0F;
    mean_before = old_mean;
    sum_before = old_sum;
    keep_before = keep;
  }
  const float total = sum_before[kWidth - 1] + 1.0F;
  const float last = mean_before[kWidth - 1];
  mean_of[kVectors] = all(last <= value ? value : last);
  sum_of[kVectors] = all(total);
  store(sum, Vector{});
  for (std::size_t k = 0; k <= kVectors; ++k) {
    store(mean + k * kWidth, mean_of[k]);
    store(sums + k * kWidth, sum_of[k]);
  }

  // Weight squared over r (1 - r) with r = (a + b) / 2 total, without its constant factor; the
  // first point's weight is its rank.
  Vector cost[kVectors];
  sum_before = Vector{};
  const Vector twice = all(2.0F * total);
  for (std::size_t k = 0; k < kVectors; ++k) {
    const Vector next = AE_DIGEST_NEXT(sum_of[k], sum_of[k + 1]);
    const Vector before = AE_DIGEST_BEFORE(sum_before, sum_of[k]);
    const Vector weight = next - before;
    const Vector rank = next + before;
    Vector by_weight = weight, by_rank = rank;
    if (k == 0) {
      by_weight[0] = 1.0F;
      by_rank[0] = 1.0F;
    }
    cost[k] = weight * by_weight / (by_rank * (twice - rank));
    sum_before = sum_of[k];
  }
  Vector least = cost[0];
  for (std::size_t k = 1; k < kVectors; ++k) least = cost[k] < least ? cost[k] : least;
  const Vector lightest = all(least_of(least));
  std::uint32_t found = 1U << (Digest::kPoints - 1);
  for (std::size_t k = 0; k < kVectors; ++k) found |= bits_of(cost[k] == lightest) << (k * kWidth);
  const auto at = static_cast<std::size_t>(__builtin_ctz(found));

  const float joined = sums[at + 1] - sums[static_cast<std::ptrdiff_t>(at) - 1];
  const float middle = mean[at] + (mean[at + 1] - mean[at]) * ((sums[at + 1] - sums[at]) / joined);
  for (std::size_t k = 0; k < kVectors; ++k) {
    const Bits stays =
        kOrder + static_cast<std::int32_t>(k * kWidth) < static_cast<std::int32_t>(at);
    store(digest.mean + k * kWidth,
          stays ? mean_of[k] : AE_DIGEST_NEXT(mean_of[k], mean_of[k + 1]));
    store(digest.sum + k * kWidth, stays ? sum_of[k] : AE_DIGEST_NEXT(sum_of[k], sum_of[k + 1]));
  }
  digest.mean[at] = middle;
}

AE_DIGEST_INLINE void add_one(Digest& digest, float value, float most_weight) {
  if (digest.sum[Digest::kPoints - 1] > 0.0F) {
    add_and_join(digest, value);
  } else {
    add_point(digest, value, digest.used());
  }
  if (digest.weight() > most_weight) {
    for (float& sum : digest.sum) sum *= 0.5F;
  }
}

void add(Digest* digests, std::size_t stride, const float* values, LaneMask lanes,
         float most_weight) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctzll(lanes));
    add_one(digests[lane * stride], values[lane], most_weight);
  }
}

void excess(const Digest* digests, std::size_t stride, const float* values, LaneMask lanes, float q,
            const float* floor, float* out) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctzll(lanes));
    const Digest& digest = digests[lane * stride];
    // Verdicts come before learning, so the digests come from memory: some lanes ahead.
    const auto ahead =
        reinterpret_cast<std::uintptr_t>(&digest) + kLanesAhead * stride * sizeof(Digest);
    for (std::size_t line = 0; line < sizeof(Digest); line += 64) {
      __builtin_prefetch(reinterpret_cast<const void*>(ahead + line));
    }
    const Extent extent = extent_of(digest);
    const float low = quantile_of(digest, extent, q);
    const float high = upper_quantile_of(digest, extent, 1.0F - q);
    const float above = values[lane] - high;
    const float below = low - values[lane];
    const float far = above > below ? above : below;
    out[lane] = 0.0F;
    if (far > 0.0F) {
      const float median = quantile_of(digest, extent, 0.5F);
      const float least = 1e-3F * (median < 0 ? -median : median) + 1e-9F;
      float range = high - low;
      if (range < least) range = least;
      if (range < floor[lane]) range = floor[lane];
      out[lane] = far / range;
    }
  }
}

void quantiles(const Digest* digests, std::size_t stride, LaneMask lanes, float q, float* low,
               float* median, float* high) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctzll(lanes));
    const Digest& digest = digests[lane * stride];
    const Extent extent = extent_of(digest);
    low[lane] = quantile_of(digest, extent, q);
    median[lane] = quantile_of(digest, extent, 0.5F);
    high[lane] = quantile_of(digest, extent, 1.0F - q);
  }
}

constexpr DigestKernels kDigestKernelsOfThisFile{add, excess, quantiles};

}  // namespace
}  // namespace anomaly_exporter::stats

#undef AE_DIGEST_NEXT
#undef AE_DIGEST_BEFORE
#undef AE_DIGEST_INLINE
