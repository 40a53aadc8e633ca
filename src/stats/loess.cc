#include "loess.h"

#include <algorithm>
#include <cmath>

namespace anomaly_exporter::stats {

bool loess_weights(std::size_t samples, std::size_t width, double x, std::size_t left,
                   std::span<double> weights) {
  constexpr double kNear = 0.001;
  constexpr double kFar = 0.999;
  const auto first = static_cast<double>(left);
  const auto last = static_cast<double>(left + weights.size() - 1);
  double bandwidth = std::max(x - first, last - x);
  if (width > samples) bandwidth += static_cast<double>((width - samples) / 2);

  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double distance = std::abs(first + static_cast<double>(i) - x);
    double& w = weights[i];
    w = 0;
    if (distance <= kFar * bandwidth) {
      w = 1;
      if (distance > kNear * bandwidth) {
        const double ratio = distance / bandwidth;
        const double cube = 1.0 - ratio * ratio * ratio;
        w = cube * cube * cube;
      }
    }
    sum += w;
  }
  if (sum <= 0) return false;

  double centre = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] /= sum;
    centre += weights[i] * (first + static_cast<double>(i));
  }
  if (bandwidth <= 0) return true;
  double variance = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double d = first + static_cast<double>(i) - centre;
    variance += weights[i] * d * d;
  }
  // Samples at practically one place carry no slope.
  if (std::sqrt(variance) <= kNear * static_cast<double>(samples - 1)) return true;
  const double slope = (x - centre) / variance;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] *= slope * (first + static_cast<double>(i) - centre) + 1.0;
  }
  return true;
}

std::size_t loess_left(std::size_t samples, std::size_t width, std::size_t i) {
  if (width >= samples) return 0;
  const std::size_t half = (width - 1) / 2;
  return std::min(i < half ? 0 : i - half, samples - width);
}

}  // namespace anomaly_exporter::stats
