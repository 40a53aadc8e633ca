#include "anomaly_exporter/detectors/moving_average.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "anomaly_exporter/detectors/state_head.h"

namespace anomaly_exporter::detectors {
namespace {

// Values within the window without which its mean is no expectation.
constexpr std::size_t kLeastForMean = 5;

float clamp_to_float(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

}  // namespace

core::Result<std::unique_ptr<Detector>> MovingAverage::create(const MovingAverageOptions& options,
                                                              const Shape& shape) {
  if (auto valid = options.validate(shape.window); !valid) return valid.error();
  return std::unique_ptr<Detector>(new MovingAverage(options, shape.metrics));
}

MovingAverage::MovingAverage(const MovingAverageOptions& options, std::size_t metrics)
    : options_(options), metrics_(metrics) {}

std::string_view MovingAverage::name() const { return "moving_average"; }
double MovingAverage::threshold() const { return options_.threshold; }

std::size_t MovingAverage::warmup_samples() const {
  return kLeastForMean + std::min(options_.spread_window, kWarmupSamples);
}

/// Some more than the mean needs: an anomaly that flickers keeps values out again and again.
std::size_t MovingAverage::least_in_look_back() const { return kLeastForMean + 3; }

std::size_t MovingAverage::memory_bytes() const {
  return values_.memory_bytes() + distances_.memory_bytes() + ring_.bytes() + ring_set_.bytes();
}

std::size_t MovingAverage::first_row(std::size_t block, std::size_t metric) const {
  return (block * metrics_ + metric) * kLanes;
}

void MovingAverage::resize(std::size_t blocks) {
  const std::size_t strips = blocks * metrics_;
  values_.resize(strips * kLanes);
  distances_.resize(strips * kLanes);
  ring_.resize(strips * kLanes * options_.spread_window);
  ring_set_.resize(strips * options_.spread_window);
}

series::StripView MovingAverage::distances(std::size_t first_row) const {
  const LaneMask* set = ring_set_.data() + first_row / kLanes * options_.spread_window;
  return {.values = ring_.data() + first_row * options_.spread_window,
          .present = set,
          .learned = set,
          .stride = kLanes,
          .slots = options_.spread_window};
}

Estimate MovingAverage::expectation(std::size_t first_row) const {
  Estimate estimate;
  estimate.ready = values_.lanes_with(first_row, kLeastForMean);
  stats::kernels().moments_estimate(values_.strip(first_row), estimate.centre.data(),
                                    estimate.spread.data());
  return estimate;
}

void MovingAverage::score(const Tick& tick, VerdictColumns& out) const {
  const std::size_t least = std::min(options_.spread_window, kWarmupSamples);
  std::array<double, kLanes> mean_distance;
  std::array<double, kLanes> deviation;
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(tick.block, metric);
    Estimate estimate = expectation(first);
    estimate.ready &= distances_.lanes_with(first, least);
    stats::kernels().moments_estimate(distances_.strip(first), mean_distance.data(),
                                      deviation.data());
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      estimate.spread[lane] =
          std::sqrt(deviation[lane] * deviation[lane] + mean_distance[lane] * mean_distance[lane]);
    }
    judge(tick, metric, estimate, out);
  }
}

void MovingAverage::learn(const Tick& tick, const LearnMask& mask) {
  const bool refresh_values = is_refresh_due(tick.index, tick.block, options_.window);
  const bool refresh_distances = is_refresh_due(tick.index, tick.block, options_.spread_window);
  std::array<float, kLanes> distance{};
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(tick.block, metric);
    const float* values = tick.values.data() + metric * kLanes;
    const LaneMask add = mask.lanes[metric] & tick.active;

    // The distance of this value from what was expected of it; the ring's slot still holds the one
    // of `spread_window` ticks ago.
    const Estimate expected = expectation(first);
    const LaneMask measured = add & expected.ready;
    for (LaneMask rest = measured; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      distance[lane] = clamp_to_float(static_cast<double>(values[lane]) - expected.centre[lane]);
    }
    const series::StripView ring = distances(first);
    const std::size_t slot = ring.slot(tick.index);
    distances_.update(first, history_before(ring, tick.index, options_.spread_window - 1),
                      distance.data(), measured,
                      leaving_values(ring, tick.index, options_.spread_window, tick.active),
                      refresh_distances ? tick.active : 0);
    LaneMask& set = ring_set_[first / kLanes * options_.spread_window + slot];
    set = (set & ~tick.active) | measured;
    float* stored = ring_.data() + first * options_.spread_window + slot * kLanes;
    for (LaneMask rest = measured; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      stored[lane] = distance[lane];
    }

    const series::StripView strip = tick.strip(metric);
    values_.update(first, history_before(strip, tick.index, options_.window - 1), values, add,
                   leaving_values(strip, tick.index, options_.window, tick.active),
                   refresh_values ? tick.active : 0);
  }
}

void MovingAverage::forget(std::size_t block, LaneMask lanes) {
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(block, metric);
    values_.forget(first, lanes);
    distances_.forget(first, lanes);
    LaneMask* set = ring_set_.data() + first / kLanes * options_.spread_window;
    for (std::size_t slot = 0; slot < options_.spread_window; ++slot) set[slot] &= ~lanes;
  }
}

void MovingAverage::save(std::size_t block, core::StateWriter& out) const {
  write_state_head(out, {metrics_, options_.window, options_.spread_window});
  const std::size_t first = first_row(block, 0);
  const std::size_t rows = metrics_ * kLanes;
  values_.save(first, rows, out);
  distances_.save(first, rows, out);
  out.f32s(ring_.span().subspan(first * options_.spread_window, rows * options_.spread_window));
  out.u64s(ring_set_.span().subspan(first / kLanes * options_.spread_window,
                                    metrics_ * options_.spread_window));
}

core::Status MovingAverage::restore(std::size_t block, core::StateReader& in) {
  if (auto head = read_state_head(in, {metrics_, options_.window, options_.spread_window}); !head) {
    return head;
  }
  const std::size_t first = first_row(block, 0);
  const std::size_t rows = metrics_ * kLanes;
  MomentsColumns values;
  MomentsColumns distances;
  values.resize(rows);
  distances.resize(rows);
  std::vector<float> ring(rows * options_.spread_window);
  std::vector<LaneMask> set(metrics_ * options_.spread_window);
  if (auto read = values.restore(0, rows, options_.window, in); !read) return read;
  if (auto read = distances.restore(0, rows, options_.spread_window, in); !read) return read;
  in.f32s(ring);
  in.u64s(set);
  if (in.ok() && !std::ranges::all_of(ring, [](float v) { return std::isfinite(v); })) {
    in.fail("distance is not finite");
  }
  if (!in.ok()) return in.status();
  values_.copy_rows(first, values);
  distances_.copy_rows(first, distances);
  std::ranges::copy(ring, ring_.data() + first * options_.spread_window);
  std::ranges::copy(set, ring_set_.data() + first / kLanes * options_.spread_window);
  return {};
}

}  // namespace anomaly_exporter::detectors
