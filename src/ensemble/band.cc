#include "anomaly_exporter/ensemble/band.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace anomaly_exporter::ensemble {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

/// Largest float below `x`.
float float_below(double x) {
  if (x > static_cast<double>(kLargest)) return kLargest;
  if (x <= -static_cast<double>(kLargest)) return -kInfinity;
  const auto nearest = static_cast<float>(x);
  return static_cast<double>(nearest) < x ? nearest : std::nextafter(nearest, -kInfinity);
}

float float_above(double x) { return -float_below(-x); }

/// Largest float at or below `x`.
float float_at_most(double x) {
  if (std::isinf(x)) return static_cast<float>(x);
  return float_below(std::nextafter(x, std::numeric_limits<double>::infinity()));
}

float float_at_least(double x) { return -float_at_most(-x); }

}  // namespace

Band band_around(double expected, double distance, const Significance& significance) {
  const double least = significance.min_deviation(expected);
  const double below = std::max(distance * significance.widen_below, least);
  const double above = std::max(distance * significance.widen_above, least);
  const auto centre = static_cast<float>(expected);  // ordinary however small the distance
  Band band{std::min(float_above(expected - below), centre),
            std::max(float_below(expected + above), centre)};
  if (significance.direction == Direction::Above) band.lower = -kInfinity;
  if (significance.direction == Direction::Below) band.upper = kInfinity;
  // Adding zero turns a bound of -0 into 0.
  const float valid_max = float_at_most(significance.valid_max) + 0.0F;
  const float valid_min = float_at_least(significance.valid_min) + 0.0F;
  if (valid_max >= band.lower) band.upper = std::min(band.upper, valid_max);
  if (valid_min <= band.upper) band.lower = std::max(band.lower, valid_min);
  return band;
}

Band agree_with(Band band, float value, float expected, bool is_alarm) {
  if (is_alarm == !band.holds(value)) return band;
  if (!is_alarm) return {std::min(band.lower, value), std::max(band.upper, value)};
  if (value >= expected) {
    band.upper = std::nextafter(value, -kInfinity);
  } else {
    band.lower = std::nextafter(value, kInfinity);
  }
  return band;
}

}  // namespace anomaly_exporter::ensemble
