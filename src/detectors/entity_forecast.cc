#include "entity_forecast.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "entity_forecast_solve.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr double kDeadZone = 1.5;  // residuals up to here count nothing
constexpr double kLargestExcess = 40;
constexpr double kGate = 8;         // sigmas by which one residual moves an average at most
constexpr double kSquareClip = 30;  // of residuals while their sigma is measured
constexpr double kRegressorClip = 15;
constexpr double kChangeClip = 200;
constexpr double kComponentClip = 10;
constexpr double kCalmSpan = 200;
constexpr float kCalmShare = 0.9F;
constexpr float kLeastPast = 50;  // rows before any is called restless

/// What each residual weighs in the excess.
constexpr double kBriefWeight = 0.5, kShortWeight = 0.5, kForecastWeight = 1, kOutsideWeight = 0.5;

double excess_of(double residual) {
  return std::clamp(std::fabs(residual) - kDeadZone, 0.0, kLargestExcess);
}

double squared(double x) { return x * x; }

}  // namespace

EntityForecast::Work::Work(std::size_t metrics)
    : regressor(3 * metrics + 1),
      change(metrics),
      forecast(metrics),
      forecast_error(metrics),
      residual(metrics),
      clipped(metrics),
      outside(metrics),
      excess(metrics) {}

EntityForecast::EntityForecast(std::size_t metrics, const ForecastSpans& spans)
    : spans_(spans), is_joint_(metrics <= kMostJoint), metrics_(metrics) {
  const std::size_t n = regressors();
  const std::size_t regressions = is_joint_ ? 1 : metrics;
  gram_.resize(regressions * triangle(n));
  targets_.resize(n * metrics);
  weights_.resize(n * metrics);
  if (is_joint_ && metrics > 1) {
    products_.resize(triangle(metrics));
    sums_.resize(metrics);
    basis_.resize(metrics * (metrics - 1));
  }
}

/// Regressor by regressor, so that the metrics' sums grow side by side.
void EntityForecast::forecast(Work& work) const {
  const std::size_t d = metrics_.size();
  double* out = work.forecast.data();
  std::fill_n(out, d, 0.0);
  for (std::size_t r = 0; r < (is_joint_ ? 3 * d + 1 : 4); ++r) {
    const float* weight = weights_.data() + r * d;
    if (is_joint_ || r == 3) {
      const double x = is_joint_ ? work.regressor[r] : 1.0;
      for (std::size_t j = 0; j < d; ++j) out[j] += x * static_cast<double>(weight[j]);
    } else {
      const double* x = work.regressor.data() + r * d;
      for (std::size_t j = 0; j < d; ++j) out[j] += x[j] * static_cast<double>(weight[j]);
    }
  }
}

bool EntityForecast::is_fresh(const Metric& metric, const Row& row) const {
  return metric.rows == 0 || static_cast<double>(row.time.ms - metric.time) > spans_.gap_ms;
}

void EntityForecast::find_residuals(const Row& row, Work& work) const {
  const std::size_t d = metrics_.size();
  for (std::size_t j = 0; j < d; ++j) {
    const Metric& m = metrics_[j];
    const auto in_spreads = [&](double v) {
      return std::clamp((v - m.centre) / m.spread, -kRegressorClip, kRegressorClip);
    };
    const bool is_known = m.is_scaled;
    const bool starts_again = row.present[j] != 0 && is_fresh(m, row);
    const auto then = [&](double v) {
      return starts_again ? static_cast<double>(row.values[j]) : v;
    };
    work.regressor[j] = is_known ? in_spreads(then(m.newest)) : 0;
    work.regressor[d + j] = is_known ? in_spreads(then(m.before)) : 0;
    work.regressor[2 * d + j] = is_known ? in_spreads(then(m.slow)) : 0;
    work.change[j] = 0;
    work.residual[j] = {};
    work.clipped[j] = 0;
    work.outside[j] = 0;
    if (!is_known || row.present[j] == 0) continue;
    const double value = row.values[j];
    work.change[j] = std::clamp((value - then(m.newest)) / m.spread, -kChangeClip, kChangeClip);
    for (std::size_t k = 0; k < kAverages; ++k) {
      work.residual[j][k] = (value - then(m.average[k])) / m.sigma[k];
    }
    work.clipped[j] =
        std::clamp(work.residual[j][kLong], -kComponentClip, kComponentClip) - m.residual_centre;
  }
  work.regressor[3 * d] = 1;
  forecast(work);
  for (std::size_t j = 0; j < d; ++j) {
    if (!metrics_[j].is_scaled) work.forecast[j] = 0;
    work.forecast_error[j] = row.present[j] == 0 ? 0 : work.change[j] - work.forecast[j];
  }
  if (components_ > 0) work.outside = work.clipped;
  for (std::size_t c = 0; c < components_; ++c) {
    const float* axis = basis_.data() + c * d;
    double along = 0;
    for (std::size_t j = 0; j < d; ++j) along += static_cast<double>(axis[j]) * work.clipped[j];
    for (std::size_t j = 0; j < d; ++j) work.outside[j] -= along * static_cast<double>(axis[j]);
  }
  for (std::size_t j = 0; j < d; ++j) work.excess[j] = row.present[j] == 0 ? 0 : excess_at(j, work);
}

double EntityForecast::excess_at(std::size_t j, const Work& work) const {
  const Metric& m = metrics_[j];
  return kBriefWeight * excess_of(work.residual[j][kBrief]) +
         kShortWeight * excess_of(work.residual[j][kShort]) +
         kForecastWeight * excess_of(work.forecast_error[j] / m.forecast_sigma) +
         kOutsideWeight * excess_of(work.outside[j] / m.outside_sigma);
}

/// Takes the row into the restlessness of the entity; false where it is among the highest.
bool EntityForecast::is_calm(const Row& row, const Work& work) {
  double sum = 0, count = 0;
  for (std::size_t j = 0; j < metrics_.size(); ++j) {
    if (row.present[j] == 0) continue;
    sum += work.excess[j];
    count += 1;
  }
  restlessness_ += 2 / (kCalmSpan + 1) * (sum / std::max(count, 1.0) - restlessness_);
  const auto now = static_cast<float>(restlessness_);
  const bool is_calm = restless_past_.weight() < kLeastPast ||
                       now <= stats::digest_quantile(restless_past_, kCalmShare);
  stats::digest_kernels().add(&restless_past_, 1, &now, 1, spans_.most_rows);
  return is_calm;
}

void EntityForecast::fetch() const {
  const auto lines = [](const auto& part) {
    const auto* from = reinterpret_cast<const char*>(part.data());
    const std::size_t bytes = part.size() * sizeof(part[0]);
    for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + at);
  };
  lines(metrics_);
  lines(weights_);
}

void EntityForecast::judge(const Row& row, Work& work, const Judgement& out) const {
  find_residuals(row, work);
  for (std::size_t j = 0; j < metrics_.size(); ++j) {
    if (row.present[j] == 0) continue;
    const Metric& m = metrics_[j];
    const double newest = is_fresh(m, row) ? static_cast<double>(row.values[j]) : m.newest;
    out.expected[j] = newest + work.forecast[j] * m.spread;
    out.sigma[j] = m.forecast_sigma * m.spread;
  }
}

/// What the row adds to the running sums.
void EntityForecast::teach(const Row& row, const Work& work) {
  const std::size_t d = metrics_.size();
  const std::size_t n = regressors();
  bool is_complete = true;
  for (std::size_t j = 0; j < d; ++j) {
    Metric& m = metrics_[j];
    if (!m.is_scaled) continue;
    if (row.present[j] == 0 || is_fresh(m, row)) {
      is_complete = false;
      continue;
    }
    m.forecast_squares += squared(std::min(std::fabs(work.forecast_error[j]), kSquareClip));
    if (is_joint_) continue;
    const double own[4] = {work.regressor[j], work.regressor[d + j], work.regressor[2 * d + j], 1};
    float* gram = gram_.data() + j * triangle(n);
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b <= a; ++b) *gram++ += static_cast<float>(own[a] * own[b]);
      targets_[a * d + j] += static_cast<float>(own[a] * work.change[j]);
    }
  }
  sigma_rows_ += 1;
  if (!is_joint_) regression_rows_ += 1;
  if (!is_joint_ || !is_complete) return;
  regression_rows_ += 1;
  for (std::size_t a = 0; a < n; ++a) {
    const double x = work.regressor[a];
    if (x == 0) continue;
    float* gram = gram_.data() + triangle(a);
    for (std::size_t b = 0; b <= a; ++b) gram[b] += static_cast<float>(x * work.regressor[b]);
    float* target = targets_.data() + a * d;
    for (std::size_t j = 0; j < d; ++j) target[j] += static_cast<float>(x * work.change[j]);
  }
  if (d == 1) return;
  component_rows_ += 1;
  for (std::size_t a = 0; a < d; ++a) {
    const double x = work.clipped[a] + metrics_[a].residual_centre;
    sums_[a] += static_cast<float>(x);
    for (std::size_t b = 0; b <= a; ++b) {
      products_[triangle(a) + b] +=
          static_cast<float>(x * (work.clipped[b] + metrics_[b].residual_centre));
    }
  }
}

void EntityForecast::learn(const Row& row, Work& work, bool is_judged) {
  bool teaches = true;
  if (is_ready_) {
    if (!is_judged) find_residuals(row, work);
    teaches = is_calm(row, work);
    if (teaches) teach(row, work);
  }
  const std::array<double, kAverages> weight = {2 / (spans_.brief + 1), 2 / (spans_.short_term + 1),
                                                2 / (spans_.long_term + 1)};
  const double slow_weight = 2 / (spans_.regressor + 1);
  for (std::size_t j = 0; j < metrics_.size(); ++j) {
    if (row.present[j] == 0) continue;
    Metric& m = metrics_[j];
    const double value = row.values[j];
    const double reach = m.is_scaled ? kRegressorClip * m.spread : HUGE_VAL;
    const double kept = std::clamp(value, m.centre - reach, m.centre + reach);
    if (is_fresh(m, row)) {
      m.average.fill(value);
      m.free_average.fill(value);
      m.newest = value;
      m.slow = kept;
    }
    m.time = row.time.ms;
    ++m.rows;
    if (teaches) {
      m.taught += 1;
      const double off = value - m.mean;
      m.mean += off / m.taught;
      m.squares += off * (value - m.mean);
    }
    for (std::size_t k = 0; k < kAverages; ++k) {
      const double limit = m.is_scaled ? kGate * m.sigma[k] : HUGE_VAL;
      m.average[k] += weight[k] * std::clamp(value - m.average[k], -limit, limit);
      double residual = value - m.free_average[k];
      m.free_average[k] += weight[k] * residual;
      if (m.is_scaled) {
        residual = std::clamp(residual, -kSquareClip * m.spread, kSquareClip * m.spread);
      }
      if (teaches) m.squares_of[k] += residual * residual;
    }
    m.slow += slow_weight * (kept - m.slow);
    const auto level = static_cast<float>(m.slow);  // its digest gives the scale
    if (std::isfinite(level)) {
      stats::digest_kernels().add(&m.level, 1, &level, 1, spans_.most_rows);
    }
    m.before = m.newest;
    m.newest = value;
  }
  if (++rows_ >= next_renewal_) renew();
}

namespace {

bool all_finite(std::span<const double> numbers) {
  return std::ranges::all_of(numbers, [](double v) { return std::isfinite(v); });
}

bool is_finite_float(float v) { return std::isfinite(v); }

}  // namespace

std::size_t EntityForecast::known_metrics() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(metrics_, [](const Metric& m) { return m.rows > 0; }));
}

std::size_t EntityForecast::memory_bytes() const {
  const std::size_t floats = gram_.size() + targets_.size() + weights_.size() + products_.size() +
                             sums_.size() + basis_.size();
  return sizeof(*this) + floats * sizeof(float) + metrics_.size() * sizeof(Metric);
}

using NumberArray = std::array<double, 24>;

void EntityForecast::save(core::StateWriter& out) const {
  out.u8(is_ready_ ? 1 : 0);
  out.u64(rows_);
  out.u64(next_renewal_);
  for (const double v : {regression_rows_, sigma_rows_, component_rows_}) out.f64(v);
  out.u32(static_cast<std::uint32_t>(components_));
  out.f64(restlessness_);
  stats::save_digest(restless_past_, out);
  for (const auto* part : {&gram_, &targets_, &weights_, &products_, &sums_, &basis_}) {
    out.f32s(*part);
  }
  for (const Metric& m : metrics_) {
    out.u64(m.rows);
    out.i64(m.time);
    out.u8(m.is_scaled ? 1 : 0);
    out.f64s(std::bit_cast<NumberArray>(static_cast<const Numbers&>(m)));
    stats::save_digest(m.level, out);
  }
}

core::Status EntityForecast::restore(core::StateReader& in) {
  is_ready_ = in.u8() != 0;
  rows_ = in.u64();
  next_renewal_ = in.u64();
  for (double* v : {&regression_rows_, &sigma_rows_, &component_rows_}) *v = in.f64();
  components_ = in.u32();
  restlessness_ = in.f64();
  stats::restore_digest(in, restless_past_);
  if (in.ok() && !(restlessness_ >= 0 && std::isfinite(restlessness_))) {
    in.fail("restlessness is not a number >= 0");
  }
  if (components_ >= std::max<std::size_t>(metrics_.size(), 1)) in.fail("too many components");
  for (auto* part : {&gram_, &targets_, &weights_, &products_, &sums_, &basis_}) in.f32s(*part);
  for (Metric& m : metrics_) {
    m.rows = in.u64();
    m.time = in.i64();
    m.is_scaled = in.u8() != 0;
    NumberArray numbers{};
    in.f64s(numbers);
    static_cast<Numbers&>(m) = std::bit_cast<Numbers>(numbers);
    stats::restore_digest(in, m.level);
    if (!in.ok()) break;
    if (!all_finite(numbers)) {
      in.fail("number of a metric is not finite");
    } else if (!(m.spread > 0 && m.forecast_sigma > 0 && m.outside_sigma > 0)) {
      in.fail("spread of a metric is not above 0");
    }
  }
  for (const auto* part : {&gram_, &targets_, &weights_, &products_, &sums_, &basis_}) {
    if (in.ok() && !std::ranges::all_of(*part, is_finite_float)) in.fail("sum is not finite");
  }
  return in.status();
}

}  // namespace anomaly_exporter::detectors
