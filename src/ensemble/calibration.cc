#include "anomaly_exporter/ensemble/calibration.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "anomaly_exporter/core/number_text.h"
#include "tail.h"

namespace anomaly_exporter::ensemble {
namespace {

constexpr std::size_t kBins = ScoreHistogram::kBins;
constexpr std::uint8_t kStateVersion = 1;
constexpr double kBelowOne = 1.0 - 0x1p-53;
/// The confidence at the budget is 1 minus this base.
constexpr double kLogBase = -0.91629073187415506518;  // ln 0.4
constexpr double kLargestBudgetProbability = 0.1;

constexpr double kTailShare = 0.02;
constexpr double kTailSamples = 256;

/// What ln p falls by from edge to edge at least, where everything seen lies further out.
constexpr double kLeastStep = 1e-6;
/// Scores are in the prior's unit where the detector's threshold is this many sigmas.
constexpr double kPriorSigmasAtThreshold = 3;

/// P(|T| > t) of Student's t with 4 degrees of freedom: 1 - a with a = sin x (1 + cos^2 x / 2),
/// tan x = t / 2 (Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.4).
/// Written as (1 - a^2) / (1 + a), with 1 - a^2 = c^2 (3 + c) / 4 and c = cos^2 x, so that nothing
/// cancels far out.
double prior_survival(double t) {
  const double c = 4.0 / (4.0 + t * t);
  const double a = std::sqrt(1.0 - c) * (1.0 + c / 2);
  return c * c * (3.0 + c) / (4.0 * (1.0 + a));
}

core::Error out_of_range(std::string_view key, double value, std::string_view range) {
  return {core::ErrorCode::InvalidArgument,
          std::string(key) + ": " + core::number_text(value) + " is outside " + std::string(range)};
}

/// The smallest double at which `reached` holds, given a guess near it; the largest double when it
/// holds nowhere. REQUIRES: `reached` is monotone, guess >= 0 and finite.
template <class Predicate>
double smallest_double(double guess, Predicate reached) {
  // Positive doubles are ordered as their bits, so steps of bits are steps between neighbours.
  constexpr auto kEnd = std::bit_cast<std::uint64_t>(std::numeric_limits<double>::max());
  const auto at = [](std::uint64_t bits) { return std::bit_cast<double>(bits); };
  std::uint64_t low = std::bit_cast<std::uint64_t>(guess);
  std::uint64_t high = low;
  std::uint64_t stride = 1;
  if (reached(at(low))) {
    while (low > 0 && reached(at(low))) {
      high = low;
      low -= std::min(low, stride);
      stride *= 2;
    }
    if (reached(at(low))) return at(low);
  } else {
    while (high < kEnd && !reached(at(high))) {
      low = high;
      high += std::min(kEnd - high, stride);
      stride *= 2;
    }
    if (!reached(at(high))) return at(high);
  }
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (reached(at(middle)) ? high : low) = middle;
  }
  return at(high);
}

double confidence_at(double exponent) {
  return std::min(-std::expm1(kLogBase * exponent), kBelowOne);
}

}  // namespace

double confidence_of(double log_p, double log_p0) { return confidence_at(log_p / log_p0); }

double exponent_of(double confidence) { return std::log1p(-confidence) / kLogBase; }

double log_budget_probability(double alarms, core::Duration per, core::Duration interval) {
  const double p = alarms * core::to_seconds(interval) / core::to_seconds(per);
  return std::log(std::min(p, kLargestBudgetProbability));
}

core::Status CalibrationOptions::validate() const {
  if (!(prior_samples >= 1 && prior_samples <= 1e9)) {
    return out_of_range("prior_samples", prior_samples, "1 to 1e9");
  }
  if (!(half_life_samples >= 1e3 && half_life_samples <= 1e15)) {
    return out_of_range("half_life_samples", half_life_samples, "1e3 to 1e15");
  }
  return {};
}

Calibration::Calibration(CalibrationOptions options, double threshold)
    : options_(options), threshold_(threshold) {
  refit();
}

double Calibration::log_p(double raw) const {
  const std::size_t bin = ScoreHistogram::bin_of(raw);
  const double low = bin_edges()[bin];
  const double high = bin_edges()[bin + 1];
  const double step = log_p_[bin + 1] - log_p_[bin];
  if (raw >= high) {  // beyond the table: the power law of the last bin goes on
    return log_p_[kBins] + step / std::log(high / low) * std::log(raw / high);
  }
  // Never past the next edge's value, whatever the rounding: the map stays monotone there.
  return std::max(log_p_[bin] + (raw - low) / (high - low) * step, log_p_[bin + 1]);
}

double Calibration::exponent(double raw, double log_p0) const {
  return std::min(log_p(raw) / log_p0, raw / threshold_);
}

double Calibration::confidence(double raw, double log_p0) const {
  return confidence_at(exponent(raw, log_p0));
}

double Calibration::raw_at(double confidence, double log_p0) const {
  if (confidence <= 0) return 0;
  const double wanted = exponent_of(confidence);
  const double log_p_wanted = wanted * log_p0;
  // log_p_ descends: the first edge at or beyond the wanted tail ends the bin that holds it.
  const auto end = std::partition_point(log_p_.begin() + 1, log_p_.end() - 1,
                                        [&](double at) { return at > log_p_wanted; });
  const auto bin = static_cast<std::size_t>(end - log_p_.begin()) - 1;
  const double part = (log_p_wanted - log_p_[bin]) / (log_p_[bin + 1] - log_p_[bin]);
  const double on_map =
      bin_edges()[bin] + std::min(part, 1.0) * (bin_edges()[bin + 1] - bin_edges()[bin]);
  const double guess = std::max(on_map, wanted * threshold_);
  return smallest_double(guess,
                         [&](double raw) { return this->confidence(raw, log_p0) >= confidence; });
}

void Calibration::learn(const ScoreHistogram& seen) {
  const auto added = static_cast<double>(seen.total());
  if (added == 0) return;
  const double keep = std::exp2(-added / options_.half_life_samples);
  samples_ = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    weights_[bin] = weights_[bin] * keep + static_cast<double>(seen.count(bin));
    samples_ += weights_[bin];
  }
}

void Calibration::refit() {
  BinTable above{};
  for (std::size_t bin = kBins; bin-- > 0;) above[bin] = above[bin + 1] + weights_[bin];
  const Tail tail = fit_tail(above, std::min(kTailShare * above[0], kTailSamples));
  const double assumed = options_.prior_samples / (above[0] + options_.prior_samples);
  log_p_[0] = 0;
  for (std::size_t bin = 1; bin <= kBins; ++bin) {
    const double raw = bin_edges()[bin];
    const double data =
        bin <= tail.bin ? above[bin] : above[tail.bin] * tail.survival(raw - bin_edges()[tail.bin]);
    const double prior = prior_survival(raw / threshold_ * kPriorSigmasAtThreshold);
    const double seen = (data + prior) / (above[0] + 1);  // one ordinary sample more than were seen
    const double log_p = assumed * std::log(prior) + (1 - assumed) * std::log(seen);
    log_p_[bin] = std::min(log_p, log_p_[bin - 1] - kLeastStep);
  }
}

void Calibration::save(core::StateWriter& out) const {
  out.u8(kStateVersion);
  out.f64s(weights_);
  out.f64s(log_p_);
}

core::Status Calibration::restore(core::StateReader& in) {
  const std::uint8_t version = in.u8();
  if (in.ok() && version > kStateVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "calibration: state version " + std::to_string(version) + " is newer than " +
                           std::to_string(kStateVersion)};
  }
  Calibration read(options_, threshold_);
  in.f64s(read.weights_);
  in.f64s(read.log_p_);
  if (in.ok() && version != kStateVersion) in.fail("calibration: unknown version");
  for (const double weight : read.weights_) {
    if (!(weight >= 0 && weight <= 1e18)) in.fail("calibration: impossible weight");
    read.samples_ += weight;
  }
  for (std::size_t bin = 1; bin <= kBins; ++bin) {
    const bool descends =
        std::isfinite(read.log_p_[bin]) && read.log_p_[bin] < read.log_p_[bin - 1];
    if (!descends) in.fail("calibration: map is not monotone");
  }
  if (read.log_p_[0] != 0) in.fail("calibration: map does not begin at 0");
  if (in.ok()) *this = read;
  return in.status();
}

}  // namespace anomaly_exporter::ensemble
