#include "forest_features.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

namespace anomaly_exporter::detectors {
namespace {

/// What is known of the ticks before the newest.
struct Past {
  LaneStrip count{}, sum{}, squares{}, least{}, most{};
};

Past past_of(const ScaledHistory& history) {
  Past past;
  const LaneStrip& newest = history.values[0];
  past.least = past.most = newest;
  for (std::size_t ago = 1; ago < ScaledHistory::kTicks; ++ago) {
    const LaneStrip weights = expanded(history.known[ago]);
    const LaneStrip& values = history.values[ago];
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = weights[lane] > 0 ? values[lane] : newest[lane];
      past.count[lane] += weights[lane];
      past.sum[lane] += values[lane];
      past.squares[lane] += values[lane] * values[lane];
      past.least[lane] = value < past.least[lane] ? value : past.least[lane];
      past.most[lane] = value > past.most[lane] ? value : past.most[lane];
    }
  }
  return past;
}

LaneStrip difference_to(const ScaledHistory& history, std::size_t ago) {
  const LaneStrip weights = expanded(history.known[ago]);
  LaneStrip out;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    out[lane] = weights[lane] * (history.values[0][lane] - history.values[ago][lane]);
  }
  return out;
}

}  // namespace

ForestFeatures::ForestFeatures(std::size_t metrics)
    : metrics_(metrics),
      of_metric_(std::clamp<std::size_t>((kMostFeatures - kOfTime) / metrics, 1, kMostOfMetric)) {}

void ForestFeatures::write_metric(std::size_t metric, const ScaledHistory& history,
                                  std::span<const float> usual, float* batch) const {
  const Past past = past_of(history);
  const LaneStrip& value = history.values[0];
  std::array<LaneStrip, kMostOfMetric> features;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const float before = past.count[lane] > 0 ? past.sum[lane] / past.count[lane] : value[lane];
    const float n = past.count[lane] + 1.0F;
    const float mean = (past.sum[lane] + value[lane]) / n;
    const float square = (past.squares[lane] + value[lane] * value[lane]) / n;
    features[0][lane] = value[lane] - before;
    features[2][lane] = std::sqrt(std::max(0.0F, square - mean * mean));
    features[3][lane] = value[lane];
    features[4][lane] = mean;
    features[5][lane] = value[lane] - past.least[lane];
    features[6][lane] = past.most[lane] - value[lane];
  }
  features[1] = difference_to(history, 1);
  features[7] = difference_to(history, 3);
  features[8] = difference_to(history, 6);
  features[9] = difference_to(history, 11);
  const LaneStrip known = expanded(history.known[0]);
  for (std::size_t i = 0; i < of_metric_; ++i) {
    const std::size_t feature = metric * of_metric_ + i;
    float* out = batch + feature * kLanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[lane] = known[lane] > 0 ? features[i][lane] : usual[feature];
    }
  }
}

void ForestFeatures::write_time(core::Timestamp time, std::size_t first, std::size_t lanes,
                                float* batch) const {
  constexpr std::int64_t kDay = std::chrono::milliseconds(std::chrono::hours(24)).count();
  float* out = batch + first_of_time() * kLanes + first;
  for (const std::int64_t period : {kDay, 7 * kDay}) {
    const std::int64_t phase = (time.ms % period + period) % period;
    const double angle =
        2 * std::numbers::pi * static_cast<double>(phase) / static_cast<double>(period);
    std::fill_n(out, lanes, static_cast<float>(std::sin(angle)));
    std::fill_n(out + kLanes, lanes, static_cast<float>(std::cos(angle)));
    out += 2 * kLanes;
  }
}

}  // namespace anomaly_exporter::detectors
