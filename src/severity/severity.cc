#include "anomaly_exporter/severity/severity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/severity/policy.h"

namespace anomaly_exporter::severity {
namespace {

using detectors::kLanes;
using detectors::LaneMask;

core::Error invalid(std::string message) {
  return {core::ErrorCode::InvalidArgument, std::move(message)};
}

core::Status validate_pair(std::string_view what, double warning, double critical) {
  if (warning <= critical) return {};
  return invalid("warning_" + std::string(what) + " " + core::number_text(warning) +
                 " is above critical_" + std::string(what) + " " + core::number_text(critical));
}

/// |value - expected| in sigmas, limited to what a float holds.
double sigmas_between(float value, float expected, float scale) {
  const double distance = std::abs(static_cast<double>(value) - static_cast<double>(expected));
  return std::min(distance / static_cast<double>(scale),
                  static_cast<double>(std::numeric_limits<float>::max()));
}

/// REQUIRES: 0 <= score < 1.
Level level_of(const Policy& policy, double score, double sigmas, double log_p0) {
  if (score < policy.threshold) return Level::None;
  if (policy.level) return *policy.level;
  const SeverityOptions& options = policy.options;
  const double log_p = ensemble::exponent_of(score) * log_p0;
  if (score > options.critical_score &&
      (sigmas > options.critical_sigmas || log_p < policy.log_critical_tail)) {
    return Level::Critical;
  }
  if (score >= options.warning_score &&
      (sigmas >= options.warning_sigmas || log_p <= policy.log_warning_tail)) {
    return Level::Warning;
  }
  return Level::Info;
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::None:
      return "none";
    case Level::Info:
      return "info";
    case Level::Warning:
      return "warning";
    case Level::Critical:
      return "critical";
  }
  return "none";
}

core::Status CriticalLimits::validate() const {
  if (below < above) return {};
  return invalid("critical: below " + core::number_text(below) + " is not less than above " +
                 core::number_text(above));
}

core::Status SeverityOptions::validate() const {
  for (const auto& [key, score] :
       {std::pair{"warning_score", warning_score}, std::pair{"critical_score", critical_score}}) {
    if (!(score >= 0 && score <= 1)) {
      return invalid(std::string(key) + ": " + core::number_text(score) + " is not from 0 to 1");
    }
  }
  for (const auto& [key, sigmas] : {std::pair{"warning_sigmas", warning_sigmas},
                                    std::pair{"critical_sigmas", critical_sigmas}}) {
    if (!(sigmas >= 0 && std::isfinite(sigmas))) {
      return invalid(std::string(key) + ": " + core::number_text(sigmas) +
                     " is not a finite number >= 0");
    }
  }
  if (auto status = validate_pair("score", warning_score, critical_score); !status.ok()) {
    return status;
  }
  if (auto status = validate_pair("sigmas", warning_sigmas, critical_sigmas); !status.ok()) {
    return status;
  }
  if (!(hysteresis >= 0 && hysteresis < 1)) {
    return invalid("hysteresis: " + core::number_text(hysteresis) + " is not from 0 to below 1");
  }
  for (const auto& [key, ticks] :
       {std::pair{"for", for_ticks}, std::pair{"critical_for", critical_for_ticks}}) {
    if (ticks < 1 || ticks > kMostForTicks) {
      return invalid(std::string(key) + ": " + std::to_string(ticks) + " is outside 1 to " +
                     std::to_string(kMostForTicks) + " ticks");
    }
  }
  for (const auto& [key, time] :
       {std::pair{"keep_firing_for", keep_firing_for}, std::pair{"cooldown", cooldown}}) {
    if (time.count() < 0) return invalid(std::string(key) + ": is negative");
  }
  return {};
}

void SeverityColumns::resize(std::size_t metrics) {
  level.assign(metrics * kLanes, Level::None);
  is_limit.assign(metrics * kLanes, 0);
  sigmas.assign(metrics * kLanes, 0.0F);
}

Judge::Judge(std::vector<ensemble::Significance> significance)
    : significance_(std::move(significance)) {}

void Judge::judge(const detectors::Tick& tick, const ensemble::EnsembleColumns& scores,
                  const Policies& policies, std::span<const std::uint32_t> policy_of_row,
                  double log_p0, SeverityColumns& out) const {
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    for (LaneMask lanes = tick.active; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      const std::size_t i = metric * kLanes + lane;
      out.level[i] = Level::None;
      out.is_limit[i] = 0;
      out.sigmas[i] = 0;
      if ((tick.present[metric] & series::bit(lane)) == 0) continue;
      const float value = tick.values[i];
      const Policy& policy = policies[policy_of_row[i]];
      double sigmas = 0;
      if (scores.has_expectation[i] != 0) {
        sigmas = sigmas_between(value, scores.expected[i], scores.scale[i]);
      }
      Level level = Level::None;
      if (scores.outcome[i] == detectors::Outcome::Scored)
        level = level_of(policy, scores.score[i], sigmas, log_p0);
      if (!significance_[metric].is_valid(value)) level = std::max(level, Level::Warning);
      if (policy.limits.crossed(value)) {
        level = Level::Critical;
        out.is_limit[i] = 1;
      }
      out.level[i] = level;
      out.sigmas[i] = static_cast<float>(sigmas);
    }
  }
}

}  // namespace anomaly_exporter::severity
