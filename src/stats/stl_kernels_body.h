#pragma once

// The source of the STL kernels, included by stl_kernels_base.cc and stl_kernels_v3.cc. Internal
// linkage and nothing of the standard library, as in kernels_body.h. Each output is summed in
// ascending order of the taps whatever the width of the registers, hence equal bits.

#include <cstddef>

#include "stl_kernels.h"

namespace anomaly_exporter::stats {
namespace {

#if defined(__AVX2__)
constexpr std::size_t kWidth = 8;
#else
constexpr std::size_t kWidth = 4;
#endif
using Vec __attribute__((vector_size(kWidth * sizeof(float)))) = float;

Vec load(const float* from) {
  Vec v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
void store(float* to, Vec v) { __builtin_memcpy(to, &v, sizeof v); }

// kVectors neighbouring vectors of outputs, held in registers over all taps. Tap t reads `in`
// from t * step on and weighs it with weights[t].
template <std::size_t kVectors>
void sum_block(const float* in, std::size_t step, const float* weights, std::size_t taps,
               float* out) {
  Vec sum[kVectors] = {};
  for (std::size_t t = 0; t < taps; ++t) {
    const float* at = in + t * step;
    for (std::size_t v = 0; v < kVectors; ++v) sum[v] += load(at + v * kWidth) * weights[t];
  }
  for (std::size_t v = 0; v < kVectors; ++v) store(out + v * kWidth, sum[v]);
}

void sum_taps(const float* in, std::size_t step, const float* weights, std::size_t taps, float* out,
              std::size_t count) {
  constexpr std::size_t kBlock = 8 * kWidth;
  constexpr std::size_t kHalf = 4 * kWidth;
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) sum_block<8>(in + i, step, weights, taps, out + i);
  for (; i + kHalf <= count; i += kHalf) sum_block<4>(in + i, step, weights, taps, out + i);
  if (i < count && count >= kHalf) {
    // The rest together with some outputs that are there already: the same sums again.
    i = count - kHalf;
    sum_block<4>(in + i, step, weights, taps, out + i);
    return;
  }
  for (; i < count; ++i) {
    float sum = 0;
    for (std::size_t t = 0; t < taps; ++t) sum += in[t * step + i] * weights[t];
    out[i] = sum;
  }
}

void convolve(const float* in, const float* weights, std::size_t taps, float* out,
              std::size_t count) {
  sum_taps(in, 1, weights, taps, out, count);
}

void add_rows(const float* in, std::size_t stride, const float* weights, std::size_t taps,
              float* out, std::size_t count) {
  sum_taps(in, stride, weights, taps, out, count);
}

void combine(const float* in, const float* weights, std::size_t taps, std::size_t stride,
             float* out) {
  for (std::size_t i = 0; i < stride; i += kStlEdgeBlock) {
    sum_taps(weights + i, stride, in, taps, out + i, kStlEdgeBlock);
  }
}

// Sums of 1, 2, 4 ... neighbours by doubling; the window is put together of those that its length
// names in binary.
void window_means(float* in, std::size_t samples, std::size_t length, float* out) {
  const std::size_t count = samples - length + 1;
  std::size_t offset = 0;
  for (std::size_t part = 1; part <= length; part *= 2) {
    if ((length & part) != 0) {
      const float* from = in + offset;
      if (offset == 0) {
        for (std::size_t i = 0; i < count; ++i) out[i] = from[i];
      } else {
        for (std::size_t i = 0; i < count; ++i) out[i] += from[i];
      }
      offset += part;
    }
    if (2 * part > length) break;
    const std::size_t left = samples - 2 * part + 1;
    std::size_t i = 0;
    for (; i + kWidth <= left; i += kWidth) store(in + i, load(in + i) + load(in + i + part));
    for (; i < left; ++i) in[i] += in[i + part];
  }
  const float share = 1.0F / static_cast<float>(length);
  for (std::size_t i = 0; i < count; ++i) out[i] *= share;
}

void subtract(const float* a, const float* b, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = a[i] - b[i];
}

constexpr StlKernels kStlKernelsOfThisFile = {.convolve = convolve,
                                              .combine = combine,
                                              .add_rows = add_rows,
                                              .window_means = window_means,
                                              .subtract = subtract};

}  // namespace
}  // namespace anomaly_exporter::stats
