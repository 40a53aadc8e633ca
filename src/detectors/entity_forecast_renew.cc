#include <algorithm>
#include <cmath>

#include "entity_forecast.h"
#include "entity_forecast_solve.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr double kWanted = 0.9;  // share of the variance that the components explain
constexpr double kGrowth = 2;    // of the rows from renewal to renewal
constexpr double kKept = 0.5;    // of the sums at a renewal

double squared(double x) { return x * x; }

}  // namespace

void EntityForecast::renew() {
  next_renewal_ = static_cast<std::uint64_t>(static_cast<double>(rows_) * kGrowth);
  renew_scales();
  if (is_ready_) {
    renew_regression();
    renew_components();
  } else {
    for (Metric& m : metrics_) {
      m.forecast_sigma = std::max(m.sigma[kShort] / m.spread, kLeastSigma);
    }
  }
  is_ready_ = true;
  for (Metric& m : metrics_) {
    m.squares *= kKept;
    m.taught *= kKept;
    for (double& sum : m.squares_of) sum *= kKept;
    m.forecast_squares *= kKept;
  }
  for (auto* sums : {&gram_, &targets_, &products_, &sums_}) {
    for (float& sum : *sums) sum *= static_cast<float>(kKept);
  }
  for (double* count : {&regression_rows_, &sigma_rows_, &component_rows_}) *count *= kKept;
}

/// New centres and spreads from the digests; what was summed in the old units is expressed in the
/// new ones, exactly but for clipping.
void EntityForecast::renew_scales() {
  const std::size_t d = metrics_.size();
  const std::size_t n = regressors();
  std::vector<double> factor(3 * d + 1, 1.0), shift(3 * d + 1, 0.0);
  for (std::size_t j = 0; j < d; ++j) {
    Metric& m = metrics_[j];
    if (m.rows == 0 || m.taught == 0) continue;
    const auto quantile = [&](float q) {
      return static_cast<double>(stats::digest_quantile(m.level, q));
    };
    const double low = quantile(0.001F), high = quantile(0.999F);
    const double size = std::max(std::fabs(low), std::fabs(high));
    const double old_centre = m.centre, old_spread = m.spread;
    m.centre = quantile(0.5F);
    m.spread =
        std::max({(quantile(0.9F) - quantile(0.1F)) / 2.563, 0.5 * std::sqrt(m.squares / m.taught),
                  0.02 * std::max(high - low, 0.5 * size), 1e-6});
    const double old_long_sigma = m.sigma[kLong];
    for (std::size_t k = 0; k < kAverages; ++k) {
      m.sigma[k] = std::max(std::sqrt(m.squares_of[k] / m.taught), kLeastSigma * m.spread);
    }
    if (!sums_.empty()) {
      const auto ratio = static_cast<float>(old_long_sigma / m.sigma[kLong]);
      sums_[j] *= ratio;
      for (std::size_t b = 0; b <= j; ++b) products_[triangle(j) + b] *= ratio;
      for (std::size_t a = j; a < d; ++a) products_[triangle(a) + j] *= ratio;
    }
    if (m.is_scaled) {
      for (std::size_t k = 0; k < 3; ++k) {
        factor[k * d + j] = old_spread / m.spread;
        shift[k * d + j] = (old_centre - m.centre) / m.spread;
      }
      m.forecast_squares *= squared(old_spread / m.spread);
    }
    m.is_scaled = true;
  }
  if (!is_ready_) return;
  for (std::size_t j = 0; j < (is_joint_ ? 1 : d); ++j) {
    // A separate regression has its metric's own factors, in the same order.
    const auto at = [&](std::size_t r) { return is_joint_ ? r : (r == 3 ? 3 * d : r * d + j); };
    std::vector<double> f(n), s(n);
    for (std::size_t r = 0; r < n; ++r) {
      f[r] = factor[at(r)];
      s[r] = shift[at(r)];
    }
    express_in(f, s, std::span(gram_).subspan(j * triangle(n), triangle(n)));
  }
  for (std::size_t r = 0; r + 1 < n; ++r) {
    for (std::size_t j = 0; j < d; ++j) {
      const std::size_t own = is_joint_ ? r : r * d + j;
      const double moved = factor[own] * static_cast<double>(targets_[r * d + j]) +
                           shift[own] * static_cast<double>(targets_[(n - 1) * d + j]);
      targets_[r * d + j] = static_cast<float>(moved);
    }
  }
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t j = 0; j < d; ++j) targets_[r * d + j] *= static_cast<float>(factor[j]);
  }
}

void EntityForecast::renew_regression() {
  const std::size_t d = metrics_.size();
  const std::size_t n = regressors();
  const double ridge = 0.01 * regression_rows_ + 50;
  if (is_joint_) {
    solve_ridge(gram_, n, ridge, targets_, d, weights_);
  } else {
    std::vector<float> target(n), weight(n);
    for (std::size_t j = 0; j < d; ++j) {
      for (std::size_t r = 0; r < n; ++r) target[r] = targets_[r * d + j];
      solve_ridge(std::span(gram_).subspan(j * triangle(n), triangle(n)), n, ridge, target, 1,
                  weight);
      for (std::size_t r = 0; r < n; ++r) weights_[r * d + j] = weight[r];
    }
  }
  for (Metric& m : metrics_) {
    m.forecast_sigma =
        std::max(std::sqrt(m.forecast_squares / std::max(sigma_rows_, 1.0)), kLeastSigma);
  }
}

void EntityForecast::renew_components() {
  const std::size_t d = metrics_.size();
  if (!is_joint_ || d == 1 || component_rows_ == 0) return;
  std::vector<double> centre(d), outside(d), covariance(d * d);
  for (std::size_t a = 0; a < d; ++a) {
    centre[a] = static_cast<double>(sums_[a]) / component_rows_;
  }
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      covariance[a * d + b] =
          static_cast<double>(products_[triangle(a) + b]) / component_rows_ - centre[a] * centre[b];
    }
  }
  components_ = principal_components(covariance, d, kWanted, basis_, outside);
  for (std::size_t j = 0; j < d; ++j) {
    metrics_[j].residual_centre = centre[j];
    metrics_[j].outside_sigma = std::max(std::sqrt(outside[j]), kLeastSigma);
  }
}

}  // namespace anomaly_exporter::detectors
