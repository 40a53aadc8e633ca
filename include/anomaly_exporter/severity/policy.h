#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/severity/label_conditions.h"
#include "anomaly_exporter/severity/severity.h"

namespace anomaly_exporter::severity {

/// Which series a rule is about. What is empty lets everything through.
struct Scope {
  std::string monitor;
  std::string metric;
  LabelConditions entity;

  /// Entity and metric before entity, metric, monitor, everything.
  [[nodiscard]] int rank() const {
    return (entity.is_set() ? 4 : 0) + (metric.empty() ? 0 : 2) + (monitor.empty() ? 0 : 1);
  }
};

/// Replaces single settings for the series in its scope; what is not set stays as it was. Ranges
/// as in SeverityOptions and CriticalLimits.
struct ThresholdRule {
  Scope scope;
  std::optional<double> threshold;  ///< score of an alarm, 0 to 1, instead of the ensemble's
  std::optional<double> warning_score, warning_sigmas, critical_score, critical_sigmas;
  std::optional<double> critical_below, critical_above;
  std::optional<std::uint32_t> for_ticks, critical_for_ticks;
  std::optional<double> hysteresis;
  std::optional<core::Duration> keep_firing_for, cooldown;
  /// Every alarm has this level, whatever its score; crossed limits stay critical.
  std::optional<Level> level;
  std::optional<bool> is_enabled;  ///< false mutes
  std::string description;         ///< for people
};

/// Mutes the series in its scope: they are scored, their severity is 0.
struct MuteRule {
  Scope scope;
  std::string description;  ///< for people
};

/// What holds for one series once every rule has been applied.
struct Policy {
  double threshold = 0.6;
  SeverityOptions options;
  CriticalLimits limits;
  std::optional<Level> level;
  bool is_muted = false;
  /// Share of an episode's highest state at which it is still held, see Episodes.
  double hold_share = 1;
  /// ln P(standard normal > options.warning_sigmas), and of critical_sigmas.
  double log_warning_tail = 0, log_critical_tail = 0;

  /// Score down to which an open episode is held; never below half the threshold, so that every
  /// episode can end.
  [[nodiscard]] double hold_score() const {
    return std::max(threshold - options.hysteresis, threshold / 2);
  }
};

/// Puts what a rule sets in the place of what was; the tails are not brought up to date.
void apply(const ThresholdRule& rule, Policy& policy);

/// ln P(standard normal > sigmas). Far out by the asymptotic series (Abramowitz and Stegun,
/// "Handbook of Mathematical Functions", 1964, 26.2.12).
double log_normal_tail(double sigmas);

/// The policies of a monitor's series.
///
/// Of the rules in whose scope a series lies, the most specific wins key by key: entity and metric,
/// entity, metric, monitor, everything; among equals the later one. A mute rule always wins. A
/// policy is made once per combination of rules and has a number; series without rules of their
/// own share that of their metric, whose number is the metric's.
///
/// Threads: `number_of` one thread at a time; const members at the same time as each other. Cost of
/// number_of: about 100 ns per condition of rules with an entity.
class Policies {
 public:
  struct Metric {
    std::string name;
    CriticalLimits limits;
  };

  /// `defaults`: what holds without rules; its limits are replaced by each metric's own. Rules of
  /// other monitors are left out.
  Policies(const std::string& monitor, Policy defaults, const std::vector<Metric>& metrics,
           const std::vector<ThresholdRule>& thresholds, const std::vector<MuteRule>& mutes);

  /// True when rules look at entities: only then `number_of` differs from the metric's number.
  [[nodiscard]] bool looks_at_entities() const { return looks_at_entities_; }
  std::uint32_t number_of(std::size_t metric, const core::Labels& entity);
  [[nodiscard]] const Policy& operator[](std::uint32_t number) const { return policies_[number]; }

 private:
  Policy make(std::size_t metric, const std::vector<bool>& applies) const;

  Policy defaults_;
  std::vector<Metric> metrics_;
  std::vector<ThresholdRule> thresholds_;  // of this monitor, by rising rank
  std::vector<MuteRule> mutes_;
  bool looks_at_entities_ = false;
  std::vector<Policy> policies_;
  /// By metric and the rules with conditions on entities that hold.
  std::map<std::pair<std::size_t, std::vector<bool>>, std::uint32_t> numbers_;
};

}  // namespace anomaly_exporter::severity
