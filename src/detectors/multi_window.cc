#include "anomaly_exporter/detectors/multi_window.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "anomaly_exporter/detectors/judge.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "scaled_history.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr double kClip = 3;             // of a deviation, and of an average that teaches
constexpr double kFirstWeight = 16;     // values that RowScales has seen before it speaks
constexpr double kPriorAverages = 2;    // what the shorter length is worth
constexpr double kLeastLongest = 64;    // for the memories
constexpr double kSpreadLengths = 64;   // memory of the spreads, in longest lengths
constexpr double kBaselineLengths = 8;  // memory of the baseline
constexpr std::size_t kWarmup = 24;     // RowScales looks every 8th tick from 16 values on
constexpr double kFloatMax = std::numeric_limits<float>::max();

using Doubles = std::array<double, kLanes>;

/// s_k^2 of a length of which so many averages are known, from that of the length before.
double blended(double known, double spread, double shorter) {
  return (known * spread * spread + kPriorAverages * shorter) / (known + kPriorAverages);
}

}  // namespace

core::Result<std::unique_ptr<Detector>> MultiWindow::create(const MultiWindowOptions& options,
                                                            const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  return std::unique_ptr<Detector>(new MultiWindow(options, shape));
}

MultiWindow::MultiWindow(const MultiWindowOptions& options, const Shape& shape)
    : options_(options),
      shape_(shape),
      judges_values_(options.windows.front() == 1),
      scales_(shape.metrics) {
  for (const std::size_t length : options.windows) {
    const auto ticks = static_cast<double>(length);
    if (length > 1) averages_.push_back({.length = ticks, .weight = 2.0 / (ticks + 1.0)});
  }
  const double longest = std::max(static_cast<double>(options.windows.back()), kLeastLongest);
  spread_memory_ = kSpreadLengths * longest;
  baseline_memory_ = kBaselineLengths * longest;
}

std::size_t MultiWindow::warmup_samples() const { return kWarmup; }
std::size_t MultiWindow::memory_bytes() const { return scales_.memory_bytes() + state_.bytes(); }

void MultiWindow::resize(std::size_t blocks) {
  scales_.resize(blocks);
  state_.resize(blocks * shape_.metrics * numbers() * kLanes);
}

template <class T>
struct MultiWindow::Strip {
  T* first;
  std::size_t averages;

  // c = anchor + offset: a baseline of a million moves by less than a float of that size can.
  [[nodiscard]] T* anchor() const { return first; }
  [[nodiscard]] T* offset() const { return first + kLanes; }
  [[nodiscard]] T* count() const { return first + 2 * kLanes; }  // 0 = not begun
  /// Root of v_k, k from 0 on.
  [[nodiscard]] T* spread(std::size_t k) const { return first + (3 + k) * kLanes; }
  /// m_k, k from 1 on.
  [[nodiscard]] T* mean(std::size_t k) const { return first + (3 + averages + k) * kLanes; }

  [[nodiscard]] double centre(std::size_t lane) const {
    return static_cast<double>(anchor()[lane]) + static_cast<double>(offset()[lane]);
  }
};

/// What a tick brings to a strip: d, 0 where nothing came, and the floor of all scales.
struct MultiWindow::Step {
  Doubles deviation{}, floor{};
  LaneStrip arrived{}, begun{};  // 1 or 0
};

MultiWindow::Step MultiWindow::step_of(const Tick& tick, std::size_t metric,
                                       const Strip<const float>& strip) const {
  Step step;
  LaneMask begun = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    begun |= static_cast<LaneMask>(strip.count()[lane] > 0) << lane;
  }
  step.begun = expanded(begun);
  step.arrived = expanded(tick.present[metric] & tick.active & begun);
  const float* values = tick.values.data() + metric * kLanes;
  const float* floors = tick.scale_floor.data() + metric * kLanes;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const double centre = strip.centre(lane);
    const bool is_here = step.arrived[lane] > 0;
    const double away = is_here ? static_cast<double>(values[lane]) - centre : 0.0;
    const double floor = is_here ? static_cast<double>(floors[lane]) : 0.0;
    step.floor[lane] = std::max({floor, 1e-6 * std::fabs(centre), 1e-9});
    const auto spread = static_cast<double>(scales_.of(tick.row(metric, lane)).spread);
    const double unit =
        std::max({spread, static_cast<double>(strip.spread(0)[lane]), step.floor[lane]});
    const double limit = std::min(kClip * unit, kFloatMax);
    step.deviation[lane] = std::clamp(away, -limit, limit);
  }
  return step;
}

void MultiWindow::score(const Tick& tick, VerdictColumns& out) const {
  Estimate estimate;
  Doubles square;  // s_k^2 of the length before
  Doubles most;    // raw^2 of the averages
  for (std::size_t metric = 0; metric < shape_.metrics; ++metric) {
    const Strip<const float> strip{state_.data() + first_number(tick.block, metric),
                                   averages_.size()};
    const Step step = step_of(tick, metric, strip);
    estimate.ready = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      estimate.ready |= static_cast<LaneMask>(strip.count()[lane] > 0) << lane;
      estimate.centre[lane] = strip.centre(lane);
      estimate.spread[lane] = static_cast<double>(strip.spread(0)[lane]);
      square[lane] = estimate.spread[lane] * estimate.spread[lane];
      most[lane] = 0;
    }
    for (std::size_t k = 1; k <= averages_.size(); ++k) {
      const Average& average = averages_[k - 1];
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double known = static_cast<double>(strip.count()[lane]) / average.length;
        const auto spread = static_cast<double>(strip.spread(k)[lane]);
        square[lane] = blended(known, spread, square[lane]);
        auto mean = static_cast<double>(strip.mean(k)[lane]);
        mean += average.weight * (step.deviation[lane] - mean);
        const double least = step.floor[lane] * step.floor[lane];
        most[lane] = std::max(most[lane], mean * mean / std::max(square[lane], least));
      }
    }
    judge(tick, metric, estimate, out);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t at = metric * kLanes + lane;
      if ((tick.active & series::bit(lane)) == 0 || out.outcome[at] != Outcome::Scored) continue;
      out.raw[at] = std::max(judges_values_ ? out.raw[at] : 0.0, std::sqrt(most[lane]));
    }
  }
}

void MultiWindow::learn(const Tick& tick, const LearnMask& mask) {
  scales_.learn(tick, mask);
  const LaneMask live = tick.active & ~tick.repeated;
  const LaneStrip lives = expanded(live);
  for (std::size_t metric = 0; metric < shape_.metrics; ++metric) {
    float* numbers = state_.data() + first_number(tick.block, metric);
    const Strip<float> strip{numbers, averages_.size()};
    const Step step = step_of(tick, metric, {numbers, averages_.size()});
    const LaneStrip learns = expanded(mask.lanes[metric] & live);
    Doubles spread_weight, mean, count, square;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      count[lane] = static_cast<double>(strip.count()[lane]);
      const double learned = count[lane] + 1.0;
      const bool is_learned = learns[lane] > 0 && step.begun[lane] > 0;
      spread_weight[lane] = is_learned ? 1.0 / std::min(learned, spread_memory_) : 0.0;
      const double baseline_weight = is_learned ? 1.0 / std::min(learned, baseline_memory_) : 0.0;
      mean[lane] = step.deviation[lane];
      strip.offset()[lane] = static_cast<float>(static_cast<double>(strip.offset()[lane]) +
                                                baseline_weight * step.deviation[lane]);
      if (is_learned) strip.count()[lane] = static_cast<float>(std::min(learned, spread_memory_));
    }
    for (std::size_t k = 0; k <= averages_.size(); ++k) {
      if (k > 0) {
        const double weight = averages_[k - 1].weight;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          const auto before = static_cast<double>(strip.mean(k)[lane]);
          const double part = lives[lane] > 0 ? weight : 0.0;
          mean[lane] = before + part * (step.deviation[lane] - before);
          strip.mean(k)[lane] = static_cast<float>(mean[lane]);
        }
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const auto before = static_cast<double>(strip.spread(k)[lane]);
        double now = mean[lane] * mean[lane];
        if (k == 0) {
          square[lane] = before * before;
        } else {
          square[lane] = blended(count[lane] / averages_[k - 1].length, before, square[lane]);
          now = std::min(now, kClip * kClip * square[lane]);
        }
        const double after =
            std::sqrt(before * before + spread_weight[lane] * (now - before * before));
        strip.spread(k)[lane] =
            spread_weight[lane] > 0 ? static_cast<float>(after) : strip.spread(k)[lane];
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const RobustScale scale = scales_.of(tick.row(metric, lane));
      if (!(learns[lane] > 0) || step.begun[lane] > 0 || scale.spread <= 0) continue;
      strip.anchor()[lane] = scale.centre;
      strip.count()[lane] = static_cast<float>(kFirstWeight);
      strip.spread(0)[lane] = scale.spread;
    }
  }
}

void MultiWindow::forget(std::size_t block, LaneMask lanes) {
  scales_.forget(block, lanes);
  const LaneStrip gone = expanded(lanes);
  float* numbers_of_block = state_.data() + first_number(block, 0);
  for (std::size_t i = 0; i < shape_.metrics * numbers() * kLanes; ++i) {
    if (gone[i % kLanes] > 0) numbers_of_block[i] = 0;
  }
}

void MultiWindow::write_head(core::StateWriter& out) const {
  write_state_head(out, {shape_.metrics, shape_.window, averages_.size()});
  for (const Average& average : averages_) out.u32(static_cast<std::uint32_t>(average.length));
}

core::Status MultiWindow::read_head(core::StateReader& in) const {
  auto head = read_state_head(in, {shape_.metrics, shape_.window, averages_.size()});
  if (!head) return head;
  for (const Average& average : averages_) {
    const std::uint32_t length = in.u32();
    if (in.ok() && static_cast<double>(length) != average.length) {
      in.fail("averages were learned over " + std::to_string(length) + " ticks, not " +
              std::to_string(static_cast<std::size_t>(average.length)));
    }
  }
  return in.status();
}

/// Of one row: anchor, offset, count, spreads, means.
bool MultiWindow::is_sound(std::span<const float> row) const {
  const std::span<const float> spreads = row.subspan(3, averages_.size() + 1);
  return std::ranges::all_of(row, [](float v) { return std::isfinite(v); }) && row[2] >= 0 &&
         static_cast<double>(row[2]) <= spread_memory_ &&
         std::ranges::all_of(spreads, [](float v) { return v >= 0; });
}

void MultiWindow::save(std::size_t block, core::StateWriter& out) const {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    save_entity(static_cast<series::Entity>(block * kLanes + lane), out);
  }
  scales_.save(block, out);
}

core::Status MultiWindow::restore(std::size_t block, core::StateReader& in) {
  MultiWindow trial(options_, shape_);  // so that bad bytes change nothing
  trial.resize(1);
  for (series::Entity lane = 0; lane < kLanes; ++lane) {
    if (auto status = trial.restore_entity(lane, in); !status) return status;
  }
  if (auto status = scales_.restore(block, in); !status) return status;
  std::ranges::copy(trial.state_.span(), state_.data() + first_number(block, 0));
  return {};
}

void MultiWindow::save_entity(series::Entity entity, core::StateWriter& out) const {
  write_head(out);
  const float* first = state_.data() + first_number(series::block_of(entity), 0);
  for (std::size_t i = 0; i < shape_.metrics * numbers(); ++i) {
    out.f32(first[i * kLanes + series::lane_of(entity)]);
  }
}

core::Status MultiWindow::restore_entity(series::Entity entity, core::StateReader& in) {
  if (auto head = read_head(in); !head) return head;
  std::vector<float> rows(shape_.metrics * numbers());
  for (float& number : rows) number = in.f32();
  for (std::size_t metric = 0; metric < shape_.metrics && in.ok(); ++metric) {
    if (!is_sound(std::span(rows).subspan(metric * numbers(), numbers()))) {
      in.fail("a number of a row is out of range");
    }
  }
  if (!in.ok()) return in.status();
  float* first = state_.data() + first_number(series::block_of(entity), 0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    first[i * kLanes + series::lane_of(entity)] = rows[i];
  }
  return {};
}

}  // namespace anomaly_exporter::detectors
