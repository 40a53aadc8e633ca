#pragma once

#include <cstddef>

#include "anomaly_exporter/core/cpu.h"

namespace anomaly_exporter::stats {

/// Vectors that pass through a network together: one block of entities.
inline constexpr std::size_t kPanelLanes = 64;

/// One LSTM layer (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
///
/// Row `4 * unit + gate` of the weights belongs to a unit's input gate (0), forget gate (1), cell
/// candidate (2) or output gate (3). Borrows everything.
struct LstmCell {
  std::size_t inputs = 0;
  std::size_t hidden = 0;
  const float* input_weights = nullptr;   ///< [unit][input][gate]; the four gates side by side
  const float* hidden_weights = nullptr;  ///< [unit][unit of the step before][gate]
};

/// Numeric kernels of neural networks, working on *panels*: [row][64 lanes] of float.
///
/// No two ranges of one call may overlap, but for those stated to be both read and written.
/// Errors: none; weights and inputs must be finite and small enough that sums are, too.
/// Threads: stateless. Cost: bound by multiply-adds.
///
/// The v3 build fuses each product with its sum, which is twice as fast as rounding in between;
/// hence its results differ from those of the base build by roundings (a few units of 1e-7 for
/// numbers of the order of one). Every other kernel table of this library gives equal bits.
struct LstmKernels {
  /// One step of a layer: c = f * c + i * tanh(g), h = o * tanh(c).
  /// `start` [4 * hidden][64] is what the gates begin with: bias and whatever products are known
  /// already. `x` [inputs][64]; `h_before` [hidden][64], null at the first step, where h is 0;
  /// `c` [hidden][64] is read and written; `h` [hidden][64] is written.
  void (*lstm_step)(const LstmCell& cell, const float* start, const float* x, const float* h_before,
                    float* c, float* h);

  /// c[r][lane] += sum over k of a[r][k] * b[k][lane], k < depth. `a` has row stride `a_stride`; b
  /// and c have row strides of `b_stride` and `c_stride` floats, at least 64.
  void (*multiply_add)(std::size_t rows, std::size_t depth, const float* a, std::size_t a_stride,
                       const float* b, std::size_t b_stride, float* c, std::size_t c_stride);

  /// c[r][k] += sum over n of a[r][n] * b[k][n]. Strides as above; c is rows x columns, dense.
  /// REQUIRES: n a multiple of 64.
  void (*outer_add)(std::size_t rows, std::size_t columns, std::size_t n, const float* a,
                    std::size_t a_stride, const float* b, std::size_t b_stride, float* c);

  /// For training: sigmoid of rows 4u, 4u+1 and 4u+3, tanh of rows 4u+2, in place; then c and h of
  /// one step as above, tanh(c) kept. `gates` has a row stride of `stride` floats, as have
  /// `c_before` (null at the first step), `c`, `tanh_c` and `h`.
  void (*lstm_activate)(std::size_t hidden, std::size_t stride, float* gates, const float* c_before,
                        float* c, float* tanh_c, float* h);

  /// 1 / (1 + exp(-x)) and tanh(x) of n values, n a multiple of 64: absolute error below 1e-6
  /// (tests hold it against the C library).
  void (*sigmoid)(const float* x, float* y, std::size_t n);
  void (*tanh)(const float* x, float* y, std::size_t n);
};

/// The fastest build this processor can run.
const LstmKernels& lstm_kernels();
/// A certain build. REQUIRES: V3 only where the processor has it.
const LstmKernels& lstm_kernels(core::CpuLevel level);

}  // namespace anomaly_exporter::stats
