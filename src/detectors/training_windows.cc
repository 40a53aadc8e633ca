#include "training_windows.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace anomaly_exporter::detectors {
namespace {

constexpr double kHeldBackShare = 0.2;

// As in row_scales.cc.
constexpr std::size_t kScaleSamples = 64;
constexpr std::size_t kRenewalsPerWindow = 16;
constexpr std::size_t kLeastInterval = 16;

// Renewing scales and looking for values costs as much as this many multiply-adds per value.
constexpr double kWorkPerValue = 200;

}  // namespace

core::Error training_stopped() {
  return {core::ErrorCode::Unavailable, "training was stopped before it was done"};
}

PartScales::PartScales(const TrainingPart& part, std::size_t metrics, std::size_t monitor_window)
    : metrics_(metrics),
      interval_(std::max(monitor_window / kRenewalsPerWindow, kLeastInterval)),
      first_tick_(std::min(monitor_window, part.ticks / 4)) {
  std::vector<float> sample;
  for (std::size_t now = interval_; now < part.ticks; now += interval_) {
    const std::size_t reach = std::min(now, monitor_window);
    const std::size_t stride = (reach + kScaleSamples - 1) / kScaleSamples;
    for (std::size_t metric = 0; metric < metrics; ++metric) {
      sample.clear();
      for (std::size_t back = 1; back <= reach; back += stride) {
        const float value = part.values[(now - back) * metrics + metric];
        if (std::isfinite(value)) sample.push_back(value);
      }
      RobustScale scale = robust_scale(sample);
      if (scale.spread <= 0 && now > interval_) scale = scales_[scales_.size() - metrics];
      scales_.push_back(scale);
    }
  }
}

RobustScale PartScales::at(std::size_t tick, std::size_t metric) const {
  if (tick <= interval_) return {};
  return scales_[((tick - 1) / interval_ - 1) * metrics_ + metric];
}

core::Result<TrainingWindows> TrainingWindows::create(const TrainingSet& set,
                                                      std::size_t monitor_window, std::size_t ticks,
                                                      std::size_t most, WorkMeter& meter) {
  TrainingWindows out;
  out.metrics_ = set.metrics;
  out.ticks_ = ticks;
  out.set_ = &set;
  std::vector<bool> occurs(set.metrics);
  for (const TrainingPart& part : set.parts) {
    out.scales_.emplace_back(part, set.metrics, monitor_window);
    for (std::size_t i = 0; i < part.values.size(); ++i) {
      if (std::isfinite(part.values[i])) occurs[i % set.metrics] = true;
    }
    if (!meter.spend(kWorkPerValue * static_cast<double>(part.values.size()))) {
      return training_stopped();
    }
  }
  out.used_ = static_cast<std::size_t>(std::ranges::count(occurs, true));

  const std::vector<Window> all = out.eligible(meter);
  if (!meter.spend(0)) return training_stopped();
  const std::size_t stride = std::max<std::size_t>(1, (all.size() + most - 1) / most);
  for (std::size_t i = 0; i < all.size(); i += stride) {
    const auto part_ticks = static_cast<double>(set.parts[all[i].part].ticks);
    const bool is_late = static_cast<double>(all[i].newest) >= (1 - kHeldBackShare) * part_ticks;
    (is_late ? out.held_back_ : out.training_).push_back(all[i]);
  }
  if (out.training_.size() + out.held_back_.size() < kLeastWindows || out.training_.empty() ||
      out.held_back_.empty()) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "training set too small: " + std::to_string(all.size()) + " windows of " +
                           std::to_string(ticks) + " ticks with half of their values, at least " +
                           std::to_string(kLeastWindows) + " needed"};
  }
  return out;
}

std::vector<TrainingWindows::Window> TrainingWindows::eligible(WorkMeter& meter) const {
  std::vector<Window> windows;
  for (std::size_t p = 0; p < set_->parts.size(); ++p) {
    const TrainingPart& part = set_->parts[p];
    std::vector<std::size_t> present(part.ticks);  // values per tick
    std::size_t in_window = 0;
    for (std::size_t tick = 0; tick < part.ticks; ++tick) {
      std::size_t scaled = 0;
      for (std::size_t metric = 0; metric < metrics_; ++metric) {
        if (!std::isfinite(part.values[tick * metrics_ + metric])) continue;
        ++present[tick];
        scaled += scales_[p].at(tick, metric).spread > 0 ? 1U : 0U;
      }
      in_window += present[tick];
      if (tick >= ticks_) in_window -= present[tick - ticks_];
      if (tick + 1 < ticks_ || tick < scales_[p].first_tick() || scaled == 0) continue;
      if (2 * scaled < used_ || 2 * in_window < used_ * ticks_) continue;
      windows.push_back(
          {.part = static_cast<std::uint32_t>(p), .newest = static_cast<std::uint32_t>(tick)});
    }
    if (!meter.spend(kWorkPerValue * static_cast<double>(part.values.size()))) break;
  }
  return windows;
}

void TrainingWindows::fill(std::span<const Window> windows, WindowPanel<float>& panel) const {
  std::ranges::fill(panel.inputs, 0.0F);
  std::ranges::fill(panel.targets, 0.0F);
  std::ranges::fill(panel.weights, 0.0F);
  const std::size_t row = panel.row();
  for (std::size_t lane = 0; lane < windows.size(); ++lane) {
    const Window& window = windows[lane];
    const float* values = set_->parts[window.part].values.data();
    const std::size_t first = window.newest + 1 - ticks_;
    for (std::size_t metric = 0; metric < metrics_; ++metric) {
      const RobustScale scale = scales_[window.part].at(window.newest, metric);
      if (scale.spread <= 0) continue;
      for (std::size_t tick = 0; tick < ticks_; ++tick) {
        const float value = values[(first + tick) * metrics_ + metric];
        if (!std::isfinite(value)) continue;
        const std::size_t at = metric * row + tick * stats::kPanelLanes + lane;
        panel.targets[at] =
            std::clamp((value - scale.centre) / scale.spread, -RowScales::kClip, RowScales::kClip);
        panel.inputs[at] = panel.targets[at];
        panel.inputs[metrics_ * row + at] = 1.0F;
        panel.weights[at] = 1.0F;
      }
    }
  }
}

}  // namespace anomaly_exporter::detectors
