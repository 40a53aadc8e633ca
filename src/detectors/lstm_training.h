#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lstm_network.h"
#include "network_training.h"

namespace anomaly_exporter::detectors {

/// Loss of an LSTM encoder-decoder and its gradient by back-propagation through time (Werbos 1990;
/// the equations of the cell as in Greff et al., "LSTM: a search space odyssey", 2017, section II,
/// without peepholes), for 64 windows at a time.
///
/// Real is float in training, double where tests compare with finite differences.
/// Threads: one thread at a time. Cost: a gradient about three times the loss; (18H + 3D) * 64 *
/// (window + 1) numbers.
template <class Real>
class LstmGradient {
 public:
  explicit LstmGradient(const LstmShape& shape);

  /// Unless `gradient` is empty, adds that of sum / weight to it.
  PanelLoss loss(std::span<const Real> parameters, const WindowPanel<Real>& panel,
                 std::span<Real> gradient, WorkMeter& meter);

  /// Reconstruction of the panel of the last call: [metrics] rows of [tick][lane].
  [[nodiscard]] std::span<const Real> reconstruction() const { return output_; }

 private:
  /// What a layer computed at every step. Rows of [window + 1][64]; block 0 is the state before the
  /// first step, 0.
  struct Trace {
    std::vector<Real> gates, c, tanh_c, h;
  };
  /// Advances a layer by one step; `gates` of that step hold what does not depend on the step
  /// before.
  void advance(Trace& trace, std::size_t tick, const Real* hidden_weights);
  /// The gradient by the gates of one step, into gate_gradient_; `dh` in, that of the step before
  /// out. `transposed` holds the hidden weights, H x 4H.
  void retreat(const Trace& trace, std::size_t tick, const Real* transposed);
  /// Adds the gradient by weights whose inputs are rows of [tick][lane]. False: stopped.
  bool add_products(const Real* inputs, std::size_t rows, std::size_t stride, Real* gradient,
                    WorkMeter& meter);
  PanelLoss output_loss(const WindowPanel<Real>& panel);
  [[nodiscard]] bool spend(double rows, WorkMeter& meter) const;

  LstmShape shape_;
  std::size_t stride_;  // of rows of a trace
  Trace encoder_, decoder_;
  std::vector<Real> output_, output_gradient_;
  std::vector<Real> gate_gradient_;         // [4H] rows as in a trace
  std::vector<Real> gate_sum_, from_code_;  // [4H][64]
  std::vector<Real> dh_, dc_, dcode_;       // [H][64]
  std::vector<Real> transposed_, transposed_output_;
};

/// The network as train_network wants it.
class LstmGradientSource final : public GradientSource {
 public:
  explicit LstmGradientSource(const LstmShape& shape) : gradient_(shape) {}
  PanelLoss loss(std::span<const float> parameters, const WindowPanel<float>& panel,
                 std::span<float> gradient, WorkMeter& meter) override {
    return gradient_.loss(parameters, panel, gradient, meter);
  }
  [[nodiscard]] std::span<const float> reconstruction() const override {
    return gradient_.reconstruction();
  }

 private:
  LstmGradient<float> gradient_;
};

}  // namespace anomaly_exporter::detectors
