#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/stats/lstm_kernel.h"

namespace anomaly_exporter::detectors {

/// Products on panels (stats/lstm_kernel.h has their meaning): float by the kernels, double by
/// plain loops. Networks train in float; tests hold their gradients against finite differences, for
/// which float has too few digits.
inline void multiply_add(std::size_t rows, std::size_t depth, const float* a, std::size_t a_stride,
                         const float* b, std::size_t b_stride, float* c, std::size_t c_stride) {
  stats::lstm_kernels().multiply_add(rows, depth, a, a_stride, b, b_stride, c, c_stride);
}
inline void multiply_add(std::size_t rows, std::size_t depth, const double* a, std::size_t a_stride,
                         const double* b, std::size_t b_stride, double* c, std::size_t c_stride) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < depth; ++k) {
      for (std::size_t lane = 0; lane < stats::kPanelLanes; ++lane) {
        c[r * c_stride + lane] += a[r * a_stride + k] * b[k * b_stride + lane];
      }
    }
  }
}

inline void outer_add(std::size_t rows, std::size_t columns, std::size_t n, const float* a,
                      std::size_t a_stride, const float* b, std::size_t b_stride, float* c) {
  stats::lstm_kernels().outer_add(rows, columns, n, a, a_stride, b, b_stride, c);
}
inline void outer_add(std::size_t rows, std::size_t columns, std::size_t n, const double* a,
                      std::size_t a_stride, const double* b, std::size_t b_stride, double* c) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < columns; ++k) {
      for (std::size_t i = 0; i < n; ++i) {
        c[r * columns + k] += a[r * a_stride + i] * b[k * b_stride + i];
      }
    }
  }
}

inline void lstm_activate(std::size_t hidden, std::size_t stride, float* gates,
                          const float* c_before, float* c, float* tanh_c, float* h) {
  stats::lstm_kernels().lstm_activate(hidden, stride, gates, c_before, c, tanh_c, h);
}
inline void lstm_activate(std::size_t hidden, std::size_t stride, double* gates,
                          const double* c_before, double* c, double* tanh_c, double* h) {
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  for (std::size_t unit = 0; unit < hidden; ++unit) {
    for (std::size_t lane = 0; lane < stats::kPanelLanes; ++lane) {
      double* gate = gates + unit * 4 * stride + lane;
      const std::size_t at = unit * stride + lane;
      gate[0] = sigmoid(gate[0]);
      gate[stride] = sigmoid(gate[stride]);
      gate[2 * stride] = std::tanh(gate[2 * stride]);
      gate[3 * stride] = sigmoid(gate[3 * stride]);
      const double before = c_before != nullptr ? c_before[at] : 0.0;
      c[at] = gate[stride] * before + gate[0] * gate[2 * stride];
      tanh_c[at] = std::tanh(c[at]);
      h[at] = gate[3 * stride] * tanh_c[at];
    }
  }
}

/// out[row * 64 + lane] = bias[row] for every lane.
template <class Real>
void fill_rows(std::span<const Real> bias, Real* out, std::size_t stride) {
  for (std::size_t row = 0; row < bias.size(); ++row) {
    for (std::size_t lane = 0; lane < stats::kPanelLanes; ++lane) {
      out[row * stride + lane] = bias[row];
    }
  }
}

/// out[column][row] = in[row][column].
template <class Real>
void transpose(std::size_t rows, std::size_t columns, const Real* in, Real* out) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) out[c * rows + r] = in[r * columns + c];
  }
}

/// Uniform within +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16).
template <class Real>
void glorot(std::span<Real> weights, std::size_t fan_in, std::size_t fan_out, core::Rng& rng) {
  const double most = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  for (Real& w : weights) w = static_cast<Real>((2.0 * rng.uniform() - 1.0) * most);
}

/// Huber's loss (1964) of an error and its derivative: squares up to `kHuberBend`, lines beyond, so
/// that the faults in a training set do not shape the network.
inline constexpr double kHuberBend = 1.0;
template <class Real>
Real huber(Real error, Real& derivative) {
  constexpr auto kBend = static_cast<Real>(kHuberBend);
  if (error > kBend) {
    derivative = kBend;
    return kBend * (error - kBend / 2);
  }
  if (error < -kBend) {
    derivative = -kBend;
    return kBend * (-error - kBend / 2);
  }
  derivative = error;
  return error * error / 2;
}

}  // namespace anomaly_exporter::detectors
