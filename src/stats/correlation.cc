#include "anomaly_exporter/stats/correlation.h"

#include <cmath>
#include <cstdlib>

namespace anomaly_exporter::stats {
namespace {

struct Sums {
  double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
};

/// Correlation of a[i] with b[i + lag]; nothing known with fewer than `least` pairs.
bool correlation_at(std::span<const float> a, std::span<const float> b, int lag, std::size_t least,
                    double origin_a, double origin_b, double& r) {
  const std::size_t skip_a = lag < 0 ? static_cast<std::size_t>(-lag) : 0;
  const std::size_t skip_b = lag > 0 ? static_cast<std::size_t>(lag) : 0;
  Sums s;
  for (std::size_t i = 0; skip_a + i < a.size() && skip_b + i < b.size(); ++i) {
    const double x = static_cast<double>(a[skip_a + i]) - origin_a;
    const double y = static_cast<double>(b[skip_b + i]) - origin_b;
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    s.n += 1;
    s.a += x;
    s.b += y;
    s.aa += x * x;
    s.bb += y * y;
    s.ab += x * y;
  }
  if (s.n < static_cast<double>(least)) return false;
  const double va = s.aa - s.a * s.a / s.n;
  const double vb = s.bb - s.b * s.b / s.n;
  // What is left of a constant series after rounding is no variance.
  constexpr double kRounding = 1e-12;
  if (va <= kRounding * s.aa || vb <= kRounding * s.bb) return false;
  r = (s.ab - s.a * s.b / s.n) / std::sqrt(va * vb);
  return std::isfinite(r);
}

/// The first present value: sums around it keep their digits for series far from zero.
double origin_of(std::span<const float> values) {
  for (const float value : values) {
    if (std::isfinite(value)) return static_cast<double>(value);
  }
  return 0;
}

}  // namespace

LaggedCorrelation lagged_correlation(std::span<const float> a, std::span<const float> b, int most,
                                     std::size_t least) {
  LaggedCorrelation best;
  const double origin_a = origin_of(a), origin_b = origin_of(b);
  const auto consider = [&](int lag) {
    double r = 0;
    if (!correlation_at(a, b, lag, least, origin_a, origin_b, r)) return;
    if (!best.is_known || std::abs(r) > std::abs(best.r)) best = {r, lag, true};
  };
  consider(0);
  for (int lag = 1; lag <= most; ++lag) {
    consider(lag);
    consider(-lag);
  }
  return best;
}

}  // namespace anomaly_exporter::stats
