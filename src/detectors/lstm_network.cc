#include "lstm_network.h"

#include <algorithm>
#include <utility>

#include "network_math.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kGates = 4;
constexpr std::size_t kForgetGate = 1;

// [4 * unit + gate][input] to [unit][input][gate].
std::vector<float> packed(std::span<const float> weights, std::size_t hidden, std::size_t inputs) {
  std::vector<float> out(weights.size());
  for (std::size_t unit = 0; unit < hidden; ++unit) {
    for (std::size_t k = 0; k < inputs; ++k) {
      for (std::size_t gate = 0; gate < kGates; ++gate) {
        out[(unit * inputs + k) * kGates + gate] = weights[(unit * kGates + gate) * inputs + k];
      }
    }
  }
  return out;
}

}  // namespace

template <class Real>
std::vector<Real> initial_lstm_parameters(const LstmShape& shape, core::Rng& rng) {
  std::vector<Real> parameters(shape.parameters());
  const std::span<Real> all(parameters);
  const std::size_t h = shape.hidden;
  const std::size_t square = shape.gates() * h;
  glorot(all.subspan(0, shape.gates() * shape.inputs()), shape.inputs(), h, rng);
  glorot(all.subspan(shape.encoder_hidden(), square), h, h, rng);
  glorot(all.subspan(shape.decoder_code(), square), h, h, rng);
  glorot(all.subspan(shape.decoder_hidden(), square), h, h, rng);
  glorot(all.subspan(shape.output(), shape.metrics * h), h, shape.metrics, rng);
  for (std::size_t unit = 0; unit < h; ++unit) {
    parameters[shape.encoder_bias() + unit * kGates + kForgetGate] = 1;
    parameters[shape.decoder_bias() + unit * kGates + kForgetGate] = 1;
  }
  return parameters;
}

template std::vector<float> initial_lstm_parameters(const LstmShape&, core::Rng&);
template std::vector<double> initial_lstm_parameters(const LstmShape&, core::Rng&);

LstmNetwork::LstmNetwork(const LstmShape& shape, std::vector<float> parameters)
    : shape_(shape), parameters_(std::move(parameters)) {
  const std::span<const float> all(parameters_);
  const std::size_t square = shape.gates() * shape.hidden;
  encoder_input_ = packed(all.first(shape.encoder_hidden()), shape.hidden, shape.inputs());
  encoder_hidden_ = packed(all.subspan(shape.encoder_hidden(), square), shape.hidden, shape.hidden);
  decoder_hidden_ = packed(all.subspan(shape.decoder_hidden(), square), shape.hidden, shape.hidden);
  encoder_start_.resize(shape.gates() * stats::kPanelLanes);
  fill_rows(all.subspan(shape.encoder_bias(), shape.gates()), encoder_start_.data(),
            stats::kPanelLanes);
}

std::size_t LstmNetwork::scratch_floats() const {
  return (shape_.gates() + 3 * shape_.hidden) * stats::kPanelLanes;
}

std::size_t LstmNetwork::memory_bytes() const {
  return sizeof(float) * (parameters_.size() + encoder_input_.size() + encoder_hidden_.size() +
                          decoder_hidden_.size() + encoder_start_.size());
}

void LstmNetwork::reconstruct(const stats::LstmKernels& kernels, const float* inputs,
                              float* scratch, float* newest) const {
  const std::size_t panel = shape_.hidden * stats::kPanelLanes;
  float* c = scratch;
  float* h = scratch + panel;
  float* h_next = scratch + 2 * panel;
  float* start = scratch + 3 * panel;
  const std::span<const float> all(parameters_);

  const stats::LstmCell encoder{.inputs = shape_.inputs(),
                                .hidden = shape_.hidden,
                                .input_weights = encoder_input_.data(),
                                .hidden_weights = encoder_hidden_.data()};
  std::fill_n(c, panel, 0.0F);
  for (std::size_t tick = 0; tick < shape_.window; ++tick) {
    kernels.lstm_step(encoder, encoder_start_.data(),
                      inputs + tick * shape_.inputs() * stats::kPanelLanes, tick == 0 ? nullptr : h,
                      c, h_next);
    std::swap(h, h_next);
  }

  fill_rows(all.subspan(shape_.decoder_bias(), shape_.gates()), start, stats::kPanelLanes);
  kernels.multiply_add(shape_.gates(), shape_.hidden, all.data() + shape_.decoder_code(),
                       shape_.hidden, h, stats::kPanelLanes, start, stats::kPanelLanes);
  const stats::LstmCell decoder{.inputs = 0,
                                .hidden = shape_.hidden,
                                .input_weights = nullptr,
                                .hidden_weights = decoder_hidden_.data()};
  std::fill_n(c, panel, 0.0F);
  for (std::size_t tick = 0; tick < shape_.window; ++tick) {
    kernels.lstm_step(decoder, start, nullptr, tick == 0 ? nullptr : h, c, h_next);
    std::swap(h, h_next);
  }

  fill_rows(all.subspan(shape_.output_bias(), shape_.metrics), newest, stats::kPanelLanes);
  kernels.multiply_add(shape_.metrics, shape_.hidden, all.data() + shape_.output(), shape_.hidden,
                       h, stats::kPanelLanes, newest, stats::kPanelLanes);
}

}  // namespace anomaly_exporter::detectors
