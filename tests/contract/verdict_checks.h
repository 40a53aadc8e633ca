#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "contract/inputs.h"
#include "contract/rig.h"

namespace anomaly_exporter::contract {

/// Names of all registered detectors, for data-driven test cases.
inline std::vector<std::string> detector_names() {
  std::vector<std::string> names;
  for (const detectors::RegistryEntry& entry : detectors::registry())
    names.emplace_back(entry.name);
  return names;
}

/// Those that learn online, without a model.
inline std::vector<std::string> online_names() {
  std::vector<std::string> names;
  for (const std::string& name : detector_names()) {
    if (!make_detector(name, small_options(), {.metrics = 1, .window = kSmallWindow})
             ->is_trainable()) {
      names.push_back(name);
    }
  }
  return names;
}

/// Those whose raw score is the distance of the value from what is expected, in scales, and that
/// know nothing beyond their window.
inline std::vector<std::string> statistical_names() {
  std::vector<std::string> names = online_names();
  std::erase(names, "novelty");
  std::erase(names, "forecaster");
  std::erase(names, "multi_window");
  return names;
}

/// Rows in the columns.
inline std::size_t lane_count(const VerdictColumns& out) { return out.outcome.size(); }

/// Equality of verdicts to the bit, for the lanes in `lanes` of every metric.
inline bool equal_verdicts(const VerdictColumns& a, const VerdictColumns& b,
                           LaneMask lanes = kAllLanes) {
  for (std::size_t i = 0; i < lane_count(a); ++i) {
    if ((lanes & series::bit(i % kLanes)) == 0) continue;
    if (a.outcome[i] != b.outcome[i]) return false;
    if (a.outcome[i] != Outcome::Scored) continue;
    if (std::bit_cast<std::uint64_t>(a.raw[i]) != std::bit_cast<std::uint64_t>(b.raw[i]) ||
        std::bit_cast<std::uint32_t>(a.expected[i]) !=
            std::bit_cast<std::uint32_t>(b.expected[i]) ||
        std::bit_cast<std::uint32_t>(a.scale[i]) != std::bit_cast<std::uint32_t>(b.scale[i])) {
      return false;
    }
  }
  return true;
}

/// All that is defined in the verdicts, as bytes.
inline std::string bytes_of(const VerdictColumns& out) {
  core::StateWriter writer;
  for (std::size_t i = 0; i < lane_count(out); ++i) {
    // As they were numbered before there was `Sparse`, which no detector says.
    const auto number = static_cast<std::uint8_t>(out.outcome[i]);
    writer.u8(out.outcome[i] > Outcome::Sparse ? static_cast<std::uint8_t>(number - 1) : number);
    if (out.outcome[i] != Outcome::Scored) continue;
    writer.f64(out.raw[i]);
    writer.f32(out.expected[i]);
    writer.f32(out.scale[i]);
  }
  return writer.take();
}

inline bool all_have(const VerdictColumns& out, Outcome outcome) {
  return std::ranges::all_of(out.outcome, [outcome](Outcome o) { return o == outcome; });
}

/// A rig that has seen `ticks` values 100 + noise in every lane.
inline Rig warmed(const std::string& name, std::int64_t ticks, std::uint64_t seed = 1) {
  Rig rig(name);
  core::Rng rng(seed);
  for (std::int64_t t = 0; t < ticks; ++t) {
    BlockInput input(1);
    for (std::size_t lane = 0; lane < kLanes; ++lane) input.set(0, lane, family_value(0, t, rng));
    rig.tick(t, input);
  }
  return rig;
}

}  // namespace anomaly_exporter::contract
