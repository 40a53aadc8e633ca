#include "lstm_training.h"

#include <algorithm>

#include "network_math.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kGates = 4;

// bias[row] += sum of a row of gradients.
template <class Real>
void add_row_sums(std::size_t rows, std::size_t n, const Real* gradient, std::size_t stride,
                  Real* bias) {
  for (std::size_t row = 0; row < rows; ++row) {
    Real sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += gradient[row * stride + i];
    bias[row] += sum;
  }
}

}  // namespace

template <class Real>
LstmGradient<Real>::LstmGradient(const LstmShape& shape)
    : shape_(shape), stride_((shape.window + 1) * kLanes) {
  const std::size_t h = shape.hidden;
  for (Trace* trace : {&encoder_, &decoder_}) {
    trace->gates.resize(shape.gates() * stride_);
    trace->c.resize(h * stride_);
    trace->tanh_c.resize(h * stride_);
    trace->h.resize(h * stride_);
  }
  output_.resize(shape.metrics * shape.window * kLanes);
  output_gradient_.resize(output_.size());
  gate_gradient_.resize(shape.gates() * stride_);
  gate_sum_.resize(shape.gates() * kLanes);
  from_code_.resize(shape.gates() * kLanes);
  dh_.resize(h * kLanes);
  dc_.resize(h * kLanes);
  dcode_.resize(h * kLanes);
  transposed_.resize(shape.gates() * h);
  transposed_output_.resize(shape.metrics * h);
}

template <class Real>
bool LstmGradient<Real>::spend(double rows, WorkMeter& meter) const {
  return meter.spend(rows * static_cast<double>(shape_.gates() * kLanes));
}

template <class Real>
void LstmGradient<Real>::advance(Trace& trace, std::size_t tick, const Real* hidden_weights) {
  const std::size_t h = shape_.hidden;
  const std::size_t before = tick * kLanes;
  const std::size_t now = before + kLanes;
  Real* gates = trace.gates.data() + now;
  if (tick > 0) {
    multiply_add(shape_.gates(), h, hidden_weights, h, trace.h.data() + before, stride_, gates,
                 stride_);
  }
  lstm_activate(h, stride_, gates, trace.c.data() + before, trace.c.data() + now,
                trace.tanh_c.data() + now, trace.h.data() + now);
}

template <class Real>
PanelLoss LstmGradient<Real>::output_loss(const WindowPanel<Real>& panel) {
  PanelLoss loss;
  for (std::size_t i = 0; i < output_.size(); ++i) {
    Real derivative = 0;
    const Real one = huber(output_[i] - panel.targets[i], derivative);
    loss.sum += static_cast<double>(panel.weights[i] * one);
    loss.weight += static_cast<double>(panel.weights[i]);
    output_gradient_[i] = panel.weights[i] * derivative;
  }
  return loss;
}

template <class Real>
void LstmGradient<Real>::retreat(const Trace& trace, std::size_t tick, const Real* transposed) {
  const std::size_t before = tick * kLanes;
  const std::size_t now = before + kLanes;
  for (std::size_t unit = 0; unit < shape_.hidden; ++unit) {
    const std::size_t row = unit * kGates * stride_ + now;
    const Real* __restrict gate = trace.gates.data() + row;
    Real* __restrict out = gate_gradient_.data() + row;
    const Real* __restrict c_before = trace.c.data() + unit * stride_ + before;
    const Real* __restrict tanh_c = trace.tanh_c.data() + unit * stride_ + now;
    const Real* __restrict dh = dh_.data() + unit * kLanes;
    Real* __restrict dc = dc_.data() + unit * kLanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const Real i = gate[lane];
      const Real f = gate[stride_ + lane];
      const Real g = gate[2 * stride_ + lane];
      const Real o = gate[3 * stride_ + lane];
      const Real d = dc[lane] + dh[lane] * o * (1 - tanh_c[lane] * tanh_c[lane]);
      out[lane] = d * g * i * (1 - i);
      out[stride_ + lane] = d * c_before[lane] * f * (1 - f);
      out[2 * stride_ + lane] = d * i * (1 - g * g);
      out[3 * stride_ + lane] = dh[lane] * tanh_c[lane] * o * (1 - o);
      dc[lane] = d * f;
    }
  }
  std::ranges::fill(dh_, Real{0});
  if (tick == 0) return;
  multiply_add(shape_.hidden, shape_.gates(), transposed, shape_.gates(),
               gate_gradient_.data() + now, stride_, dh_.data(), kLanes);
}

template <class Real>
bool LstmGradient<Real>::add_products(const Real* inputs, std::size_t rows, std::size_t stride,
                                      Real* gradient, WorkMeter& meter) {
  constexpr std::size_t kTicksAtOnce = 8;
  for (std::size_t tick = 0; tick < shape_.window; tick += kTicksAtOnce) {
    const std::size_t ticks = std::min(kTicksAtOnce, shape_.window - tick);
    outer_add(shape_.gates(), rows, ticks * kLanes, gate_gradient_.data() + (tick + 1) * kLanes,
              stride_, inputs + tick * kLanes, stride, gradient);
    if (!spend(static_cast<double>(rows * ticks), meter)) return false;
  }
  return true;
}

template <class Real>
PanelLoss LstmGradient<Real>::loss(std::span<const Real> parameters, const WindowPanel<Real>& panel,
                                   std::span<Real> gradient, WorkMeter& meter) {
  const std::size_t h = shape_.hidden;
  const std::size_t gates = shape_.gates();
  const std::size_t inputs = shape_.inputs();
  const std::size_t metrics = shape_.metrics;
  const std::size_t row = panel.row();
  const Real* p = parameters.data();
  const auto units = static_cast<double>(h);
  constexpr PanelLoss kStopped{.sum = 0, .weight = 0, .is_complete = false};

  for (std::size_t tick = 0; tick < shape_.window; ++tick) {
    Real* at = encoder_.gates.data() + (tick + 1) * kLanes;
    fill_rows(parameters.subspan(shape_.encoder_bias(), gates), at, stride_);
    multiply_add(gates, inputs, p, inputs, panel.inputs.data() + tick * kLanes, row, at, stride_);
    advance(encoder_, tick, p + shape_.encoder_hidden());
    if (!spend(static_cast<double>(inputs) + units, meter)) return kStopped;
  }
  const Real* code = encoder_.h.data() + shape_.window * kLanes;
  fill_rows(parameters.subspan(shape_.decoder_bias(), gates), from_code_.data(), kLanes);
  multiply_add(gates, h, p + shape_.decoder_code(), h, code, stride_, from_code_.data(), kLanes);
  for (std::size_t tick = 0; tick < shape_.window; ++tick) {
    Real* at = decoder_.gates.data() + (tick + 1) * kLanes;
    for (std::size_t r = 0; r < gates; ++r) {
      std::copy_n(from_code_.data() + r * kLanes, kLanes, at + r * stride_);
    }
    advance(decoder_, tick, p + shape_.decoder_hidden());
    Real* output = output_.data() + tick * kLanes;
    fill_rows(parameters.subspan(shape_.output_bias(), metrics), output, row);
    multiply_add(metrics, h, p + shape_.output(), h, decoder_.h.data() + (tick + 1) * kLanes,
                 stride_, output, row);
    if (!spend(units, meter)) return kStopped;
  }
  const PanelLoss total = output_loss(panel);
  if (gradient.empty() || total.weight <= 0) return total;

  const auto mean = static_cast<Real>(1.0 / total.weight);
  for (Real& g : output_gradient_) g *= mean;
  Real* d = gradient.data();
  outer_add(metrics, h, row, output_gradient_.data(), row, decoder_.h.data() + kLanes, stride_,
            d + shape_.output());
  add_row_sums(metrics, row, output_gradient_.data(), row, d + shape_.output_bias());

  transpose(metrics, h, p + shape_.output(), transposed_output_.data());
  transpose(gates, h, p + shape_.decoder_hidden(), transposed_.data());
  std::ranges::fill(dh_, Real{0});
  std::ranges::fill(dc_, Real{0});
  std::ranges::fill(gate_sum_, Real{0});
  for (std::size_t tick = shape_.window; tick-- > 0;) {
    multiply_add(h, metrics, transposed_output_.data(), metrics,
                 output_gradient_.data() + tick * kLanes, row, dh_.data(), kLanes);
    retreat(decoder_, tick, transposed_.data());
    for (std::size_t r = 0; r < gates; ++r) {
      const Real* at = gate_gradient_.data() + r * stride_ + (tick + 1) * kLanes;
      for (std::size_t lane = 0; lane < kLanes; ++lane) gate_sum_[r * kLanes + lane] += at[lane];
    }
    if (!spend(2 * units, meter)) return kStopped;
  }
  if (!add_products(decoder_.h.data(), h, stride_, d + shape_.decoder_hidden(), meter)) {
    return kStopped;
  }
  outer_add(gates, h, kLanes, gate_sum_.data(), kLanes, code, stride_, d + shape_.decoder_code());
  add_row_sums(gates, kLanes, gate_sum_.data(), kLanes, d + shape_.decoder_bias());
  if (!spend(units, meter)) return kStopped;

  transpose(gates, h, p + shape_.decoder_code(), transposed_.data());
  std::ranges::fill(dcode_, Real{0});
  multiply_add(h, gates, transposed_.data(), gates, gate_sum_.data(), kLanes, dcode_.data(),
               kLanes);
  dh_ = dcode_;
  std::ranges::fill(dc_, Real{0});
  transpose(gates, h, p + shape_.encoder_hidden(), transposed_.data());
  for (std::size_t tick = shape_.window; tick-- > 0;) {
    retreat(encoder_, tick, transposed_.data());
    if (!spend(2 * units, meter)) return kStopped;
  }
  if (!add_products(panel.inputs.data(), inputs, row, d, meter) ||
      !add_products(encoder_.h.data(), h, stride_, d + shape_.encoder_hidden(), meter)) {
    return kStopped;
  }
  add_row_sums(gates, row, gate_gradient_.data() + kLanes, stride_, d + shape_.encoder_bias());
  return total;
}

template class LstmGradient<float>;
template class LstmGradient<double>;

}  // namespace anomaly_exporter::detectors
