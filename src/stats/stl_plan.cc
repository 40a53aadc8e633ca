#include "anomaly_exporter/stats/stl_plan.h"

#include <algorithm>

#include "loess.h"
#include "stl_kernels.h"

namespace anomaly_exporter::stats {
namespace {

using Smoother = StlPlan::Smoother;
using Phases = StlPlan::Phases;

std::size_t rounded_up(std::size_t n) {
  return (n + kStlEdgeBlock - 1) / kStlEdgeBlock * kStlEdgeBlock;
}

/// Weights of `count` outputs from sample `first` on, which all see the samples from `left` on.
std::vector<float> edge_weights(const Smoother& s, std::size_t width, std::size_t first,
                                std::size_t left) {
  std::vector<float> out(s.width * s.stride);
  std::vector<double> weights(s.width);
  for (std::size_t i = 0; i < s.edge; ++i) {
    const auto x = static_cast<double>(first + i);
    (void)loess_weights(s.samples, width, x, left, weights);
    for (std::size_t t = 0; t < s.width; ++t) {
      out[t * s.stride + i] = static_cast<float>(weights[t]);
    }
  }
  return out;
}

Smoother make_smoother(std::size_t samples, std::size_t width) {
  Smoother s;
  s.samples = samples;
  s.width = std::min(width, samples);
  const bool sees_all = width >= samples;
  s.edge = sees_all ? samples : width / 2;
  s.stride = rounded_up(s.edge);
  s.front = edge_weights(s, width, 0, 0);
  if (sees_all) return s;
  s.back = edge_weights(s, width, samples - s.edge, samples - width);
  std::vector<double> weights(width);
  (void)loess_weights(samples, width, static_cast<double>(s.edge), 0, weights);
  s.inside.assign(weights.begin(), weights.end());
  return s;
}

/// `out` gets s.samples values; `edge` is work space for s.stride.
void smooth(const StlKernels& k, const Smoother& s, const float* in, float* out, float* edge) {
  k.combine(in, s.front.data(), s.width, s.stride, edge);
  std::copy_n(edge, s.edge, out);
  if (s.back.empty()) return;
  k.convolve(in, s.inside.data(), s.width, out + s.edge, s.samples - 2 * s.edge);
  k.combine(in + s.samples - s.width, s.back.data(), s.width, s.stride, edge);
  std::copy_n(edge, s.edge, out + s.samples - s.edge);
}

Phases make_phases(std::size_t first, std::size_t count, std::size_t cycles, std::size_t width) {
  Phases p;
  p.first = first;
  p.count = count;
  if (count == 0) return p;
  p.taps = std::min(width, cycles);
  std::vector<double> weights(p.taps);
  for (std::size_t m = 0; m < cycles + 2; ++m) {
    // Output m is at cycle m - 1; the first and the last lie one beyond the ends.
    const std::size_t near = std::clamp<std::size_t>(m, 1, cycles) - 1;
    const std::size_t left = loess_left(cycles, width, near);
    if (!loess_weights(cycles, width, static_cast<double>(m) - 1.0, left, weights)) {
      std::fill(weights.begin(), weights.end(), 0.0);
      weights[near - left] = 1.0;
    }
    p.left.push_back(left);
    p.weights.insert(p.weights.end(), weights.begin(), weights.end());
  }
  return p;
}

void smooth_phases(const StlKernels& k, const Phases& p, std::size_t period, const float* in,
                   float* out) {
  if (p.count == 0) return;
  for (std::size_t m = 0; m < p.left.size(); ++m) {
    k.add_rows(in + p.left[m] * period + p.first, period, p.weights.data() + m * p.taps, p.taps,
               out + m * period + p.first, p.count);
  }
}

std::size_t bytes_of(const Smoother& s) {
  return (s.inside.size() + s.front.size() + s.back.size()) * sizeof(float);
}
std::size_t bytes_of(const Phases& p) {
  return p.left.size() * sizeof(std::size_t) + p.weights.size() * sizeof(float);
}

}  // namespace

core::Result<StlPlan> StlPlan::create(std::size_t samples, const StlOptions& options) {
  if (auto valid = options.validate(samples); !valid) return valid.error();
  StlPlan plan;
  plan.samples_ = samples;
  plan.options_ = options.resolved();
  const StlOptions& o = plan.options_;
  const std::size_t cycles = samples / o.period;
  const std::size_t longer = samples % o.period;  // phases that have one cycle more
  plan.long_phases_ = make_phases(0, longer, cycles + 1, o.seasonal);
  plan.short_phases_ = make_phases(longer, o.period - longer, cycles, o.seasonal);
  plan.low_pass_ = make_smoother(samples, o.low_pass);
  plan.trend_ = make_smoother(samples, o.trend);
  return plan;
}

std::size_t StlPlan::scratch_size() const {
  return 3 * (samples_ + 2 * options_.period) + std::max(low_pass_.stride, trend_.stride);
}

void StlPlan::decompose(std::span<const float> values, std::span<float> scratch,
                        std::span<float> seasonal, std::span<float> trend,
                        core::CpuLevel level) const {
  const StlKernels& k = level == core::CpuLevel::V3 ? kStlV3 : kStlBase;
  const std::size_t n = samples_;
  const std::size_t period = options_.period;
  const std::size_t extended = n + 2 * period;
  float* const cycle = scratch.data();
  float* const a = cycle + extended;
  float* const b = a + extended;
  float* const edge = b + extended;

  // A constant belongs to the trend alone; without it floats have digits left for the rest.
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v);
  const auto mean = static_cast<float>(sum / static_cast<double>(n));
  std::fill(trend.begin(), trend.end(), mean);
  for (std::size_t pass = 0; pass < options_.inner; ++pass) {
    k.subtract(values.data(), trend.data(), a, n);
    smooth_phases(k, long_phases_, period, a, cycle);
    smooth_phases(k, short_phases_, period, a, cycle);
    std::copy_n(cycle, extended, a);
    k.window_means(a, extended, period, b);
    k.window_means(b, extended - period + 1, period, a);
    k.window_means(a, n + 2, 3, b);
    smooth(k, low_pass_, b, a, edge);
    k.subtract(cycle + period, a, seasonal.data(), n);
    k.subtract(values.data(), seasonal.data(), a, n);
    for (std::size_t i = 0; i < n; ++i) a[i] -= mean;
    smooth(k, trend_, a, trend.data(), edge);
    for (float& t : trend) t += mean;
  }
}

std::size_t StlPlan::memory_bytes() const {
  return bytes_of(low_pass_) + bytes_of(trend_) + bytes_of(long_phases_) + bytes_of(short_phases_);
}

}  // namespace anomaly_exporter::stats
