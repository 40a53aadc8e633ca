#include <algorithm>

#include "anomaly_exporter/sources/selector_parser.h"
#include "sections.h"

namespace anomaly_exporter::config {
namespace {

using severity::Level;
using severity::MuteRule;
using severity::Scope;
using severity::ThresholdRule;

/// `{instance=~"db.*"}`.
void decode_entity(const Cursor& at, Scope& scope) {
  const auto written = read_text(at);
  if (!written) return;
  // The name stands in for a metric's, without which matchers like {a!="b"} would be refused.
  const auto parsed = written->starts_with('{')
                          ? sources::parse_selector("entity" + *written)
                          : core::Error{core::ErrorCode::InvalidArgument, "no braces"};
  std::vector<severity::LabelCondition> conditions;
  if (parsed) {
    for (const sources::Matcher& matcher : *parsed) {
      if (matcher.name == "__name__") continue;
      // The order of the two lists is the same.
      conditions.push_back(
          {static_cast<severity::LabelCondition::Op>(matcher.type), matcher.name, matcher.value});
    }
  }
  auto made = severity::LabelConditions::create(conditions);
  if (!parsed || conditions.empty() || !made) {
    at.fail(in_quotes(*written) +
            " is not a list of label matchers; write it like {instance=~\"db.*\"}");
    return;
  }
  scope.entity = std::move(*made);
}

template <class T>
void add_scope(std::vector<Field<T>>& fields) {
  static const auto scope = [](T & rule) -> auto& { return rule.scope; };
  fields.push_back(field<T>(
      "monitor", [](T & rule) -> auto& { return scope(rule).monitor; }, text(),
      "Only this monitor's series."));
  fields.push_back(field<T>(
      "metric", [](T & rule) -> auto& { return scope(rule).metric; }, text(),
      "Only this metric's series."));
  fields.push_back(custom<T>({"entity", "label matchers", "", "",
                              "Only entities whose result labels match, like "
                              "`{instance=~\"db.*\"}`. RE2 expressions, anchored at both ends.",
                              "", false},
                             [](const Cursor& at, T& rule) { decode_entity(at, scope(rule)); }));
}

Kind<Level> level_words() {
  return choice<Level>({{"low", Level::Info},
                        {"medium", Level::Warning},
                        {"high", Level::Warning},
                        {"critical", Level::Critical},
                        {"info", Level::Info},
                        {"warning", Level::Warning}});
}

const Section<ThresholdRule>& threshold_limits_section() {
  static const Section<ThresholdRule> section{
      "thresholds[].critical",
      "Limits beyond which a value is critical at once; each replaces the metric's own.",
      {optional_field<ThresholdRule>("below", &ThresholdRule::critical_below,
                                     number({-1e300, 1e300}), "Values below are critical."),
       optional_field<ThresholdRule>("above", &ThresholdRule::critical_above,
                                     number({-1e300, 1e300}), "Values above are critical.")},
      nullptr};
  return section;
}

std::vector<Field<ThresholdRule>> threshold_fields() {
  using Rule = ThresholdRule;
  constexpr CountRange kTicks{1, severity::SeverityOptions::kMostForTicks};
  constexpr NumberRange kSigmas{0, 1000};
  std::vector<Field<Rule>> fields;
  add_scope(fields);
  fields.push_back(optional_field<Rule>(
      "threshold", &Rule::threshold, number({0.01, 0.99}),
      "Score from which these series alarm. The band and what is learned follow "
      "`ensemble.threshold`."));
  fields.push_back(optional_field<Rule>(
      "level", &Rule::level, level_words(),
      "Level of every alarm of these series, whatever its score: low is info, medium and high are "
      "warning. Crossed limits stay critical."));
  fields.push_back(optional_field<Rule>("warning_score", &Rule::warning_score, number({0, 1}),
                                        "As in `severity`."));
  fields.push_back(optional_field<Rule>("warning_sigmas", &Rule::warning_sigmas, number(kSigmas),
                                        "As in `severity`."));
  fields.push_back(optional_field<Rule>("critical_score", &Rule::critical_score, number({0, 1}),
                                        "As in `severity`."));
  fields.push_back(optional_field<Rule>("critical_sigmas", &Rule::critical_sigmas, number(kSigmas),
                                        "As in `severity`."));
  fields.push_back(nested<Rule>(
      "critical", [](Rule & rule) -> auto& { return rule; }, threshold_limits_section(),
      "Critical limits."));
  fields.push_back(
      optional_field<Rule>("for", &Rule::for_ticks, count(kTicks), "As in `severity`."));
  fields.push_back(optional_field<Rule>("critical_for", &Rule::critical_for_ticks, count(kTicks),
                                        "As in `severity`."));
  fields.push_back(optional_field<Rule>("hysteresis", &Rule::hysteresis, number({0, 0.99}),
                                        "As in `severity`."));
  fields.push_back(optional_field<Rule>("keep_firing_for", &Rule::keep_firing_for,
                                        duration(kKeepRange), "As in `severity`."));
  fields.push_back(
      optional_field<Rule>("cooldown", &Rule::cooldown, duration(kKeepRange), "As in `severity`."));
  fields.push_back(optional_field<Rule>("enabled", &Rule::is_enabled, boolean(),
                                        "false mutes these series: scored, severity 0."));
  fields.push_back(field<Rule>("description", &Rule::description, text(), "For people."));
  return fields;
}

bool sets_something(const ThresholdRule& r) {
  return r.threshold || r.level || r.warning_score || r.warning_sigmas || r.critical_score ||
         r.critical_sigmas || r.critical_below || r.critical_above || r.for_ticks ||
         r.critical_for_ticks || r.hysteresis || r.keep_firing_for || r.cooldown || r.is_enabled;
}

/// The monitors and metrics that a scope names must exist.
void check_scope(const Cursor& at, const Scope& scope, const std::vector<MonitorConfig>& monitors) {
  std::vector<std::string> names;
  std::vector<std::string> metrics;
  for (const MonitorConfig& monitor : monitors) {
    names.push_back(monitor.name);
    if (!scope.monitor.empty() && scope.monitor != monitor.name) continue;
    for (const MetricConfig& metric : monitor.metrics) metrics.push_back(metric.request.metric);
  }
  if (!scope.monitor.empty() && std::ranges::find(names, scope.monitor) == names.end()) {
    at.fail_at("monitor", in_quotes(scope.monitor) + " is not the name of a monitor" +
                              suggestion(scope.monitor, names));
  } else if (!scope.metric.empty() && std::ranges::find(metrics, scope.metric) == metrics.end()) {
    at.fail_at("metric", in_quotes(scope.metric) + " is not a metric there" +
                             suggestion(scope.metric, metrics));
  }
}

/// What the rule makes of the settings of the monitors it is about.
void check_result(const Cursor& at, const ThresholdRule& rule,
                  const std::vector<MonitorConfig>& monitors) {
  for (const MonitorConfig& monitor : monitors) {
    if (!rule.scope.monitor.empty() && rule.scope.monitor != monitor.name) continue;
    for (const MetricConfig& metric : monitor.metrics) {
      if (!rule.scope.metric.empty() && rule.scope.metric != metric.request.metric) continue;
      severity::Policy policy;
      policy.options = monitor.severity;
      policy.limits = metric.critical;
      severity::apply(rule, policy);
      for (const auto& status : {policy.options.validate(), policy.limits.validate()}) {
        if (status) continue;
        at.fail_within(status.error().message);
        return;
      }
    }
  }
}

}  // namespace

const Section<ThresholdRule>& threshold_section() {
  static const Section<ThresholdRule> section{
      "thresholds[]",
      "Settings of some series. Of the entries that name a series the most specific wins, key by "
      "key: entity and metric, entity, metric, monitor, all; among equals the later one.",
      threshold_fields(), [](const Cursor& at, const ThresholdRule& rule) {
        if (!sets_something(rule)) at.fail("sets nothing; write at least one setting");
      }};
  return section;
}

const Section<MuteRule>& mute_section() {
  static const Section<MuteRule> section = [] {
    std::vector<Field<MuteRule>> fields;
    add_scope(fields);
    fields.push_back(field<MuteRule>("description", &MuteRule::description, text(), "For people."));
    return Section<MuteRule>{
        "mute[]",
        "Series that are scored and shown, and whose severity is 0. Wins over `thresholds`.",
        fields, [](const Cursor& at, const MuteRule& rule) {
          if (rule.scope.rank() == 0) {
            at.fail("names no monitor, metric or entity, so it would mute everything");
          }
        }};
  }();
  return section;
}

std::vector<SectionDoc> threshold_section_docs() {
  return {doc_of(threshold_section()), doc_of(threshold_limits_section()), doc_of(mute_section())};
}

void decode_thresholds(const Cursor& at, FileDraft& draft) {
  if (at.exceeds(kMaxThresholds)) return;
  auto& monitors = draft.config.monitors;
  at.for_each_item([&](const Cursor& item) {
    ThresholdRule rule;
    const std::size_t before = item.faults();
    decode_section(item, threshold_section(), rule);
    if (item.faults() == before) check_scope(item, rule.scope, monitors);
    if (item.faults() == before) check_result(item, rule, monitors);
    for (MonitorConfig& monitor : monitors) monitor.thresholds.push_back(rule);
  });
}

void decode_mutes(const Cursor& at, FileDraft& draft) {
  if (at.exceeds(kMaxThresholds)) return;
  auto& monitors = draft.config.monitors;
  at.for_each_item([&](const Cursor& item) {
    MuteRule rule;
    const std::size_t before = item.faults();
    decode_section(item, mute_section(), rule);
    if (item.faults() == before) check_scope(item, rule.scope, monitors);
    for (MonitorConfig& monitor : monitors) monitor.mutes.push_back(rule);
  });
}

}  // namespace anomaly_exporter::config
