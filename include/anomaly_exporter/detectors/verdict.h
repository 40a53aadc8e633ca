#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "anomaly_exporter/series/layout.h"

namespace anomaly_exporter::detectors {

/// What a detector says of one row at one tick. These are states, not magic numbers.
enum class Outcome : std::uint8_t {
  NoData,        ///< no sample at this tick
  WarmingUp,     ///< fewer samples than the detector needs
  InputMissing,  ///< too much of a multivariate input is absent
  Untrained,     ///< needs a model it does not have yet
  Sparse,        ///< fewer samples in its window than the metric's `min_rate` asks for
  Failed,        ///< arithmetic left the range of finite numbers
  Scored,        ///< raw, expected and scale are valid
};
inline constexpr std::size_t kOutcomes = 7;

/// Snake-case name, e.g. "warming_up".
std::string_view to_string(Outcome outcome);

/// Verdicts of one detector on one block: block columns (element `metric * 64 + lane`).
///
/// `raw` >= 0, higher is more anomalous, finite. `expected` and `scale` (one sigma in the metric's
/// unit, > 0) are finite. `share` is the part of the metric in a multivariate verdict, 0-1, the
/// shares of an entity summing to 1; univariate detectors leave it at 1. Only rows with outcome
/// Scored have defined numbers.
struct VerdictColumns {
  std::vector<Outcome> outcome;
  std::vector<double> raw;
  std::vector<float> expected;
  std::vector<float> scale;
  std::vector<float> share;

  void resize(std::size_t metrics) {
    const std::size_t n = metrics * series::kLanes;
    outcome.assign(n, Outcome::NoData);
    raw.assign(n, 0.0);
    expected.assign(n, 0.0F);
    scale.assign(n, 0.0F);
    share.assign(n, 1.0F);
  }
};

}  // namespace anomaly_exporter::detectors
