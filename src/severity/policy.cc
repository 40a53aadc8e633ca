#include "anomaly_exporter/severity/policy.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace anomaly_exporter::severity {
namespace {

template <class T>
void replace(T& value, const std::optional<T>& by) {
  if (by) value = *by;
}

template <class Rule>
void keep_rules_of(const std::string& monitor, const std::vector<Rule>& from,
                   std::vector<Rule>& to) {
  for (const Rule& rule : from) {
    if (rule.scope.monitor.empty() || rule.scope.monitor == monitor) to.push_back(rule);
  }
}

}  // namespace

void apply(const ThresholdRule& rule, Policy& policy) {
  SeverityOptions& options = policy.options;
  replace(policy.threshold, rule.threshold);
  replace(options.warning_score, rule.warning_score);
  replace(options.warning_sigmas, rule.warning_sigmas);
  replace(options.critical_score, rule.critical_score);
  replace(options.critical_sigmas, rule.critical_sigmas);
  replace(policy.limits.below, rule.critical_below);
  replace(policy.limits.above, rule.critical_above);
  replace(options.for_ticks, rule.for_ticks);
  replace(options.critical_for_ticks, rule.critical_for_ticks);
  replace(options.hysteresis, rule.hysteresis);
  replace(options.keep_firing_for, rule.keep_firing_for);
  replace(options.cooldown, rule.cooldown);
  if (rule.level) policy.level = rule.level;
  if (rule.is_enabled) policy.is_muted = !*rule.is_enabled;
}

double log_normal_tail(double sigmas) {
  constexpr double kFarOut = 30;
  if (sigmas < kFarOut) return std::log(0.5 * std::erfc(sigmas / std::numbers::sqrt2));
  const double squared = sigmas * sigmas;
  return -squared / 2 - std::log(sigmas * std::sqrt(2 * std::numbers::pi)) +
         std::log1p(-1 / squared);
}

Policies::Policies(const std::string& monitor, Policy defaults, const std::vector<Metric>& metrics,
                   const std::vector<ThresholdRule>& thresholds, const std::vector<MuteRule>& mutes)
    : defaults_(std::move(defaults)), metrics_(metrics) {
  keep_rules_of(monitor, thresholds, thresholds_);
  keep_rules_of(monitor, mutes, mutes_);
  std::ranges::stable_sort(thresholds_, {},
                           [](const ThresholdRule& rule) { return rule.scope.rank(); });
  const auto is_about_entities = [](const auto& rule) { return rule.scope.entity.is_set(); };
  looks_at_entities_ = std::ranges::any_of(thresholds_, is_about_entities) ||
                       std::ranges::any_of(mutes_, is_about_entities);
  const std::vector<bool> none(thresholds_.size() + mutes_.size());
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    policies_.push_back(make(m, none));
    numbers_.emplace(std::pair{m, none}, static_cast<std::uint32_t>(m));
  }
}

std::uint32_t Policies::number_of(std::size_t metric, const core::Labels& entity) {
  if (!looks_at_entities_) return static_cast<std::uint32_t>(metric);
  std::vector<bool> holds(thresholds_.size() + mutes_.size());
  std::size_t i = 0;
  const auto check = [&](const Scope& scope) {
    const bool is_ours = scope.metric.empty() || scope.metric == metrics_[metric].name;
    holds[i++] = scope.entity.is_set() && is_ours && scope.entity.hold_for(entity);
  };
  for (const ThresholdRule& rule : thresholds_) check(rule.scope);
  for (const MuteRule& rule : mutes_) check(rule.scope);
  const auto [found, is_new] = numbers_.try_emplace(std::pair{metric, std::move(holds)},
                                                    static_cast<std::uint32_t>(policies_.size()));
  if (is_new) policies_.push_back(make(metric, found->first.second));
  return found->second;
}

/// `applies`: of the rules with conditions on entities, those that hold.
Policy Policies::make(std::size_t metric, const std::vector<bool>& applies) const {
  Policy policy = defaults_;
  policy.limits = metrics_[metric].limits;
  std::size_t i = 0;
  const auto is_in_scope = [&](const Scope& scope) {
    const bool holds = applies[i++];
    if (scope.entity.is_set()) return holds;
    return scope.metric.empty() || scope.metric == metrics_[metric].name;
  };
  for (const ThresholdRule& rule : thresholds_) {
    if (is_in_scope(rule.scope)) apply(rule, policy);
  }
  for (const MuteRule& rule : mutes_) {
    if (is_in_scope(rule.scope)) policy.is_muted = true;
  }
  policy.log_warning_tail = log_normal_tail(policy.options.warning_sigmas);
  policy.log_critical_tail = log_normal_tail(policy.options.critical_sigmas);
  return policy;
}

}  // namespace anomaly_exporter::severity
