#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/stats/lstm_kernel.h"
#include "network_training.h"

namespace anomaly_exporter::detectors {

/// Sizes of a dense autoencoder: window x (values and presence) -> hidden -> code -> hidden ->
/// window x values; rectified hidden layers, linear code and output. The parameters lie in one
/// vector, layer by layer, weights [outputs][inputs] before biases. Input row r * window + tick.
struct DenseShape {
  std::size_t metrics = 1;
  std::size_t window = 6;
  std::size_t hidden = 64;
  std::size_t code = 12;

  static constexpr std::size_t kLayers = 4;
  [[nodiscard]] std::array<std::size_t, kLayers + 1> sizes() const {
    return {2 * metrics * window, hidden, code, hidden, metrics * window};
  }
  [[nodiscard]] std::size_t parameters() const;
};

template <class Real>
std::vector<Real> initial_dense_parameters(const DenseShape& shape, core::Rng& rng);

/// Loss of a dense autoencoder and its gradient by back-propagation, for 64 windows at a time.
/// Real is float in training, double where tests compare with finite differences.
/// Threads: one thread at a time. Cost: a gradient three times the loss.
template <class Real>
class DenseGradient {
 public:
  explicit DenseGradient(const DenseShape& shape);

  /// Unless `gradient` is empty, adds that of sum / weight to it.
  PanelLoss loss(std::span<const Real> parameters, const WindowPanel<Real>& panel,
                 std::span<Real> gradient, WorkMeter& meter);
  /// Reconstruction of the panel of the last call: [metrics] rows of [tick][lane].
  [[nodiscard]] std::span<const Real> reconstruction() const { return layers_.back(); }

 private:
  DenseShape shape_;
  std::array<std::vector<Real>, DenseShape::kLayers> layers_;     ///< outputs, [size][64]
  std::array<std::vector<Real>, DenseShape::kLayers> gradients_;  ///< by them
  std::vector<Real> transposed_;
};

class DenseGradientSource final : public GradientSource {
 public:
  explicit DenseGradientSource(const DenseShape& shape) : gradient_(shape) {}
  PanelLoss loss(std::span<const float> parameters, const WindowPanel<float>& panel,
                 std::span<float> gradient, WorkMeter& meter) override {
    return gradient_.loss(parameters, panel, gradient, meter);
  }
  [[nodiscard]] std::span<const float> reconstruction() const override {
    return gradient_.reconstruction();
  }

 private:
  DenseGradient<float> gradient_;
};

/// Floats that reconstruct_dense needs as scratch.
std::size_t dense_scratch_floats(const DenseShape& shape);

/// Reconstructs the newest tick of 64 windows. `inputs` [2 * metrics][window][64]; `newest`
/// [metrics][64] is written; `scratch` of any content. Allocates nothing.
void reconstruct_dense(const DenseShape& shape, std::span<const float> parameters,
                       const float* inputs, float* scratch, float* newest);

}  // namespace anomaly_exporter::detectors
