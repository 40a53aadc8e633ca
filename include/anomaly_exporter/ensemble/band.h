#pragma once

#include "anomaly_exporter/ensemble/ensemble.h"

namespace anomaly_exporter::ensemble {

/// The ordinary values of one metric at one tick: lower <= value <= upper.
struct Band {
  float lower = 0;
  float upper = 0;

  [[nodiscard]] bool holds(float value) const { return value >= lower && value <= upper; }
};

/// The band around `expected`. `distance`: how far from it the detector reaches the threshold, in
/// the metric's unit, >= 0 and before `significance` widens it; a value at that distance is
/// outside. Bounds are rounded inwards, to the last float that is still ordinary.
Band band_around(double expected, double distance, const Significance& significance);

/// Moves the bound on the value's side so that the band holds `value` exactly when it is ordinary.
Band agree_with(Band band, float value, float expected, bool is_alarm);

}  // namespace anomaly_exporter::ensemble
