#pragma once

#include <cstddef>

namespace anomaly_exporter::stats {

/// The arithmetic of StlPlan, compiled twice. Arrays do not overlap unless said otherwise.
struct StlKernels {
  /// out[i] = sum over t of weights[t] * in[i + t], i < count. `in` has count + taps - 1 elements.
  void (*convolve)(const float* in, const float* weights, std::size_t taps, float* out,
                   std::size_t count);
  /// out[i] = sum over t of weights[t * stride + i] * in[t], i < stride. REQUIRES: stride is a
  /// multiple of kStlEdgeBlock.
  void (*combine)(const float* in, const float* weights, std::size_t taps, std::size_t stride,
                  float* out);
  /// out[i] = sum over t of weights[t] * in[t * stride + i], i < count.
  void (*add_rows)(const float* in, std::size_t stride, const float* weights, std::size_t taps,
                   float* out, std::size_t count);
  /// out[i] = mean of in[i] to in[i + length - 1] for the samples - length + 1 places. `in` is
  /// destroyed.
  void (*window_means)(float* in, std::size_t samples, std::size_t length, float* out);
  /// out[i] = a[i] - b[i]; `out` may be `a` or `b`.
  void (*subtract)(const float* a, const float* b, float* out, std::size_t count);
};

inline constexpr std::size_t kStlEdgeBlock = 32;

extern const StlKernels kStlBase;
extern const StlKernels kStlV3;

}  // namespace anomaly_exporter::stats
