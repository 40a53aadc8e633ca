#include "autoencoder_models.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <utility>

#include "network_math.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::string_view kLinearKind = "autoencoder linear";
constexpr std::string_view kDenseKind = "autoencoder dense";

std::array<std::size_t, 4> sizes_of(const DenseShape& shape) {
  return {shape.metrics, shape.window, shape.hidden, shape.code};
}

// One row of residuals, 0 where absent; takes the lanes without scale or mean out of `ready`.
void fill_row(const Tick& tick, const RowScales& scales, const BlockMeans& means,
              std::size_t metric, const float* values, LaneMask present, LaneMask& ready,
              float* out) {
  constexpr auto kClip = static_cast<double>(RowScales::kClip);
  std::fill_n(out, kLanes, 0.0F);
  for (LaneMask lanes = ready; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    const std::size_t at = metric * kLanes + lane;
    const auto spread = static_cast<double>(scales.of(tick.row(metric, lane)).spread);
    if (spread <= 0 || means.count[at] < kResidualWarmup) {
      ready &= ~series::bit(lane);
    } else if ((present & series::bit(lane)) != 0) {
      const double residual = static_cast<double>(values[lane]) - means.mean[at];
      out[lane] = static_cast<float>(std::clamp(residual / spread, -kClip, kClip));
    }
  }
}

// The vectors of a monitor of one metric: its last values.
LaneMask fill_from_window(const Tick& tick, const RowScales& scales, const BlockMeans& means,
                          std::size_t size, float* vectors) {
  const series::StripView strip = tick.strip(0);
  LaneMask ready = recent_lanes(tick, 0);
  std::array<std::uint8_t, kLanes> known{};
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t back = size - 1 - i;
    const TickIndex index = tick.index - static_cast<TickIndex>(back);
    LaneMask present = 0;
    const float* values = tick.values.data();
    if (back == 0) {
      present = tick.present[0];
    } else if (index >= 0) {
      present = strip.present[strip.slot(index)];
      values = strip.values + strip.slot(index) * strip.stride;
    }
    fill_row(tick, scales, means, 0, values, present, ready, vectors + i * kLanes);
    for (LaneMask lanes = present & ready; lanes != 0; lanes &= lanes - 1) {
      ++known[static_cast<std::size_t>(std::countr_zero(lanes))];
    }
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (2U * known[lane] < size) ready &= ~series::bit(lane);
  }
  return ready;
}

}  // namespace

LaneMask recent_lanes(const Tick& tick, std::size_t metric) {
  const series::StripView strip = tick.strip(metric);
  LaneMask recent = 0;
  for (std::size_t back = 1; back <= std::min(kResidualGap, strip.slots - 1); ++back) {
    const TickIndex index = tick.index - static_cast<TickIndex>(back);
    if (index < 0) break;
    recent |= strip.present[strip.slot(index)];
  }
  return recent & tick.active;
}

void LinearEncoder::save(core::StateWriter& out) const {
  write_model_head(out, kLinearKind, std::array{errors().sigma.size(), components_.size});
  out.u32(static_cast<std::uint32_t>(components_.components));
  out.f32s(components_.centre);
  out.f32s(components_.outside);
  errors().save(out);
}

core::Result<std::shared_ptr<const Model>> LinearEncoder::read(core::StateReader& in,
                                                               std::size_t metrics) {
  const std::size_t size = metrics == 1 ? kSingleMetricVector : metrics;
  if (auto head = read_model_head(in, kLinearKind, std::array{metrics, size}); !head) {
    return head.error();
  }
  ResidualComponents components{.size = size, .centre = {}, .outside = {}, .components = in.u32()};
  if (in.ok() && components.components >= size) in.fail("more components than numbers");
  components.centre = read_numbers(in, size);
  components.outside = read_numbers(in, size * size);
  ErrorScales errors;
  errors.sigma.resize(metrics);
  errors.read(in);
  if (!in.ok()) return in.status().error();
  return std::shared_ptr<const Model>(
      std::make_shared<const LinearEncoder>(std::move(components), std::move(errors)));
}

std::size_t LinearEncoder::memory_bytes() const {
  return (components_.centre.size() + components_.outside.size() + errors().sigma.size()) *
         sizeof(float);
}

void LinearEncoder::expect(const Tick& tick, const RowScales& scales, const BlockMeans& means,
                           ReconstructionScratch& scratch) const {
  const std::size_t size = components_.size;
  const std::size_t panel = size * kLanes;
  scratch.resize(tick.metrics, panel, panel);
  if (tick.metrics == 1) {
    scratch.ready[0] = fill_from_window(tick, scales, means, size, scratch.inputs.data());
  } else {
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      LaneMask ready = recent_lanes(tick, metric);
      fill_row(tick, scales, means, metric, tick.values.data() + metric * kLanes,
               tick.present[metric], ready, scratch.inputs.data() + metric * kLanes);
      scratch.ready[metric] = ready;
    }
  }
  // The vectors, centred, and what of them lies outside the components.
  std::fill_n(scratch.network.data(), panel, 0.0F);
  for (std::size_t i = 0; i < panel; ++i) scratch.inputs[i] -= components_.centre[i / kLanes];
  const std::size_t first = size - tick.metrics;  // of a single metric: the newest value
  multiply_add(tick.metrics, size, components_.outside.data() + first * size, size,
               scratch.inputs.data(), kLanes, scratch.network.data(), kLanes);
  for (std::size_t i = 0; i < tick.metrics * kLanes; ++i) {
    const std::size_t metric = i / kLanes;
    const auto spread = static_cast<double>(scales.of(static_cast<Row>(tick.first_row + i)).spread);
    const float residual = scratch.inputs[first * kLanes + i] + components_.centre[first + metric];
    scratch.expected[i] =
        means.mean[i] + spread * static_cast<double>(residual - scratch.network[i]);
    scratch.sigma[i] = spread * static_cast<double>(errors().sigma[metric]);
  }
}

void DenseEncoder::save(core::StateWriter& out) const {
  write_model_head(out, kDenseKind, sizes_of(shape_));
  out.f32s(parameters_);
  errors().save(out);
}

core::Result<std::shared_ptr<const Model>> DenseEncoder::read(core::StateReader& in,
                                                              const DenseShape& shape) {
  if (auto head = read_model_head(in, kDenseKind, sizes_of(shape)); !head) return head.error();
  std::vector<float> parameters = read_numbers(in, shape.parameters());
  ErrorScales errors;
  errors.sigma.resize(shape.metrics);
  errors.read(in);
  if (!in.ok()) return in.status().error();
  return std::shared_ptr<const Model>(
      std::make_shared<const DenseEncoder>(shape, std::move(parameters), std::move(errors)));
}

std::size_t DenseEncoder::memory_bytes() const {
  return (parameters_.size() + errors().sigma.size()) * sizeof(float);
}

void DenseEncoder::expect(const Tick& tick, const RowScales& scales, const BlockMeans& /*means*/,
                          ReconstructionScratch& scratch) const {
  const std::size_t row = shape_.window * kLanes;
  scratch.resize(tick.metrics, 2 * tick.metrics * row, dense_scratch_floats(shape_));
  const LaneMask ready = fill_inputs(tick, scales, errors().sigma,
                                     {.data = scratch.inputs.data(),
                                      .ticks = shape_.window,
                                      .row_stride = row,
                                      .tick_stride = kLanes});
  reconstruct_dense(shape_, parameters_, scratch.inputs.data(), scratch.network.data(),
                    scratch.newest.data());
  unscale(tick, scales, errors(), ready, scratch);
}

}  // namespace anomaly_exporter::detectors
