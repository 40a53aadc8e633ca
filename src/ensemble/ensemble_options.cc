#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/ensemble/ensemble.h"

namespace anomaly_exporter::ensemble {
namespace {

/// Rounding of a sum of weights written in decimal.
constexpr double kWeightSumTolerance = 1e-9;

core::Error invalid(std::string message) {
  return {core::ErrorCode::InvalidArgument, std::move(message)};
}

}  // namespace

core::Status Significance::validate() const {
  const auto is_deviation = [](double d) { return d >= 0 && std::isfinite(d); };
  if (!is_deviation(min_deviation_absolute)) {
    return invalid("min_deviation: " + core::number_text(min_deviation_absolute) +
                   " is not a finite number >= 0");
  }
  if (!is_deviation(min_deviation_relative)) {
    return invalid("min_relative_deviation: " + core::number_text(min_deviation_relative) +
                   " is not a finite number >= 0");
  }
  for (const auto& [key, factor] :
       {std::pair{"band.widen_above", widen_above}, std::pair{"band.widen_below", widen_below}}) {
    if (!(factor >= kLeastWidening && factor <= kMostWidening)) {
      return invalid(std::string(key) + ": " + core::number_text(factor) + " is outside " +
                     core::number_text(kLeastWidening) + " to " + core::number_text(kMostWidening));
    }
  }
  if (!(valid_min < valid_max)) {
    return invalid("valid_range: minimum " + core::number_text(valid_min) +
                   " is not below maximum " + core::number_text(valid_max));
  }
  return {};
}

double Significance::min_deviation(double expected) const {
  return std::max(min_deviation_absolute, min_deviation_relative * std::abs(expected));
}

bool Significance::counts(double value, double expected) const {
  if (direction == Direction::Above && value < expected) return false;
  if (direction == Direction::Below && value > expected) return false;
  return std::abs(value - expected) >= min_deviation(expected);
}

core::Status EnsembleOptions::validate() const {
  if (!(threshold > 0 && threshold < 1)) {
    return invalid("threshold: " + core::number_text(threshold) + " is not between 0 and 1");
  }
  if (!(alarm_budget.alarms > 0 && std::isfinite(alarm_budget.alarms))) {
    return invalid("alarm_budget: " + core::number_text(alarm_budget.alarms) +
                   " alarms is not a positive number");
  }
  if (alarm_budget.per <= core::Duration::zero()) {
    return invalid("alarm_budget: the period must be longer than 0");
  }
  const bool is_vote = method == Method::Vote;
  if (weights.empty()) return invalid("weights: at least one detector must vote");
  if (weights.size() > kMaxVoters) {
    return invalid("weights: at most " + std::to_string(kMaxVoters) + " detectors can vote");
  }
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Weight& w = weights[i];
    if (!(w.weight >= 0 && w.weight <= 1) || (is_vote && w.weight == 0)) {
      return invalid("weights." + w.detector + ": " + core::number_text(w.weight) +
                     " is not above 0 and at most 1");
    }
    for (std::size_t k = 0; k < i; ++k) {
      if (weights[k].detector == w.detector) {
        return invalid("weights." + w.detector + ": named twice");
      }
    }
    sum += w.weight;
  }
  if (sum > 1 + kWeightSumTolerance) {
    return invalid("weights: they sum to " + core::number_text(sum) + ", more than 1");
  }
  if (!is_vote) {
    for (const char* needed : {kNovelty, kForecaster}) {
      const bool is_there = std::ranges::any_of(
          weights, [&](const Weight& w) { return w.detector == needed && w.weight > 0; });
      if (!is_there) {
        return invalid(std::string("weights: the evidence method needs ") + needed);
      }
    }
    return {};
  }
  if (sum + kWeightSumTolerance < threshold) {
    return invalid("weights: they sum to " + core::number_text(sum) +
                   ", so that no vote can reach the threshold " + core::number_text(threshold));
  }
  return {};
}

std::vector<Weight> EnsembleOptions::evidence_weights(const std::vector<std::string>& companions) {
  std::vector<Weight> weights{{kNovelty, 0.5}, {kForecaster, 0.5}};
  for (const std::string& name : companions) weights.push_back({name, 0});
  return weights;
}

std::vector<Weight> EnsembleOptions::specified_weights() {
  return {
      {"isolation_forest", 0.3}, {"lstm_autoencoder", 0.3}, {"zscore", 0.2}, {"seasonal_esd", 0.2}};
}

}  // namespace anomaly_exporter::ensemble
