#pragma once

// The source of the network kernels, included by lstm_kernel_base.cc and lstm_kernel_v3.cc, which
// are compiled for different instruction sets.
//
// As in kernels_body.h everything has internal linkage and no function of the standard library is
// used, so that the linker cannot keep the one compiled for the newer processor. Vectors are those
// of the compilers (GCC and Clang), of AE_LSTM_VECTOR_BYTES bytes: four rows by two vectors of
// partial sums fill the registers of either instruction set and hide the latency of the additions.

#include <cstdint>
#include <cstring>

#include "anomaly_exporter/stats/lstm_kernel.h"

#define AE_LSTM_INLINE static inline __attribute__((always_inline))

namespace anomaly_exporter::stats {
namespace {

using Vector = float __attribute__((vector_size(AE_LSTM_VECTOR_BYTES)));
using Bits = std::int32_t __attribute__((vector_size(AE_LSTM_VECTOR_BYTES)));

constexpr std::size_t kWidth = AE_LSTM_VECTOR_BYTES / sizeof(float);
constexpr std::size_t kTileLanes = 2 * kWidth;
constexpr std::size_t kGates = 4;

AE_LSTM_INLINE Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
AE_LSTM_INLINE void store(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }
AE_LSTM_INLINE Vector all(float x) { return Vector{} + x; }

// exp(x) for |x| <= 30: x = (n + f) ln 2 with |f| <= 1/2; 2^f by its Taylor polynomial of degree 6
// (next term below 2e-7), 2^n by the exponent bits. Adding 1.5 * 2^23 rounds to whole numbers.
AE_LSTM_INLINE Vector exponential(Vector x) {
  constexpr float kRounder = 12582912.0F;
  constexpr float kLog2E = 1.44269504F;
  const Vector y = x * kLog2E;
  const Vector rounded = y + kRounder;
  const Vector f = y - (rounded - kRounder);
  Vector p = all(1.5403530e-4F);
  p = p * f + 1.3333558e-3F;
  p = p * f + 9.6181291e-3F;
  p = p * f + 5.5504109e-2F;
  p = p * f + 2.4022651e-1F;
  p = p * f + 6.9314718e-1F;
  p = p * f + 1.0F;
  const Bits exponent = reinterpret_cast<Bits>(rounded) << 23;
  return reinterpret_cast<Vector>(reinterpret_cast<Bits>(p) + exponent);
}

AE_LSTM_INLINE Vector clamp(Vector x, float most) {
  const Vector high = all(most);
  const Vector below = x < high ? x : high;
  return below > -high ? below : -high;
}

// exp(-x) of what goes into a sigmoid, exp(-2x) of what goes into a hyperbolic tangent. At the
// bounds both functions are 0 or 1 to the last bit but one.
AE_LSTM_INLINE Vector sigmoid_power(Vector x) { return exponential(-clamp(x, 17.0F)); }
AE_LSTM_INLINE Vector tanh_power(Vector x) { return exponential(-2.0F * clamp(x, 9.0F)); }

AE_LSTM_INLINE Vector sigmoid_of(Vector x) { return 1.0F / (1.0F + sigmoid_power(x)); }
AE_LSTM_INLINE Vector tanh_of(Vector x) {
  const Vector e = tanh_power(x);
  return (1.0F - e) / (1.0F + e);
}

struct Tile {
  Vector sum[kGates][2];
};

// tile += w[k][gate] * b[k][lane], k < depth.
AE_LSTM_INLINE void accumulate(Tile& tile, const float* weights, const float* b,
                               std::size_t depth) {
  for (std::size_t k = 0; k < depth; ++k) {
    const float* w = weights + k * kGates;
    const Vector b0 = load(b + k * kPanelLanes);
    const Vector b1 = load(b + k * kPanelLanes + kWidth);
    for (std::size_t gate = 0; gate < kGates; ++gate) {
      tile.sum[gate][0] += w[gate] * b0;
      tile.sum[gate][1] += w[gate] * b1;
    }
  }
}

void lstm_step(const LstmCell& cell, const float* __restrict start, const float* __restrict x,
               const float* __restrict h_before, float* __restrict c, float* __restrict h) {
  for (std::size_t unit = 0; unit < cell.hidden; ++unit) {
    const float* from_input = cell.input_weights + unit * cell.inputs * kGates;
    const float* from_hidden = cell.hidden_weights + unit * cell.hidden * kGates;
    for (std::size_t lane = 0; lane < kPanelLanes; lane += kTileLanes) {
      Tile tile;
      for (std::size_t gate = 0; gate < kGates; ++gate) {
        const float* at = start + (unit * kGates + gate) * kPanelLanes + lane;
        tile.sum[gate][0] = load(at);
        tile.sum[gate][1] = load(at + kWidth);
      }
      accumulate(tile, from_input, x + lane, cell.inputs);
      if (h_before != nullptr) accumulate(tile, from_hidden, h_before + lane, cell.hidden);
      for (std::size_t half = 0; half < 2; ++half) {
        const std::size_t at = unit * kPanelLanes + lane + half * kWidth;
        // One division where two factors meet: sigmoid(i) tanh(g) and sigmoid(o) tanh(c).
        const Vector g = tanh_power(tile.sum[2][half]);
        const Vector admitted =
            (1.0F - g) / ((1.0F + sigmoid_power(tile.sum[0][half])) * (1.0F + g));
        const Vector state = load(c + at) * sigmoid_of(tile.sum[1][half]) + admitted;
        const Vector t = tanh_power(state);
        store(c + at, state);
        store(h + at, (1.0F - t) / ((1.0F + sigmoid_power(tile.sum[3][half])) * (1.0F + t)));
      }
    }
  }
}

template <std::size_t kRows>
AE_LSTM_INLINE void multiply_rows(std::size_t depth, const float* a, std::size_t a_stride,
                                  const float* b, std::size_t b_stride, float* c,
                                  std::size_t c_stride) {
  for (std::size_t lane = 0; lane < kPanelLanes; lane += kTileLanes) {
    Vector sum[kRows][2];
    for (std::size_t r = 0; r < kRows; ++r) {
      sum[r][0] = load(c + r * c_stride + lane);
      sum[r][1] = load(c + r * c_stride + lane + kWidth);
    }
    for (std::size_t k = 0; k < depth; ++k) {
      const Vector b0 = load(b + k * b_stride + lane);
      const Vector b1 = load(b + k * b_stride + lane + kWidth);
      for (std::size_t r = 0; r < kRows; ++r) {
        sum[r][0] += a[r * a_stride + k] * b0;
        sum[r][1] += a[r * a_stride + k] * b1;
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      store(c + r * c_stride + lane, sum[r][0]);
      store(c + r * c_stride + lane + kWidth, sum[r][1]);
    }
  }
}

void multiply_add(std::size_t rows, std::size_t depth, const float* a, std::size_t a_stride,
                  const float* b, std::size_t b_stride, float* c, std::size_t c_stride) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    multiply_rows<4>(depth, a + r * a_stride, a_stride, b, b_stride, c + r * c_stride, c_stride);
  }
  for (; r < rows; ++r) {
    multiply_rows<1>(depth, a + r * a_stride, a_stride, b, b_stride, c + r * c_stride, c_stride);
  }
}

AE_LSTM_INLINE float total(Vector v) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < kWidth; ++i) sum += v[i];
  return sum;
}

template <std::size_t kRows, std::size_t kColumns>
AE_LSTM_INLINE void outer_tile(std::size_t n, const float* a, std::size_t a_stride, const float* b,
                               std::size_t b_stride, float* c, std::size_t c_stride) {
  Vector sum[kRows][kColumns] = {};
  for (std::size_t i = 0; i < n; i += kWidth) {
    Vector column[kColumns];
    for (std::size_t k = 0; k < kColumns; ++k) column[k] = load(b + k * b_stride + i);
    for (std::size_t r = 0; r < kRows; ++r) {
      const Vector row = load(a + r * a_stride + i);
      for (std::size_t k = 0; k < kColumns; ++k) sum[r][k] += row * column[k];
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t k = 0; k < kColumns; ++k) c[r * c_stride + k] += total(sum[r][k]);
  }
}

void outer_add(std::size_t rows, std::size_t columns, std::size_t n, const float* a,
               std::size_t a_stride, const float* b, std::size_t b_stride, float* c) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* row = a + r * a_stride;
    std::size_t k = 0;
    for (; k + 2 <= columns; k += 2) {
      outer_tile<4, 2>(n, row, a_stride, b + k * b_stride, b_stride, c + r * columns + k, columns);
    }
    for (; k < columns; ++k) {
      outer_tile<4, 1>(n, row, a_stride, b + k * b_stride, b_stride, c + r * columns + k, columns);
    }
  }
  for (; r < rows; ++r) {
    for (std::size_t k = 0; k < columns; ++k) {
      outer_tile<1, 1>(n, a + r * a_stride, a_stride, b + k * b_stride, b_stride,
                       c + r * columns + k, columns);
    }
  }
}

void lstm_activate(std::size_t hidden, std::size_t stride, float* __restrict gates,
                   const float* __restrict c_before, float* __restrict c, float* __restrict tanh_c,
                   float* __restrict h) {
  for (std::size_t unit = 0; unit < hidden; ++unit) {
    float* row = gates + unit * kGates * stride;
    for (std::size_t lane = 0; lane < kPanelLanes; lane += kWidth) {
      const Vector i = sigmoid_of(load(row + lane));
      const Vector f = sigmoid_of(load(row + stride + lane));
      const Vector g = tanh_of(load(row + 2 * stride + lane));
      const Vector o = sigmoid_of(load(row + 3 * stride + lane));
      const std::size_t at = unit * stride + lane;
      const Vector kept = c_before != nullptr ? f * load(c_before + at) : Vector{};
      const Vector state = kept + i * g;
      const Vector t = tanh_of(state);
      store(row + lane, i);
      store(row + stride + lane, f);
      store(row + 2 * stride + lane, g);
      store(row + 3 * stride + lane, o);
      store(c + at, state);
      store(tanh_c + at, t);
      store(h + at, o * t);
    }
  }
}

void sigmoid(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; i += kWidth) store(y + i, sigmoid_of(load(x + i)));
}

void tanh(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; i += kWidth) store(y + i, tanh_of(load(x + i)));
}

constexpr LstmKernels kLstmKernelsOfThisFile = {
    .lstm_step = lstm_step,
    .multiply_add = multiply_add,
    .outer_add = outer_add,
    .lstm_activate = lstm_activate,
    .sigmoid = sigmoid,
    .tanh = tanh,
};

}  // namespace
}  // namespace anomaly_exporter::stats

#undef AE_LSTM_INLINE
