#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "anomaly_exporter/core/rng.h"
#include "contract/rig.h"

namespace anomaly_exporter::contract {

/// Kinds of series that detectors meet; lane l of a mixed input is of family l % kFamilies.
inline constexpr std::size_t kFamilies = 8;

/// Sum of uniforms, near enough to normal and the same with every C library.
inline double bell(core::Rng& rng) {
  double sum = -6.0;
  for (int i = 0; i < 12; ++i) sum += rng.uniform();
  return sum;
}

/// One value of a family at a tick; finite.
inline float family_value(std::size_t family, std::int64_t tick, core::Rng& rng) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const auto t = static_cast<double>(tick);
  switch (family % kFamilies) {
    case 0:
      return static_cast<float>(100.0 + bell(rng));
    case 1:
      return static_cast<float>(rng.below(4));  // few values, many ties
    case 2:
      return static_cast<float>(rng.below(50) == 0 ? 1e18 : bell(rng));  // rare huge spikes
    case 3:
      return static_cast<float>(3.0 * t + bell(rng));  // a trend
    case 4:
      return static_cast<float>(std::floor(t / 60) * 1000 + bell(rng));  // level shifts
    case 5:
      return rng.below(3) == 0 ? (rng.below(2) == 0 ? kMax : -kMax) : static_cast<float>(bell(rng));
    case 6:
      return static_cast<float>(rng.uniform()) * std::numeric_limits<float>::min();  // denormal
    default:
      return static_cast<float>(1e6 + 0.25 * static_cast<double>(rng.below(2)));
  }
}

/// Every lane of its family, 1 in 8 values absent, 1 in 10 present ones not to be learned.
inline BlockInput mixed_input(std::size_t metrics, std::int64_t tick, core::Rng& rng) {
  BlockInput input(metrics);
  for (std::size_t metric = 0; metric < metrics; ++metric) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = family_value(lane + metric, tick, rng);
      const bool absent = rng.below(8) == 0;
      const bool refused = rng.below(10) == 0;
      if (!absent) input.set(metric, lane, value, !refused);
    }
  }
  return input;
}

}  // namespace anomaly_exporter::contract
