#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/model.h"
#include "contract/rig.h"

namespace anomaly_exporter::detectors {

/// Metrics that swing together with a period of 40 ticks, each in its own unit and phase; entities
/// are shifted against each other.
inline float course(double tick, std::size_t metric, std::size_t entity, core::Rng& rng) {
  constexpr double kTurn = 2 * 3.14159265358979 / 40;
  const auto m = static_cast<double>(metric);
  const double phase = kTurn * (tick + 7.0 * static_cast<double>(entity)) + m;
  return static_cast<float>((m + 1) * (50 + 10 * std::sin(phase) + 0.4 * rng.normal()));
}

inline TrainingSet course_set(std::size_t metrics, std::size_t parts, std::size_t ticks,
                              std::uint64_t seed) {
  core::Rng rng(seed);
  TrainingSet set{.metrics = metrics, .interval = {}, .parts = {}, .seed = seed};
  for (std::size_t p = 0; p < parts; ++p) {
    TrainingPart part{.first = {}, .ticks = ticks, .values = {}};
    for (std::size_t t = 0; t < ticks; ++t) {
      for (std::size_t m = 0; m < metrics; ++m) {
        part.values.push_back(course(static_cast<double>(t), m, p, rng));
      }
    }
    set.parts.push_back(std::move(part));
  }
  return set;
}

/// One tick of `entities` entities; `at` may lead the time of a metric of an entity astray.
using Astray = std::function<double(double tick, std::size_t metric, std::size_t entity)>;
inline contract::BlockInput course_input(std::size_t metrics, std::size_t entities, double tick,
                                         core::Rng& rng, const Astray& at = {}) {
  contract::BlockInput input(metrics);
  for (std::size_t e = 0; e < entities; ++e) {
    for (std::size_t m = 0; m < metrics; ++m) {
      input.set(m, e, course(at ? at(tick, m, e) : tick, m, e, rng));
    }
  }
  return input;
}

}  // namespace anomaly_exporter::detectors
