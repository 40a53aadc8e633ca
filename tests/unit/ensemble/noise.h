#pragma once

#include <cmath>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::ensemble {

/// Raw scores |x| of noise families with unit variance, as a detector that knows centre and spread
/// would see them.
inline double normal_score(core::Rng& rng) { return std::abs(rng.normal()); }

inline double laplace_score(core::Rng& rng) { return rng.exponential() / std::sqrt(2.0); }

inline double t3_score(core::Rng& rng) {
  const double a = rng.normal();
  const double b = rng.normal();
  const double c = rng.normal();
  // t = z / sqrt(chi^2 / 3) has the variance 3.
  return std::abs(rng.normal()) / std::sqrt(a * a + b * b + c * c);
}

}  // namespace anomaly_exporter::ensemble
