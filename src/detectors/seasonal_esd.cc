#include "anomaly_exporter/detectors/seasonal_esd.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "anomaly_exporter/detectors/judge.h"
#include "season_curve.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr double kSigmaPerMad = 1.482602218505602;
constexpr core::Duration kRefresh = std::chrono::hours(6);
constexpr std::size_t kTryEvery = 16;  // ticks, while nothing is known of a row
constexpr double kCounts = 32767;      // of a curve's points
constexpr std::int64_t kStepMs = series::Profiles::kStep.count();
constexpr std::int64_t kHourMs = 2 * kStepMs;
constexpr std::size_t kPointsOfStrip = SeasonCurve::kPoints * kLanes;

float clamped(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

std::int64_t modulo(std::int64_t a, std::int64_t b) {
  const std::int64_t rest = a % b;
  return rest < 0 ? rest + b : rest;
}

/// A number that looks random, the same on every run (splitmix64: Steele, Lea and Flood 2014).
std::uint64_t hash(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

/// Whether the hour-of-week table reaches beyond now, which takes a week of history.
bool knows_coming_hours(const Tick& tick, Row row) {
  float level = 0;
  float spread = 0;
  for (const int hours : {1, 7, 25}) {
    const core::Timestamp time = tick.time + std::chrono::hours(hours);
    if (!tick.profiles->usual(row, time, level, spread, tick.utc_offset)) return false;
  }
  return true;
}

template <class F>
void for_each_lane(LaneMask lanes, F f) {
  for (; lanes != 0; lanes &= lanes - 1) f(static_cast<std::size_t>(std::countr_zero(lanes)));
}

}  // namespace

core::Result<std::unique_ptr<Detector>> SeasonalEsd::create(const SeasonalEsdOptions& options,
                                                            const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  return std::unique_ptr<Detector>(new SeasonalEsd(options, shape));
}

SeasonalEsd::SeasonalEsd(const SeasonalEsdOptions& options, const Shape& shape)
    : options_(options),
      metrics_(shape.metrics),
      interval_(shape.interval),
      refresh_ticks_(static_cast<std::size_t>(
          std::max<std::int64_t>(kRefresh / std::max(shape.interval, core::Duration(1)), 1))),
      threshold_(
          stats::EsdTable(std::min(kSample, shape.window), 1, options.alpha).critical().front()),
      finder_(std::make_unique<const SeasonFinder>(options)),
      sample_(std::min(kSample, shape.window)) {}

SeasonalEsd::~SeasonalEsd() = default;

std::string_view SeasonalEsd::name() const { return "seasonal_esd"; }
std::size_t SeasonalEsd::warmup_samples() const {
  return std::min(sample_.window(), kWarmupSamples);
}
std::size_t SeasonalEsd::first_row(std::size_t block, std::size_t metric) const {
  return (block * metrics_ + metric) * kLanes;
}

void SeasonalEsd::resize(std::size_t blocks) {
  const std::size_t rows = blocks * metrics_ * kLanes;
  sample_.resize(rows);
  period_.resize(rows);
  unit_.resize(rows);
  curve_.resize(rows * SeasonCurve::kPoints);
  gap_.resize(rows);
  anomalies_.resize(rows);
  number_.resize(rows);
  clock_.resize(blocks);
}

core::Duration SeasonalEsd::offset_at(std::size_t block, core::Timestamp time) const {
  const LocalClock& clock = clock_[block];
  return core::Duration(time.ms < clock.changed_ms ? clock.previous_ms : clock.offset_ms);
}

bool SeasonalEsd::season(const Tick& tick, std::size_t row, core::Timestamp time,
                         core::Duration offset, Place& place, double& out) const {
  out = 0;
  const std::uint16_t period = period_[row];
  if (period == kUnknown || period == kNone) return true;
  if (period == kHourOfWeek) {
    // Levels belong to the middle of their hours.
    const core::Timestamp before = time - series::Profiles::kStep;
    const auto id = static_cast<Row>(row);
    float level = 0;
    float next = 0;
    float spread = 0;
    const bool has_level =
        tick.profiles != nullptr && tick.profiles->usual(id, before, level, spread, offset);
    const bool has_next =
        tick.profiles != nullptr &&
        tick.profiles->usual(id, before + core::Duration(kHourMs), next, spread, offset);
    if (!has_level && !has_next) return false;
    if (!has_level) level = next;
    if (!has_next) next = level;
    const double share =
        static_cast<double>(modulo((before + offset).ms, kHourMs)) / static_cast<double>(kHourMs);
    out = static_cast<double>(level) +
          share * (static_cast<double>(next) - static_cast<double>(level));
    return true;
  }
  if (place.period != period) {
    const std::size_t points = std::min<std::size_t>(period, SeasonCurve::kPoints);
    const std::int64_t length = period * kStepMs;
    const double at = static_cast<double>(modulo((time + offset).ms, length)) /
                          static_cast<double>(length) * static_cast<double>(points) -
                      0.5;
    place.period = period;
    place.before = at < 0 ? points - 1 : static_cast<std::size_t>(at);
    place.after = (place.before + 1) % points;
    place.share = at < 0 ? at + 1 : at - static_cast<double>(place.before);
  }
  const std::uint16_t* points = curve_.data() + row / kLanes * kPointsOfStrip + row % kLanes;
  const auto point = [&](std::size_t i) {
    return static_cast<double>(static_cast<std::int16_t>(points[i * kLanes]));
  };
  const double before = point(place.before);
  out = static_cast<double>(unit_[row]) * (before + place.share * (point(place.after) - before));
  return true;
}

void SeasonalEsd::score(const Tick& tick, VerdictColumns& out) const {
  Estimate estimate;
  Place place;
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(tick.block, metric);
    LaneMask ready =
        sample_.lanes_with(first, warmup_samples()) & tick.present[metric] & tick.active;
    stats::kernels().median_mad(sample_.strip(first), ready, estimate.centre.data(),
                                estimate.spread.data());
    for_each_lane(ready, [&](std::size_t lane) {
      double s = 0;
      if (period_[first + lane] == kUnknown ||
          !season(tick, first + lane, tick.time, tick.utc_offset, place, s)) {
        ready &= ~series::bit(lane);
        return;
      }
      estimate.centre[lane] += s;
      estimate.spread[lane] *= kSigmaPerMad;
    });
    estimate.ready = ready;
    judge(tick, metric, estimate, out);
  }
}

/// Lanes whose residual is an anomaly that is not to be learned. Only what lies outside the whole
/// sample is looked at, so that this costs next to nothing.
LaneMask SeasonalEsd::refused(const Tick& tick, std::size_t metric, const float* residuals,
                              LaneMask lanes) {
  const std::size_t first = first_row(tick.block, metric);
  const stats::SortedView view = sample_.strip(first);
  LaneMask out = 0;
  for_each_lane(lanes & sample_.lanes_with(first, warmup_samples()), [&](std::size_t lane) {
    const float* sorted = view.values + lane * view.capacity;
    const float residual = residuals[lane];
    if (residual >= sorted[0] && residual <= sorted[view.count[lane] - 1]) return;
    const std::size_t row = first + lane;
    std::array<double, kLanes> median;
    std::array<double, kLanes> mad;
    stats::kernels().median_mad(view, series::bit(lane), median.data(), mad.data());
    const double scale = std::max(
        {kSigmaPerMad * mad[lane], static_cast<double>(tick.scale_floor[metric * kLanes + lane]),
         1e-6 * std::abs(static_cast<double>(tick.values[metric * kLanes + lane])), 1e-9});
    if (std::abs(static_cast<double>(residual) - median[lane]) < threshold_ * scale) return;

    const std::uint16_t period = period_[row];
    const std::int64_t steps = period == kHourOfWeek ? 336 : period <= kNone ? 48 : period;
    const auto number =
        static_cast<std::uint32_t>((tick.time + tick.utc_offset).ms / (steps * kStepMs));
    if (number_[row] != number) {
      number_[row] = number;
      anomalies_[row] = 0;
    }
    if (anomalies_[row] >= options_.max_anomalies) return;
    ++anomalies_[row];
    out |= series::bit(lane);
  });
  return out;
}

/// Takes residuals into the sample; where it is full, a random one leaves.
void SeasonalEsd::insert(std::size_t first, const float* residuals, LaneMask lanes,
                         TickIndex index) {
  const stats::SortedView view = sample_.strip(first);
  Leaving leaving;
  for_each_lane(lanes, [&](std::size_t lane) {
    const std::size_t n = view.count[lane];
    if (n < view.capacity) return;
    const std::uint64_t random = hash(static_cast<std::uint64_t>(index) * 0x100000001b3ULL ^
                                      static_cast<std::uint64_t>(first + lane) << 32U);
    leaving.values[lane] = view.values[lane * view.capacity + random % n];
    leaving.lanes |= series::bit(lane);
  });
  sample_.update(first, {}, residuals, lanes, leaving);
}

void SeasonalEsd::learn(const Tick& tick, const LearnMask& mask) {
  LocalClock& clock = clock_[tick.block];
  if (tick.utc_offset.count() != clock.offset_ms && tick.time.ms >= clock.changed_ms) {
    clock = {tick.utc_offset.count(),
             clock.changed_ms == 0 ? tick.utc_offset.count() : clock.offset_ms, tick.time.ms};
  } else if (clock.changed_ms == 0) {
    clock = {tick.utc_offset.count(), tick.utc_offset.count(), 1};
  }

  Place place;
  std::array<float, kLanes> residuals;
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(tick.block, metric);
    LaneMask lanes = mask.lanes[metric] & tick.active;
    for_each_lane(tick.active & ~lanes, [&](std::size_t lane) {
      std::uint16_t& gap = gap_[first + lane];
      if (gap < sample_.window() && ++gap == sample_.window()) {
        sample_.forget(first, series::bit(lane));
      }
    });
    for_each_lane(lanes, [&](std::size_t lane) {
      gap_[first + lane] = 0;
      double s = 0;
      if (!season(tick, first + lane, tick.time, tick.utc_offset, place, s)) {
        lanes &= ~series::bit(lane);
        return;
      }
      residuals[lane] = clamped(static_cast<double>(tick.values[metric * kLanes + lane]) - s);
    });
    lanes &= ~refused(tick, metric, residuals.data(), lanes);
    insert(first, residuals.data(), lanes, tick.index);

    if (tick.profiles == nullptr) continue;
    const auto index = static_cast<std::size_t>(tick.index);
    const auto visit = [&](std::size_t lane) {
      if ((tick.active & series::bit(lane)) != 0) refresh(tick, metric, lane, mask);
    };
    const std::size_t now = (index + first) % refresh_ticks_;
    for (std::size_t lane = (refresh_ticks_ - now) % refresh_ticks_; lane < kLanes;
         lane += refresh_ticks_) {
      if (period_[first + lane] != kUnknown) visit(lane);
    }
    for (std::size_t lane = (kTryEvery - index % kTryEvery) % kTryEvery; lane < kLanes;
         lane += kTryEvery) {
      if (period_[first + lane] == kUnknown) visit(lane);
    }
  }
}

void SeasonalEsd::refresh(const Tick& tick, std::size_t metric, std::size_t lane,
                          const LearnMask& mask) {
  const std::size_t row = first_row(tick.block, metric) + lane;
  const auto id = static_cast<Row>(row);
  const bool learns = (mask.lanes[metric] & series::bit(lane)) != 0;
  if (!learns && sample_.strip(row - lane).count[lane] == 0) return;

  SeasonCurve found;
  if (finder_->may_find(*tick.profiles, id, tick.time)) {
    finder_->find(
        *tick.profiles, id, tick.time,
        [this, block = tick.block](core::Timestamp time) { return offset_at(block, time); }, found);
  }
  switch (found.kind) {
    case SeasonCurve::Kind::TooYoung:
      if (period_[row] != kUnknown || !knows_coming_hours(tick, id)) return;
      period_[row] = kHourOfWeek;
      break;
    case SeasonCurve::Kind::None:
      period_[row] = kNone;
      break;
    case SeasonCurve::Kind::Week:
      period_[row] = kHourOfWeek;
      break;
    case SeasonCurve::Kind::Curve: {
      double largest = 0;
      for (const double point : found.points) largest = std::max(largest, std::abs(point));
      period_[row] = static_cast<std::uint16_t>(found.period);
      unit_[row] = clamped(largest / kCounts);
      const double unit = static_cast<double>(unit_[row]);
      std::uint16_t* points = curve_.data() + row / kLanes * kPointsOfStrip + lane;
      for (std::size_t i = 0; i < SeasonCurve::kPoints; ++i) {
        const double count = unit > 0 ? std::round(found.points[i] / unit) : 0.0;
        points[i * kLanes] = static_cast<std::uint16_t>(
            static_cast<std::int16_t>(std::clamp(count, -kCounts, kCounts)));
      }
      break;
    }
  }
  resample(tick, metric, lane, learns);
}

/// The sample anew, from what was learned in the last ticks.
void SeasonalEsd::resample(const Tick& tick, std::size_t metric, std::size_t lane,
                           bool with_this_tick) {
  const std::size_t first = first_row(tick.block, metric);
  const LaneMask self = series::bit(lane);
  sample_.forget(first, self);
  std::array<float, kLanes> residuals;
  const auto take = [&](core::Timestamp time, float value) {
    Place place;
    double s = 0;
    if (!season(tick, first + lane, time, offset_at(tick.block, time), place, s)) return;
    residuals[lane] = clamped(static_cast<double>(value) - s);
    sample_.update(first, {}, residuals.data(), self, {});
  };
  const stats::LaneHistory history =
      history_before(tick.strip(metric), tick.index, sample_.window() - 1);
  std::size_t slot = history.oldest;
  for (std::size_t age = history.ticks; age > 0; --age) {
    if ((history.learned[slot] & self) != 0) {
      take(tick.time - interval_ * static_cast<std::int64_t>(age),
           history.values[slot * history.stride + lane]);
    }
    if (++slot == history.slots) slot = 0;
  }
  if (with_this_tick) take(tick.time, tick.values[metric * kLanes + lane]);
}

std::size_t SeasonalEsd::memory_bytes() const {
  return sample_.memory_bytes() + period_.bytes() + unit_.bytes() + curve_.bytes() + gap_.bytes() +
         anomalies_.bytes() + number_.bytes() + clock_.bytes() + finder_->memory_bytes();
}

}  // namespace anomaly_exporter::detectors
