#include "anomaly_exporter/severity/severity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "anomaly_exporter/core/number_text.h"

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
    if (!(score > 0 && score < 1)) {
      return invalid(std::string(key) + ": " + core::number_text(score) +
                     " is not between 0 and 1");
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
  return validate_pair("sigmas", warning_sigmas, critical_sigmas);
}

void SeverityColumns::resize(std::size_t metrics) {
  level.assign(metrics * kLanes, Level::None);
  sigmas.assign(metrics * kLanes, 0.0F);
}

Judge::Judge(SeverityOptions options, double alarm_threshold, std::vector<CriticalLimits> limits,
             std::vector<ensemble::Significance> significance)
    : options_(options),
      alarm_threshold_(alarm_threshold),
      limits_(std::move(limits)),
      significance_(std::move(significance)) {}

Level Judge::level_of(double score, double sigmas) const {
  if (score < alarm_threshold_) return Level::None;
  if (score > options_.critical_score && sigmas > options_.critical_sigmas) return Level::Critical;
  if (score >= options_.warning_score && sigmas >= options_.warning_sigmas) return Level::Warning;
  return Level::Info;
}

void Judge::judge(const detectors::Tick& tick, const ensemble::EnsembleColumns& scores,
                  SeverityColumns& out) const {
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    for (LaneMask lanes = tick.active; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      const std::size_t i = metric * kLanes + lane;
      out.level[i] = Level::None;
      out.sigmas[i] = 0;
      if ((tick.present[metric] & series::bit(lane)) == 0) continue;
      const float value = tick.values[i];
      double sigmas = 0;
      if (scores.has_expectation[i] != 0) {
        sigmas = sigmas_between(value, scores.expected[i], scores.scale[i]);
      }
      Level level = Level::None;
      if (scores.outcome[i] == detectors::Outcome::Scored)
        level = level_of(scores.score[i], sigmas);
      if (!significance_[metric].is_valid(value)) level = std::max(level, Level::Warning);
      if (limits_[metric].crossed(value)) level = Level::Critical;
      out.level[i] = level;
      out.sigmas[i] = static_cast<float>(sigmas);
    }
  }
}

}  // namespace anomaly_exporter::severity
