#include "anomaly_exporter/detectors/row_scales.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "anomaly_exporter/detectors/history.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kSamples = 64;
constexpr std::size_t kLeastValues = 16;
constexpr std::size_t kLeastSample = 8;
constexpr TickIndex kFirstTries = 8;
constexpr std::size_t kRenewalsPerWindow = 16;

/// Distance between the 10 % and 90 % quantiles of a normal distribution, in sigmas.
constexpr float kNormalRange = 2.563F;

/// The value of rank `share` of an ascending sample.
float at_rank(std::span<const float> sorted, double share) {
  const double rank = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const auto part = static_cast<float>(rank - static_cast<double>(below));
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

}  // namespace

RobustScale robust_scale(std::span<float> values) {
  const auto end =
      std::partition(values.begin(), values.end(), [](float v) { return !std::isnan(v); });
  const std::span<float> known(values.begin(), end);
  if (known.size() < kLeastSample) return {};
  std::sort(known.begin(), known.end());
  const float largest = std::max(std::fabs(known.front()), std::fabs(known.back()));
  const float spread = std::max({(at_rank(known, 0.9) - at_rank(known, 0.1)) / kNormalRange,
                                 (known.back() - known.front()) * 0.01F, largest * 1e-6F, 1e-9F});
  const float centre = at_rank(known, 0.5);
  if (!std::isfinite(spread) || !std::isfinite(centre)) return {};
  return {centre, spread};
}

void RowScales::resize(std::size_t blocks) {
  const std::size_t rows = blocks * metrics_ * kLanes;
  centre_.resize(rows);
  spread_.resize(rows);
  learned_.resize(rows);
}

float RowScales::scaled(Row row, float value) const {
  if (spread_[row] <= 0) return 0;
  return std::clamp((value - centre_[row]) / spread_[row], -kClip, kClip);
}

void RowScales::learn(const Tick& tick, const LearnMask& mask) {
  const std::size_t window = tick.windows->window();
  const bool is_first_try = (tick.index + static_cast<TickIndex>(tick.block)) % kFirstTries == 0;
  const bool is_renewal =
      is_refresh_due(tick.index, tick.block, std::max(window / kRenewalsPerWindow, kLeastValues));
  std::array<float, kSamples> sample{};
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const series::StripView strip = tick.strip(metric);
    for (LaneMask lanes = tick.active; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      const Row row = tick.row(metric, lane);
      if ((mask.lanes[metric] & series::bit(lane)) != 0 && learned_[row] < window) ++learned_[row];
      const bool is_due = spread_[row] > 0 ? is_renewal : is_first_try;
      if (!is_due || learned_[row] < kLeastValues) continue;
      const std::size_t stride = (learned_[row] + kSamples - 1) / kSamples;
      const auto reach =
          static_cast<std::size_t>(std::min<TickIndex>(tick.index, static_cast<TickIndex>(window)));
      std::size_t count = 0;
      for (std::size_t back = 1; back <= reach && count < kSamples; back += stride) {
        const std::size_t slot = strip.slot(tick.index - static_cast<TickIndex>(back));
        if ((strip.learned[slot] & series::bit(lane)) == 0) continue;
        sample[count++] = strip.values[slot * strip.stride + lane];
      }
      const RobustScale scale = robust_scale(std::span(sample).first(count));
      if (scale.spread <= 0) continue;
      centre_[row] = scale.centre;
      spread_[row] = scale.spread;
    }
  }
}

void RowScales::forget(std::size_t block, LaneMask lanes) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    for (std::size_t metric = 0; metric < metrics_; ++metric) {
      const std::size_t row = first_row(block) + metric * kLanes + lane;
      centre_[row] = 0;
      spread_[row] = 0;
      learned_[row] = 0;
    }
  }
}

void RowScales::save(std::size_t block, core::StateWriter& out) const {
  const std::size_t rows = metrics_ * kLanes;
  out.f32s(centre_.span().subspan(first_row(block), rows));
  out.f32s(spread_.span().subspan(first_row(block), rows));
  out.u32s(learned_.span().subspan(first_row(block), rows));
}

core::Status RowScales::restore(std::size_t block, core::StateReader& in) {
  const std::size_t rows = metrics_ * kLanes;
  series::Column<float> centre(rows), spread(rows);
  series::Column<std::uint32_t> learned(rows);
  in.f32s(centre.span());
  in.f32s(spread.span());
  in.u32s(learned.span());
  for (std::size_t i = 0; i < rows && in.ok(); ++i) {
    if (!std::isfinite(centre[i]) || !(spread[i] >= 0) || !std::isfinite(spread[i])) {
      in.fail("scale of a row is not finite");
    }
  }
  if (!in.ok()) return in.status();
  std::ranges::copy(centre.span(), centre_.data() + first_row(block));
  std::ranges::copy(spread.span(), spread_.data() + first_row(block));
  std::ranges::copy(learned.span(), learned_.data() + first_row(block));
  return {};
}

}  // namespace anomaly_exporter::detectors
