#include "anomaly_exporter/detectors/novelty.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/state_head.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr float kQuantile = 0.05F;
constexpr float kNormalRange = 3.29F;  // between the 5 % and 95 % quantiles, in sigmas
constexpr float kLargestExcess = 3.0F;
constexpr float kWarmupWeight = 20.0F;
constexpr std::size_t kMostPhases = 72;
constexpr double kWeightPerDay = 0.3;
constexpr auto kDay = std::chrono::hours(24);
constexpr auto kHour = std::chrono::hours(1);
constexpr std::size_t kLeastHourTicks = 6;
constexpr std::size_t kMostHourTicks = 60;
constexpr double kRememberedDays = 60;
constexpr double kLeastRemembered = 200;
constexpr double kGapTicks = 10;  // after which what is recent starts again
// A stuck value.
constexpr float kStuckWeight = 0.5F;
constexpr float kLeastMoved = 50;
constexpr float kLeastRun = 3;
constexpr float kRunDecay = 0.999F;

enum Stream : std::size_t { kFromUsual, kStep, kDeviation, kLevel };

template <class Body>
void for_each_lane(LaneMask lanes, const Body& body) {
  for (; lanes != 0; lanes &= lanes - 1) {
    body(static_cast<std::size_t>(std::countr_zero(lanes)));
  }
}

/// The present values of a strip over the last `ticks` ticks, this one included.
stats::LaneHistory history_until(const Tick& tick, std::size_t metric, std::size_t ticks) {
  const series::StripView strip = tick.strip(metric);
  const auto reach =
      static_cast<std::size_t>(std::min<TickIndex>(tick.index, static_cast<TickIndex>(ticks - 1)));
  return {.values = strip.values,
          .learned = strip.present,
          .stride = strip.stride,
          .slots = strip.slots,
          .oldest = strip.slot(tick.index - static_cast<TickIndex>(reach)),
          .ticks = reach + 1};
}

/// Seconds of a tick, at least 1.
std::uint32_t seconds_of(const Tick& tick) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(tick.time.ms / 1000, 1));
}

std::size_t hour_ticks(const Shape& shape) {
  const auto ticks = static_cast<std::size_t>(
      std::llround(core::to_seconds(kHour) / core::to_seconds(shape.interval)));
  return std::min(std::clamp(ticks, kLeastHourTicks, kMostHourTicks), shape.window);
}

}  // namespace

core::Status NoveltyOptions::validate() const {
  if (threshold >= 0.01 && threshold <= 2) return {};
  return core::Error{core::ErrorCode::InvalidArgument,
                     "threshold: " + core::number_text(threshold) + " is not within 0.01 to 2"};
}

core::Result<std::unique_ptr<Detector>> Novelty::create(const NoveltyOptions& options,
                                                        const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  return std::unique_ptr<Detector>(new Novelty(options, shape));
}

Novelty::Novelty(const NoveltyOptions& options, const Shape& shape)
    : options_(options), shape_(shape), metrics_(shape.metrics), hour_(hour_ticks(shape)) {
  const double ticks_per_day = core::to_seconds(kDay) / core::to_seconds(shape.interval);
  phases_ =
      static_cast<std::size_t>(std::clamp(ticks_per_day, 1.0, static_cast<double>(kMostPhases)));
  // Several ticks may fall into one phase; together they weigh kWeightPerDay.
  const double per_tick = static_cast<double>(phases_) / ticks_per_day;
  profile_weight_ = static_cast<float>(1.0 - std::pow(1.0 - kWeightPerDay, per_tick));
  most_weight_ =
      std::min(static_cast<float>(std::max(kRememberedDays * ticks_per_day, kLeastRemembered)),
               stats::Digest::kMostWeight);
  const double step = core::to_seconds(shape.interval);
  gap_seconds_ = static_cast<std::uint32_t>(kGapTicks * step);
  hour_seconds_ = static_cast<std::uint32_t>(static_cast<double>(hour_) * step);
}

std::size_t Novelty::warmup_samples() const { return static_cast<std::size_t>(kWarmupWeight); }
std::size_t Novelty::look_back() const { return 1U << 30; }  // nothing ever leaves a digest

void Novelty::resize(std::size_t blocks) {
  const std::size_t strips = blocks * metrics_;
  digests_.resize(strips * kLanes * kStreams);
  usual_.resize(strips * phases_ * kLanes);
  seen_.resize(strips * phases_ * kLanes);
  recent_.resize(strips * kLanes);
  streams_.resize(strips);
}

std::size_t Novelty::phase_of(const Tick& tick) const {
  const auto day = std::chrono::milliseconds(kDay).count();
  const std::int64_t at = ((tick.local_time().ms % day) + day) % day;
  return static_cast<std::size_t>(at * static_cast<std::int64_t>(phases_) / day);
}

void Novelty::derive(const Tick& tick, std::size_t metric, Streams& out) const {
  const std::size_t strip = strip_of(tick.block, metric);
  const float* value = tick.values.data() + metric * kLanes;
  const LaneMask present = tick.present[metric];
  const float* usual = usual_.data() + (strip * phases_ + phase_of(tick)) * kLanes;
  const std::uint8_t* seen = seen_.data() + (strip * phases_ + phase_of(tick)) * kLanes;
  const Recent* recent = recent_.data() + strip * kLanes;

  stats::kernels().recent_moments(history_until(tick, metric, hour_), value,
                                  out.value[kLevel].data(), out.value[kDeviation].data());
  out.known = {0, present, present, present};
  out.fresh = 0;
  out.of = present;
  out.tick = tick.index + 1;
  const std::uint32_t now = seconds_of(tick);
  for_each_lane(present, [&](std::size_t lane) {
    const LaneMask bit = series::bit(lane);
    if (seen[lane] != 0) out.known[kFromUsual] |= bit;
    out.value[kFromUsual][lane] = value[lane] - usual[lane];
    const Recent& r = recent[lane];
    const bool is_first = r.time == 0;
    const bool is_fresh = is_first || now - r.time > gap_seconds_;
    if (is_fresh) out.fresh |= bit;
    out.value[kStep][lane] = is_fresh ? 0.0F : value[lane] - r.value;
    if (is_first) return;
    if (is_fresh) out.known[kStep] &= ~bit;
    if (is_fresh || now < r.quiet_until) out.known[kDeviation] &= ~bit;
  });
  for (std::size_t s = 0; s < kStreams; ++s) {
    LaneMask finite = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      finite |= static_cast<LaneMask>(std::isfinite(out.value[s][lane])) << lane;
    }
    out.known[s] &= finite;
  }
}

/// How much longer a metric that usually moves has stood still than it ever did.
float Novelty::stuck_by(const Recent& recent, float value, bool is_fresh) {
  if (is_fresh || value != recent.value) return 0;
  const float moved = recent.moved + 1;
  if (recent.moves <= moved / 2 || moved <= kLeastMoved) return 0;
  const float usual = 2 * std::max(recent.longest, kLeastRun);
  const float run = recent.run + 1;
  return run > usual ? std::log1p(std::min(run / usual, kLargestExcess)) : 0;
}

void Novelty::remember(const Tick& tick, float value, bool is_fresh, Recent& recent) const {
  if (is_fresh) {
    recent.quiet_until = recent.time == 0 ? 0 : seconds_of(tick) + hour_seconds_;
    recent.run = 0;
  } else {
    recent.moved += 1;
    if (value == recent.value) {
      recent.run += 1;
    } else {
      recent.longest = std::max(kRunDecay * recent.longest, recent.run);
      recent.run = 0;
      recent.moves += 1;
    }
    if (recent.moved > most_weight_) {  // forgotten by halves, as the digests
      recent.moved /= 2;
      recent.moves /= 2;
    }
  }
  recent.value = value;
  recent.time = seconds_of(tick);
}

void Novelty::score(const Tick& tick, VerdictColumns& out) const {
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    Streams& streams = streams_[strip_of(tick.block, metric)];
    derive(tick, metric, streams);
    judge(tick, metric, streams, out);
  }
}

void Novelty::judge(const Tick& tick, std::size_t metric, const Streams& streams,
                    VerdictColumns& out) const {
  const stats::DigestKernels& kernels = stats::digest_kernels();
  const std::size_t strip = strip_of(tick.block, metric);
  const stats::Digest* digests = digests_.data() + strip * kLanes * kStreams;
  const float* usual = usual_.data() + (strip * phases_ + phase_of(tick)) * kLanes;
  const LaneMask present = tick.present[metric] & tick.active;
  std::array<float, kLanes> sum{};
  std::array<float, kLanes> excess;
  std::array<LaneMask, kStreams> ready{};
  std::array<float, kLanes> floor;  // of a range: a wobble in the last digit is nothing new
  for_each_lane(present, [&](std::size_t lane) {
    const std::size_t i = metric * kLanes + lane;
    floor[lane] = kNormalRange * std::max(tick.scale_floor[i], 1e-6F * std::fabs(tick.values[i]));
  });
  for (std::size_t s = 0; s < kStreams; ++s) {
    for_each_lane(streams.known[s], [&](std::size_t lane) {
      if (digests[lane * kStreams + s].weight() >= kWarmupWeight) ready[s] |= series::bit(lane);
    });
    kernels.excess(digests + s, kStreams, streams.value[s].data(), ready[s], kQuantile,
                   floor.data(), excess.data());
    for_each_lane(ready[s], [&](std::size_t lane) {
      if (excess[lane] > 0) sum[lane] += std::log1p(std::min(excess[lane], kLargestExcess));
    });
  }
  std::array<float, kLanes> low, median, high;
  const LaneMask judged = ready[kLevel] & present;
  const LaneMask knows_usual = judged & ready[kFromUsual];
  kernels.quantiles(digests + kFromUsual, kStreams, knows_usual, kQuantile, low.data(),
                    median.data(), high.data());
  kernels.quantiles(digests + kLevel, kStreams, judged & ~knows_usual, kQuantile, low.data(),
                    median.data(), high.data());
  for_each_lane(tick.active, [&](std::size_t lane) {
    const std::size_t i = metric * kLanes + lane;
    const LaneMask bit = series::bit(lane);
    out.share[i] = 1.0F;
    if ((present & bit) == 0) {
      out.outcome[i] = Outcome::NoData;
      return;
    }
    if ((judged & bit) == 0) {
      const bool is_failed = (streams.known[kLevel] & bit) == 0;
      out.outcome[i] = is_failed ? Outcome::Failed : Outcome::WarmingUp;
      return;
    }
    const float expected = (knows_usual & bit) != 0 ? median[lane] + usual[lane] : median[lane];
    const float scale = std::max({(high[lane] - low[lane]) / kNormalRange, tick.scale_floor[i],
                                  1e-6F * std::fabs(expected), 1e-9F});
    const bool is_finite = std::isfinite(expected) && std::isfinite(scale);
    out.outcome[i] = is_finite ? Outcome::Scored : Outcome::Failed;
    if (!is_finite) return;
    const Recent& recent = recent_[strip * kLanes + lane];
    const float stuck = stuck_by(recent, tick.values[i], (streams.fresh & bit) != 0);
    out.raw[i] = static_cast<double>(sum[lane] / kStreams + kStuckWeight * stuck);
    out.expected[i] = expected;
    out.scale[i] = scale;
  });
}

void Novelty::learn(const Tick& tick, const LearnMask&) {
  const std::size_t phase = phase_of(tick);
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t strip = strip_of(tick.block, metric);
    Streams& streams = streams_[strip];
    const LaneMask present = tick.present[metric] & tick.active & ~tick.repeated;
    const bool is_derived = streams.tick == tick.index + 1 && (present & ~streams.of) == 0;
    if (present != 0 && !is_derived) derive(tick, metric, streams);
    streams.tick = 0;
    if (present == 0) continue;
    for (std::size_t s = 0; s < kStreams; ++s) {
      stats::digest_kernels().add(digests_.data() + strip * kLanes * kStreams + s, kStreams,
                                  streams.value[s].data(), streams.known[s] & present,
                                  most_weight_);
    }
    float* usual = usual_.data() + (strip * phases_ + phase) * kLanes;
    std::uint8_t* seen = seen_.data() + (strip * phases_ + phase) * kLanes;
    for_each_lane(present, [&](std::size_t lane) {
      const float value = tick.values[metric * kLanes + lane];
      const float first = 1.0F / (static_cast<float>(seen[lane]) + 1.0F);
      const float step =
          std::max(seen[lane] == 0 ? 1.0F : profile_weight_, first) * (value - usual[lane]);
      if (std::isfinite(step)) usual[lane] += step;
      if (seen[lane] < 255) ++seen[lane];
      remember(tick, value, (streams.fresh & series::bit(lane)) != 0,
               recent_[strip * kLanes + lane]);
    });
  }
}

void Novelty::forget(std::size_t block, LaneMask lanes) {
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t strip = strip_of(block, metric);
    for_each_lane(lanes, [&](std::size_t lane) {
      const std::size_t row = strip * kLanes + lane;
      recent_[row] = Recent{};
      std::fill_n(digests_.data() + row * kStreams, kStreams, stats::Digest{});
      for (std::size_t phase = 0; phase < phases_; ++phase) {
        usual_[(strip * phases_ + phase) * kLanes + lane] = 0;
        seen_[(strip * phases_ + phase) * kLanes + lane] = 0;
      }
    });
  }
}

void Novelty::save(std::size_t block, core::StateWriter& out) const {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    save_entity(static_cast<series::Entity>(block * kLanes + lane), out);
  }
}

core::Status Novelty::restore(std::size_t block, core::StateReader& in) {
  Novelty trial(options_, shape_);  // so that bad bytes change nothing
  trial.resize(1);
  core::StateReader ahead = in;
  for (series::Entity lane = 0; lane < kLanes; ++lane) {
    if (auto status = trial.restore_entity(lane, ahead); !status) return status;
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto entity = static_cast<series::Entity>(block * kLanes + lane);
    if (auto status = restore_entity(entity, in); !status) return status;
  }
  return {};
}

void Novelty::save_entity(series::Entity entity, core::StateWriter& out) const {
  write_state_head(out, {metrics_, phases_, hour_});
  const std::size_t lane = series::lane_of(entity);
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t strip = strip_of(series::block_of(entity), metric);
    const std::size_t row = strip * kLanes + lane;
    for (std::size_t s = 0; s < kStreams; ++s) {
      stats::save_digest(digests_[row * kStreams + s], out);
    }
    for (std::size_t phase = 0; phase < phases_; ++phase) {
      const std::size_t cell = (strip * phases_ + phase) * kLanes + lane;
      out.u8(seen_[cell]);
      if (seen_[cell] != 0) out.f32(usual_[cell]);
    }
    const Recent& recent = recent_[row];
    out.u32(recent.time);
    out.u32(recent.quiet_until);
    for (const float v : {recent.value, recent.run, recent.longest, recent.moves, recent.moved}) {
      out.f32(v);
    }
  }
}

core::Status Novelty::restore_entity(series::Entity entity, core::StateReader& in) {
  if (auto head = read_state_head(in, {metrics_, phases_, hour_}); !head) return head;
  std::vector<stats::Digest> digests(metrics_ * kStreams);
  std::vector<float> usual(metrics_ * phases_);
  std::vector<Recent> recent(metrics_);
  std::vector<std::uint8_t> seen(metrics_ * phases_);
  for (std::size_t metric = 0; metric < metrics_ && in.ok(); ++metric) {
    for (std::size_t s = 0; s < kStreams; ++s) {
      stats::restore_digest(in, digests[metric * kStreams + s]);
    }
    for (std::size_t cell = metric * phases_; cell < (metric + 1) * phases_; ++cell) {
      seen[cell] = in.u8();
      if (seen[cell] != 0) usual[cell] = in.f32();
      if (!std::isfinite(usual[cell])) in.fail("usual value is not finite");
    }
    Recent& r = recent[metric];
    r.time = in.u32();
    r.quiet_until = in.u32();
    for (float* v : {&r.value, &r.run, &r.longest, &r.moves, &r.moved}) {
      *v = in.f32();
      if (!std::isfinite(*v)) in.fail("number of a row is not finite");
    }
  }
  if (!in.ok()) return in.status();
  const std::size_t lane = series::lane_of(entity);
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t strip = strip_of(series::block_of(entity), metric);
    const std::size_t row = strip * kLanes + lane;
    std::copy_n(digests.begin() + static_cast<std::ptrdiff_t>(metric * kStreams), kStreams,
                digests_.data() + row * kStreams);
    for (std::size_t phase = 0; phase < phases_; ++phase) {
      const std::size_t cell = (strip * phases_ + phase) * kLanes + lane;
      seen_[cell] = seen[metric * phases_ + phase];
      usual_[cell] = usual[metric * phases_ + phase];
    }
    recent_[row] = recent[metric];
  }
  return {};
}

std::size_t Novelty::memory_bytes() const {
  return digests_.bytes() + usual_.bytes() + seen_.bytes() + recent_.bytes() + streams_.bytes();
}

}  // namespace anomaly_exporter::detectors
