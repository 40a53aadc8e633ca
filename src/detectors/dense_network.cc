#include "dense_network.h"

#include <algorithm>

#include "network_math.h"

namespace anomaly_exporter::detectors {
namespace {

bool is_rectified(std::size_t layer) { return layer == 0 || layer == 2; }

template <class Real>
void rectify(std::span<Real> values) {
  for (Real& v : values) v = v > 0 ? v : 0;
}

}  // namespace

std::size_t DenseShape::parameters() const {
  const auto n = sizes();
  std::size_t sum = 0;
  for (std::size_t layer = 0; layer < kLayers; ++layer) sum += (n[layer] + 1) * n[layer + 1];
  return sum;
}

template <class Real>
std::vector<Real> initial_dense_parameters(const DenseShape& shape, core::Rng& rng) {
  const auto n = shape.sizes();
  std::vector<Real> parameters(shape.parameters());
  std::size_t at = 0;
  for (std::size_t layer = 0; layer < DenseShape::kLayers; ++layer) {
    const std::size_t weights = n[layer] * n[layer + 1];
    glorot(std::span(parameters).subspan(at, weights), n[layer], n[layer + 1], rng);
    at += weights + n[layer + 1];
  }
  return parameters;
}

template std::vector<float> initial_dense_parameters(const DenseShape&, core::Rng&);
template std::vector<double> initial_dense_parameters(const DenseShape&, core::Rng&);

template <class Real>
DenseGradient<Real>::DenseGradient(const DenseShape& shape) : shape_(shape) {
  const auto n = shape.sizes();
  std::size_t most = 0;
  for (std::size_t layer = 0; layer < DenseShape::kLayers; ++layer) {
    layers_[layer].resize(n[layer + 1] * kLanes);
    gradients_[layer].resize(n[layer + 1] * kLanes);
    most = std::max(most, n[layer] * n[layer + 1]);
  }
  transposed_.resize(most);
}

template <class Real>
PanelLoss DenseGradient<Real>::loss(std::span<const Real> parameters,
                                    const WindowPanel<Real>& panel, std::span<Real> gradient,
                                    WorkMeter& meter) {
  const auto n = shape_.sizes();
  constexpr PanelLoss kStopped{.sum = 0, .weight = 0, .is_complete = false};
  std::array<std::size_t, DenseShape::kLayers> first{};  // parameter of each layer
  std::size_t at = 0;
  for (std::size_t layer = 0; layer < DenseShape::kLayers; ++layer) {
    const std::vector<Real>& in = layer == 0 ? panel.inputs : layers_[layer - 1];
    std::vector<Real>& out = layers_[layer];
    const std::size_t weights = n[layer] * n[layer + 1];
    first[layer] = at;
    fill_rows(parameters.subspan(at + weights, n[layer + 1]), out.data(), kLanes);
    multiply_add(n[layer + 1], n[layer], parameters.data() + at, n[layer], in.data(), kLanes,
                 out.data(), kLanes);
    if (is_rectified(layer)) rectify(std::span(out));
    at += weights + n[layer + 1];
    if (!meter.spend(static_cast<double>(weights * kLanes))) return kStopped;
  }

  PanelLoss total;
  std::vector<Real>& last = gradients_.back();
  for (std::size_t i = 0; i < last.size(); ++i) {
    Real derivative = 0;
    const Real one = huber(layers_.back()[i] - panel.targets[i], derivative);
    total.sum += static_cast<double>(panel.weights[i] * one);
    total.weight += static_cast<double>(panel.weights[i]);
    last[i] = panel.weights[i] * derivative;
  }
  if (gradient.empty() || total.weight <= 0) return total;
  const auto mean = static_cast<Real>(1.0 / total.weight);
  for (Real& g : last) g *= mean;

  for (std::size_t layer = DenseShape::kLayers; layer-- > 0;) {
    std::vector<Real>& by_output = gradients_[layer];
    if (is_rectified(layer)) {
      for (std::size_t i = 0; i < by_output.size(); ++i) {
        if (layers_[layer][i] <= 0) by_output[i] = 0;
      }
    }
    const std::vector<Real>& in = layer == 0 ? panel.inputs : layers_[layer - 1];
    const std::size_t weights = n[layer] * n[layer + 1];
    Real* d = gradient.data() + first[layer];
    outer_add(n[layer + 1], n[layer], kLanes, by_output.data(), kLanes, in.data(), kLanes, d);
    for (std::size_t row = 0; row < n[layer + 1]; ++row) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        d[weights + row] += by_output[row * kLanes + lane];
      }
    }
    if (!meter.spend(static_cast<double>(weights * kLanes))) return kStopped;
    if (layer == 0) break;
    transpose(n[layer + 1], n[layer], parameters.data() + first[layer], transposed_.data());
    std::ranges::fill(gradients_[layer - 1], Real{0});
    multiply_add(n[layer], n[layer + 1], transposed_.data(), n[layer + 1], by_output.data(), kLanes,
                 gradients_[layer - 1].data(), kLanes);
    if (!meter.spend(static_cast<double>(weights * kLanes))) return kStopped;
  }
  return total;
}

template class DenseGradient<float>;
template class DenseGradient<double>;

std::size_t dense_scratch_floats(const DenseShape& shape) {
  return (2 * shape.hidden + shape.code) * kLanes;
}

void reconstruct_dense(const DenseShape& shape, std::span<const float> parameters,
                       const float* inputs, float* scratch, float* newest) {
  const auto n = shape.sizes();
  const float* in = inputs;
  std::size_t at = 0;
  for (std::size_t layer = 0; layer + 1 < DenseShape::kLayers; ++layer) {
    const std::size_t weights = n[layer] * n[layer + 1];
    fill_rows(parameters.subspan(at + weights, n[layer + 1]), scratch, kLanes);
    multiply_add(n[layer + 1], n[layer], parameters.data() + at, n[layer], in, kLanes, scratch,
                 kLanes);
    if (is_rectified(layer)) rectify(std::span(scratch, n[layer + 1] * kLanes));
    in = scratch;
    scratch += n[layer + 1] * kLanes;
    at += weights + n[layer + 1];
  }
  // Of the last layer the rows of the newest tick only.
  const std::size_t biases = at + shape.hidden * n[DenseShape::kLayers];
  for (std::size_t metric = 0; metric < shape.metrics; ++metric) {
    const std::size_t row = metric * shape.window + shape.window - 1;
    float* out = newest + metric * kLanes;
    fill_rows(parameters.subspan(biases + row, 1), out, kLanes);
    multiply_add(1, shape.hidden, parameters.data() + at + row * shape.hidden, shape.hidden, in,
                 kLanes, out, kLanes);
  }
}

}  // namespace anomaly_exporter::detectors
