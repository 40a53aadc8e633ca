#pragma once

// The source of the digest kernels, included by digest_base.cc and digest_v3.cc. Internal linkage
// throughout, for the reason given in kernels_body.h.

#include "anomaly_exporter/stats/digest.h"

namespace anomaly_exporter::stats {
namespace {

constexpr std::size_t kRoom = Digest::kPoints + 1;

float quantile_of(const Digest& digest, float q) {
  const std::size_t used = digest.used;
  const float target = q * digest.sum[used - 1];
  float before = 0.0F;  // weight up to the point before
  float middle_before = 0.0F;
  for (std::size_t j = 0; j < used; ++j) {
    const float middle = (before + digest.sum[j]) * 0.5F;
    if (middle >= target) {
      if (j == 0) return digest.mean[0];
      return digest.mean[j - 1] + (digest.mean[j] - digest.mean[j - 1]) * (target - middle_before) /
                                      (middle - middle_before);
    }
    before = digest.sum[j];
    middle_before = middle;
  }
  return digest.mean[used - 1];
}

// The same from above, for high quantiles.
float upper_quantile_of(const Digest& digest, float q) {
  const std::size_t used = digest.used;
  const float target = q * digest.sum[used - 1];
  float middle_above = 0.0F;
  for (std::size_t j = used; j-- > 0;) {
    const float before = j == 0 ? 0.0F : digest.sum[j - 1];
    const float middle = (before + digest.sum[j]) * 0.5F;
    if (middle < target) {
      if (j == used - 1) return digest.mean[j];
      return digest.mean[j] +
             (digest.mean[j + 1] - digest.mean[j]) * (target - middle) / (middle_above - middle);
    }
    middle_above = middle;
  }
  return digest.mean[0];
}

// Joins the two neighbours that are lightest for their rank. REQUIRES: no place is free.
void join(Digest& digest) {
  float* mean = digest.mean;
  float* sum = digest.sum;
  const float total = sum[kRoom - 1];
  float cost[kRoom - 1];
  // r (1 - r) with r = (a + b) / 2 total, without its constant factor.
  cost[0] = sum[1] / (2.0F * total - sum[1]);
  for (std::size_t j = 1; j + 1 < kRoom; ++j) {
    const float weight = sum[j + 1] - sum[j - 1];
    const float rank = sum[j + 1] + sum[j - 1];
    cost[j] = weight * weight / (rank * (2.0F * total - rank));
  }
  std::size_t at = 0;
  float least = cost[0];
  for (std::size_t j = 1; j + 1 < kRoom; ++j) {
    const bool is_less = cost[j] < least;
    least = is_less ? cost[j] : least;
    at = is_less ? j : at;
  }
  const float joined = sum[at + 1] - (at == 0 ? 0.0F : sum[at - 1]);
  mean[at] += (mean[at + 1] - mean[at]) * ((sum[at + 1] - sum[at]) / joined);
  for (std::size_t j = at; j + 1 < kRoom; ++j) sum[j] = sum[j + 1];
  for (std::size_t j = at + 1; j + 1 < kRoom; ++j) mean[j] = mean[j + 1];
  digest.used = kRoom - 1;
}

void add_one(Digest& digest, float value, float most_weight) {
  float* mean = digest.mean;
  float* sum = digest.sum;
  const std::size_t used = digest.used;
  std::size_t i = 0;
  for (std::size_t j = 0; j < used; ++j) i += mean[j] <= value ? 1 : 0;
  for (std::size_t j = used; j > i; --j) {
    mean[j] = mean[j - 1];
    sum[j] = sum[j - 1] + 1.0F;
  }
  mean[i] = value;
  sum[i] = (i == 0 ? 0.0F : sum[i - 1]) + 1.0F;
  digest.used = static_cast<std::uint32_t>(used + 1);
  if (digest.used == kRoom) join(digest);
  if (sum[digest.used - 1] > most_weight) {
    for (std::size_t j = 0; j < digest.used; ++j) sum[j] *= 0.5F;
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
    const float low = quantile_of(digest, q);
    const float high = upper_quantile_of(digest, 1.0F - q);
    const float above = values[lane] - high;
    const float below = low - values[lane];
    const float far = above > below ? above : below;
    out[lane] = 0.0F;
    if (far > 0.0F) {
      const float median = quantile_of(digest, 0.5F);
      const float least = 1e-3F * (median < 0 ? -median : median) + 1e-9F;
      float range = high - low;
      if (range < least) range = least;
      if (range < floor[lane]) range = floor[lane];
      out[lane] = far / range;
    }
  }
}

constexpr DigestKernels kDigestKernelsOfThisFile{add, excess};

}  // namespace
}  // namespace anomaly_exporter::stats
