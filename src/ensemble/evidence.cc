#include "anomaly_exporter/ensemble/evidence.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

namespace anomaly_exporter::ensemble {
namespace {

constexpr std::uint8_t kStateVersion = 1;

// State.
constexpr double kFastSpan = 3, kMiddleSpan = 8, kSlowSpan = 32;
constexpr double kHeldDecay = 0.95;
constexpr double kHeldShare = 0.34, kMiddleShare = 0.33;
constexpr double kKeptSeconds = 600;
// Onset.
constexpr double kExcessInOnset = 0.1;
constexpr double kHoldSeconds = 18 * 3600;
constexpr double kLeastHoldTicks = 12, kMostHoldTicks = 2000;
constexpr double kGrownHolds = 2;
constexpr double kLikeness = 0.9;
constexpr double kFatigue = 0.3;
constexpr double kMemorySeconds = 30 * 86400.0;
constexpr double kMergeSeconds = 5400;
constexpr double kLeastOnset = 0.2;
constexpr double kLeastPeak = 0.05;
// Both.
constexpr double kOnsetWeight = 32;
constexpr double kManyMetrics = 4;
constexpr float kBlameDecay = 0.9F;

void approach(float& average, double value, double span) {
  average = static_cast<float>(average + 2.0 / (span + 1.0) * (value - average));
}

}  // namespace

EvidenceColumns::EvidenceColumns(std::size_t metrics, core::Duration interval) : metrics_(metrics) {
  const double step = core::to_seconds(interval);
  kept_ticks_ = static_cast<std::size_t>(
      std::clamp(std::round(kKeptSeconds / step), 0.0, static_cast<double>(kMostKept)));
  const double hold_ticks =
      std::clamp(std::round(kHoldSeconds / step), kLeastHoldTicks, kMostHoldTicks);
  hold_seconds_ = hold_ticks * step;
  grown_ticks_ = static_cast<std::uint32_t>(kGrownHolds * hold_ticks);
}

void EvidenceColumns::resize(std::size_t blocks) {
  entities_.resize(blocks * series::kLanes);
  blame_.resize(blocks * series::kLanes * metrics_);
}

void EvidenceColumns::forget(series::Entity entity) {
  entities_[entity] = Entity{};
  std::fill_n(blame_.data() + entity * metrics_, metrics_, 0.0F);
}

double EvidenceColumns::blame(series::Entity entity, std::size_t metric, double brought) {
  float& blame = blame_[entity * metrics_ + metric];
  blame = std::max(static_cast<float>(brought), kBlameDecay * blame);
  return static_cast<double>(blame);
}

Condition EvidenceColumns::advance(series::Entity number, core::Timestamp time,
                                   const Evidence& evidence) {
  Entity& entity = entities_[number];
  const auto d = static_cast<double>(evidence.metrics);
  const double room = d * d;
  const double q = kNoveltyWeight * evidence.novelty + room * std::log1p(evidence.excess / room);
  const double o = evidence.novelty + kExcessInOnset * std::log1p(evidence.excess);
  Condition out;
  out.state = state_of(entity, q);
  out.onset = onset_of(entity, time, o);
  out.score = out.state + kOnsetWeight / (d * d * d) * out.onset;
  out.lasting = out.state;
  if (evidence.metrics > 1) {
    out.score *= kManyMetrics;
    out.lasting *= kManyMetrics;
  }
  entity.score = static_cast<float>(out.score);
  return out;
}

double EvidenceColumns::state_of(Entity& entity, double q) const {
  approach(entity.fast, q, kFastSpan);
  approach(entity.middle, q, kMiddleSpan);
  approach(entity.slow, q, kSlowSpan);
  entity.held = static_cast<float>(
      std::max(static_cast<double>(entity.fast), kHeldDecay * static_cast<double>(entity.held)));
  const double now = kHeldShare * static_cast<double>(entity.held) +
                     kMiddleShare * static_cast<double>(entity.middle) +
                     (1 - kHeldShare - kMiddleShare) * static_cast<double>(entity.slow);
  entity.recent[entity.ticks % (kept_ticks_ + 1)] = static_cast<float>(now);
  ++entity.ticks;
  const std::size_t held = std::min<std::size_t>(entity.ticks, kept_ticks_ + 1);
  return static_cast<double>(*std::max_element(
      entity.recent.begin(), entity.recent.begin() + static_cast<std::ptrdiff_t>(held)));
}

double EvidenceColumns::onset_of(Entity& entity, core::Timestamp time, double o) const {
  const double seconds = static_cast<double>(time.ms) / 1000.0;
  const double width = hold_seconds_ / (kBuckets - 2);
  const auto now = static_cast<std::uint32_t>(std::max(seconds, 0.0)) + 1;
  const auto slice = static_cast<std::uint32_t>(std::max(seconds, 0.0) / width) + 1;
  float largest = 0;
  for (std::size_t b = 0; b < kBuckets; ++b) {
    if (entity.slice[b] != 0 && slice - entity.slice[b] <= kBuckets - 2) {
      largest = std::max(largest, entity.largest[b]);
    }
  }
  const std::size_t own = slice % kBuckets;
  if (entity.slice[own] != slice) {
    entity.slice[own] = slice;
    entity.largest[own] = 0;
  }
  entity.largest[own] = std::max(entity.largest[own], static_cast<float>(o));
  if (!(o > static_cast<double>(largest)) || o <= kLeastPeak) return 0;

  double like = 0;
  for (std::size_t i = 0; i < kPeaks; ++i) {
    if (entity.peak_time[i] == 0 || static_cast<double>(entity.peak[i]) < kLikeness * o) continue;
    const double age = static_cast<double>(now) - static_cast<double>(entity.peak_time[i]);
    if (age > hold_seconds_ / 2) like += std::exp2(-age / kMemorySeconds);
  }
  if (entity.peaks > 0 && entity.last_onset != 0 &&
      static_cast<double>(now - entity.last_onset) < kMergeSeconds) {
    --entity.peaks;
  }
  entity.peak[entity.peaks % kPeaks] = static_cast<float>(o);
  entity.peak_time[entity.peaks % kPeaks] = now;
  ++entity.peaks;
  entity.last_onset = now;
  const double onset = o / (1 + kFatigue * like);
  return onset < kLeastOnset ? 0 : onset;
}

void EvidenceColumns::save(series::Entity number, core::StateWriter& out) const {
  const Entity& e = entities_[number];
  out.u8(kStateVersion);
  for (const float v : {e.fast, e.held, e.middle, e.slow}) out.f32(v);
  out.f32s(e.recent);
  out.u32(e.ticks);
  out.f32s(e.largest);
  out.u32s(e.slice);
  out.f32s(e.peak);
  out.u32s(e.peak_time);
  out.u32(e.peaks);
  out.u32(e.last_onset);
  out.f32(e.score);
}

core::Status EvidenceColumns::restore(series::Entity number, core::StateReader& in) {
  const std::uint8_t version = in.u8();
  if (in.ok() && version > kStateVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "evidence: state version " + std::to_string(version) + " is newer than " +
                           std::to_string(kStateVersion)};
  }
  if (in.ok() && version != kStateVersion) in.fail("evidence: unknown version");
  Entity e{};
  for (float* v : {&e.fast, &e.held, &e.middle, &e.slow}) *v = in.f32();
  in.f32s(e.recent);
  e.ticks = in.u32();
  in.f32s(e.largest);
  in.u32s(e.slice);
  in.f32s(e.peak);
  in.u32s(e.peak_time);
  e.peaks = in.u32();
  e.last_onset = in.u32();
  e.score = in.f32();
  const auto is_possible = [](float v) { return v >= 0 && std::isfinite(v); };
  const bool all_possible =
      is_possible(e.fast) && is_possible(e.held) && is_possible(e.middle) && is_possible(e.slow) &&
      is_possible(e.score) && std::ranges::all_of(e.recent, is_possible) &&
      std::ranges::all_of(e.largest, is_possible) && std::ranges::all_of(e.peak, is_possible);
  if (in.ok() && !all_possible) in.fail("evidence: impossible number");
  if (in.ok()) entities_[number] = e;
  return in.status();
}

}  // namespace anomaly_exporter::ensemble
