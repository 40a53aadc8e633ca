#include "scaled_history.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kScaleSample = 64;
constexpr std::size_t kRenewalsPerWindow = 16;
constexpr std::size_t kLeastRenewal = 16;

constexpr std::array<std::uint32_t, 32> kBits = [] {
  std::array<std::uint32_t, 32> bits{};
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = std::uint32_t{1} << i;
  return bits;
}();

/// By two choices that become two instructions.
float clipped(float value) {
  const float above = value > -RowScales::kClip ? value : -RowScales::kClip;
  return above < RowScales::kClip ? above : RowScales::kClip;
}

}  // namespace

LaneStrip expanded(LaneMask mask) {
  const auto low = static_cast<std::uint32_t>(mask);
  const auto high = static_cast<std::uint32_t>(mask >> 32);
  LaneStrip out;
  for (std::size_t i = 0; i < 32; ++i) out[i] = (low & kBits[i]) != 0 ? 1.0F : 0.0F;
  for (std::size_t i = 0; i < 32; ++i) out[32 + i] = (high & kBits[i]) != 0 ? 1.0F : 0.0F;
  return out;
}

void read_history(const Tick& tick, std::size_t metric, const RowScales& scales,
                  ScaledHistory& out) {
  LaneStrip centre{};
  LaneStrip per_spread{};
  LaneMask scaled = 0;
  for (LaneMask rest = tick.present[metric]; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
    const RobustScale scale = scales.of(tick.row(metric, lane));
    if (scale.spread <= 0) continue;
    scaled |= series::bit(lane);
    centre[lane] = scale.centre;
    per_spread[lane] = 1.0F / scale.spread;
  }
  const series::StripView strip = tick.strip(metric);
  for (std::size_t ago = 0; ago < ScaledHistory::kTicks; ++ago) {
    auto& values = out.values[ago];
    values.fill(0.0F);
    out.known[ago] = 0;
    const TickIndex index = tick.index - static_cast<TickIndex>(ago);
    if (index < 0 || ago >= strip.slots) continue;
    const std::size_t slot = strip.slot(index);
    const LaneMask known = strip.present[slot] & scaled;
    out.known[ago] = known;
    const float* source = strip.values + slot * strip.stride;
    const LaneStrip is_known = expanded(known);
    for (std::size_t lane = 0; lane < strip.stride; ++lane) {
      const float value = is_known[lane] > 0 ? source[lane] : centre[lane];
      values[lane] = clipped((value - centre[lane]) * per_spread[lane]);
    }
  }
}

TrainingReader::TrainingReader(const TrainingSet& set, std::size_t window, std::size_t most)
    : set_(&set), window_(window), scales_(set.metrics) {
  std::size_t total = 0;
  for (const TrainingPart& part : set.parts) {
    total += part.ticks > kLeastHistory ? part.ticks - kLeastHistory : 0;
  }
  const std::size_t count = std::min(total, most);
  chosen_.reserve(count);
  core::Rng rng(set.seed);
  std::size_t part = 0;
  std::size_t before = 0;  // candidates in earlier parts
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * total / count;
    const std::size_t end = (i + 1) * total / count;
    const std::size_t candidate = begin + rng.below(end - begin);
    for (;; ++part) {
      const std::size_t ticks = set.parts[part].ticks;
      const std::size_t here = ticks > kLeastHistory ? ticks - kLeastHistory : 0;
      if (candidate < before + here) break;
      before += here;
    }
    chosen_.push_back({part, kLeastHistory + candidate - before});
  }
}

core::Timestamp TrainingReader::time(std::size_t i) const {
  const TrainingTick& at = chosen_[i];
  return set_->parts[at.part].first + set_->interval * static_cast<std::int64_t>(at.tick);
}

void TrainingReader::renew_scales(const TrainingTick& at) {
  const std::vector<float>& values = set_->parts[at.part].values;
  const std::size_t reach = std::min(at.tick, window_);
  const std::size_t stride = (reach + kScaleSample - 1) / kScaleSample;
  std::array<float, kScaleSample> sample{};
  for (std::size_t metric = 0; metric < set_->metrics; ++metric) {
    std::size_t count = 0;
    for (std::size_t back = 1; back <= reach && count < kScaleSample; back += stride) {
      sample[count++] = values[(at.tick - back) * set_->metrics + metric];
    }
    scales_[metric] = robust_scale(std::span(sample).first(count));
  }
  renewed_ = at;
  has_scales_ = true;
}

void TrainingReader::read_lane(std::size_t lane, const TrainingTick& at,
                               std::span<ScaledHistory> out) const {
  const std::vector<float>& values = set_->parts[at.part].values;
  for (std::size_t metric = 0; metric < set_->metrics; ++metric) {
    const RobustScale scale = scales_[metric];
    if (scale.spread <= 0 || !std::isfinite(values[at.tick * set_->metrics + metric])) continue;
    const float per_spread = 1.0F / scale.spread;
    for (std::size_t ago = 0; ago < ScaledHistory::kTicks; ++ago) {
      const float value = values[(at.tick - ago) * set_->metrics + metric];
      if (!std::isfinite(value)) continue;
      out[metric].values[ago][lane] = clipped((value - scale.centre) * per_spread);
      out[metric].known[ago] |= series::bit(lane);
    }
  }
}

std::size_t TrainingReader::batch() const {
  constexpr std::size_t kHistoriesAtOnce = 2000;
  return std::clamp<std::size_t>(kHistoriesAtOnce / set_->metrics, 1, kLanes);
}

LaneMask TrainingReader::read(std::size_t first, std::span<ScaledHistory> out) {
  const std::size_t renewal = std::max(window_ / kRenewalsPerWindow, kLeastRenewal);
  for (ScaledHistory& history : out) history = {};
  LaneMask complete = 0;
  for (std::size_t lane = 0; lane < batch() && first + lane < size(); ++lane) {
    const TrainingTick& at = chosen_[first + lane];
    if (!has_scales_ || at.part != renewed_.part || at.tick >= renewed_.tick + renewal) {
      renew_scales(at);
    }
    read_lane(lane, at, out);
    std::size_t known = 0;
    for (const ScaledHistory& history : out) known += history.known[0] >> lane & 1;
    if (2 * known >= set_->metrics) complete |= series::bit(lane);
  }
  return complete;
}

EntityLanes entity_lanes(const Tick& tick, std::span<const LaneMask> known) {
  EntityLanes lanes;
  for (LaneMask rest = tick.active; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
    std::size_t present = 0;
    std::size_t usable = 0;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      present += tick.present[metric] >> lane & 1;
      usable += known[metric] >> lane & 1;
    }
    if (2 * present < tick.metrics) {
      lanes.input_missing |= series::bit(lane);
    } else if (2 * usable >= tick.metrics && usable > 0) {
      lanes.judged |= series::bit(lane);
    }
  }
  return lanes;
}

void write_entity_verdicts(const Tick& tick, const RowScales& scales, bool is_trained,
                           const EntityLanes& lanes, std::span<const LaneMask> known,
                           std::span<const double> raw, std::span<const float> weights,
                           VerdictColumns& out) {
  for (LaneMask rest = tick.active; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
    const LaneMask bit = series::bit(lane);
    double total = 0;
    std::size_t scored = 0;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      if ((known[metric] & bit) == 0) continue;
      total += static_cast<double>(weights[metric * kLanes + lane]);
      ++scored;
    }
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t at = metric * kLanes + lane;
      if ((tick.present[metric] & bit) == 0) {
        out.outcome[at] = Outcome::NoData;
      } else if (!is_trained) {
        out.outcome[at] = Outcome::Untrained;
      } else if ((lanes.input_missing & bit) != 0) {
        out.outcome[at] = Outcome::InputMissing;
      } else if ((lanes.judged & known[metric] & bit) == 0) {
        out.outcome[at] = Outcome::WarmingUp;
      } else {
        const RobustScale scale = scales.of(tick.row(metric, lane));
        out.outcome[at] = Outcome::Scored;
        out.raw[at] = raw[lane];
        out.expected[at] = scale.centre;
        out.scale[at] = scale.spread;
        out.share[at] = static_cast<float>(total > 0 ? static_cast<double>(weights[at]) / total
                                                     : 1.0 / static_cast<double>(scored));
      }
    }
  }
}

}  // namespace anomaly_exporter::detectors
