#include "anomaly_exporter/tools/generate_rules.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/exposition/dialect.h"
#include "rule_text.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::string_view kHead =
    R"(# Rules over what anomaly_exporter finds: <<about>>.
# Made by `anomalytool generate rules --part anomalies<<flags>>`.
# The severity already holds the judgement, `for` and `keep_firing_for` included; the rules carry it
# to Alertmanager and say in words what it means. Load them only with `alerting.mode: rules`.
groups:
)";

/// Of scrapes of us and of evaluations, however rarely a monitor ticks: Prometheus takes a value
/// for gone after five minutes, so alerts would resolve between two of them.
constexpr core::Duration kLongestInterval = std::chrono::minutes(1);

/// What is the same for every rule of a group.
constexpr std::string_view kRecords = R"(  - name: <<group>>
    interval: <<interval>>
    rules:
      # Since when each series is anomalous, whatever its level became meanwhile.
      - record: series:anomaly_severity:start_timestamp_seconds
        expr: >-
          series:anomaly_severity:start_timestamp_seconds<<own>> and (anomaly_severity<<own>> > 0)
          or timestamp(anomaly_severity<<own>> > 0)
      - record: monitor_metric:anomaly_severity:max
        expr: max by (monitor, metric) (anomaly_severity<<own>>)
      - record: monitor_metric:anomaly_severity:count_anomalous
        expr: sum by (monitor, metric) (anomaly_severity<<own>> > bool 0)
      # Share of the metrics of each host, service, ... that are anomalous.
      - record: entity:anomaly_severity:ratio_anomalous
        expr: avg without (metric) (anomaly_severity<<own>> > bool 0)
      - record: monitor:anomaly_entity_score:max
        expr: max by (monitor) (anomaly_entity_score<<own>>)
)";

/// `name` prints the labels that tell who a series is.
constexpr std::string_view kDefine =
    R"yaml(            {{ define "name" }}{{ $who := "" }}{{ range $k, $v := . }}{{ if not (match "^(__name__|monitor|metric)$" $k) }}{{ $who = printf "%s%s%s %s" $who (and $who ", ") $k $v }}{{ end }}{{ end }}{{ or $who "everything" }}{{ end -}}
)yaml";

/// Sets $s, the labels of the entity as matchers, and $who, the same for people.
constexpr std::string_view kAnyLabels =
    R"({{ $s := "" }}{{ $who := "" }}{{ range $k, $v := $labels }}{{ if not (match "^(__name__|monitor|metric)$" $k) }}{{ $s = printf "%s,%s=%q" $s $k $v }}{{ $who = printf "%s%s%s %s" $who (and $who ", ") $k $v }}{{ end }}{{ end }}{{ if not $who }}{{ $who = "everything" }}{{ end -}})";

/// One query for all numbers, since a storm asks it for every series at once.
constexpr std::string_view kSeriesAlert = R"yaml(
      - alert: <<alert>>
        expr: anomaly_severity<<own>> == <<level>>
        labels:
          severity: <<severity>>
        annotations:
          summary: >-
            <<labels>>
            {{ $labels.metric }} of {{ $who }} <<is>>
          description: |-
            <<labels>>
            {{ $here := printf "monitor=%q%s" $labels.monitor $s -}}
            {{ $value := "unknown" }}{{ $expected := "unknown" }}{{ $lower := "" }}{{ $upper := "" }}{{ $sigmas := "" }}{{ $score := "unknown" }}{{ $votes := "" }}{{ $part := "" }}{{ $since := "" -}}
            {{ range query (printf "sort_desc({__name__=~\"anomaly_(value|expected_value|lower_bound|upper_bound|deviation_sigmas|score|detector_score|contribution_ratio)|series:anomaly_severity:start_timestamp_seconds\",%s,metric=%q})" $here $labels.metric) -}}
            {{ $family := .Labels.__name__ }}{{ $n := printf "%.4g" .Value }}{{ if or (ge .Value 1e5) (le .Value -1e5) }}{{ $n = humanize .Value }}{{ end -}}
            {{ if eq $family "anomaly_value" }}{{ $value = $n }}{{ end -}}
            {{ if eq $family "anomaly_expected_value" }}{{ $expected = $n }}{{ end -}}
            {{ if and (eq $family "anomaly_lower_bound") (ne $n "-Inf") }}{{ $lower = printf ", usually at least %s" $n }}{{ end -}}
            {{ if and (eq $family "anomaly_upper_bound") (ne $n "+Inf") }}{{ $upper = printf ", usually at most %s" $n }}{{ end -}}
            {{ if eq $family "anomaly_deviation_sigmas" }}{{ $sigmas = printf ": %s sigma from what was expected" $n }}{{ end -}}
            {{ if eq $family "anomaly_score" }}{{ $score = $n }}{{ end -}}
            {{ if eq $family "anomaly_detector_score" }}{{ $votes = printf "%s %s %.2f" $votes .Labels.detector .Value }}{{ end -}}
            {{ if eq $family "anomaly_contribution_ratio" }}{{ $part = printf " Its part in what is unusual there: %s." (humanizePercentage .Value) }}{{ end -}}
            {{ if eq $family "series:anomaly_severity:start_timestamp_seconds" }}{{ $since = (toTime .Value).Format "2006-01-02 15:04:05" }}{{ end -}}
            {{ end -}}
            <<unit>>{{ $labels.metric }} of {{ $who }} (monitor {{ $labels.monitor }}) is {{ $value }}{{ $unit }}, expected {{ $expected }}{{ $unit }}{{ $lower }}{{ $upper }}{{ $sigmas }}.
            Score {{ $score }}<<thresholds>>. Votes:{{ or $votes " none (a crossed limit needs none)" }}.{{ $part }}
            Unusual since {{ $since }} UTC. {{ with query (printf "anomaly_severity{%s,metric!=%q} > 0" $here $labels.metric) }}Also unusual there:{{ range sortByLabel "metric" . }} {{ .Labels.metric }}{{ end }}.{{ else }}Nothing else is unusual there.{{ end -}}
            {{ range query (printf "sum(max by (severity) (increase(anomaly_exporter_anomalies_total{monitor=%q,metric=%q,detector=\"ensemble\"}[7d])))" $labels.monitor $labels.metric) }} Alarms and rises in level of {{ $labels.metric }} in all of this monitor within 7 days: {{ printf "%.0f" .Value }}.{{ end }}
            Look first at the graph of value and band: did it jump (a fault, a deploy), creep (a leak, growth) or only twitch (noise)? What changed on {{ $who }} just before?
          runbook_url: <<runbook>>
          dashboard_url: >-
            <<dashboard>>
)yaml";

constexpr std::string_view kIncidentAlert = R"yaml(
      - alert: AnomalyIncident
        expr: anomaly_incident_severity<<own>> == <<level>>
        labels:
          severity: <<severity>>
          # The names of the labels its members share, for inhibit_rules.
          scope: '{{ $scope := "" }}{{ range $k, $v := $labels }}{{ if not (match "^(__name__|monitor)$" $k) }}{{ $scope = printf "%s%s%s" $scope (and $scope "/") $k }}{{ end }}{{ end }}{{ or $scope "monitor" }}'
        annotations:
          summary: >-
            <<who>>{{ $many := "Several" }}{{ range query (printf "anomaly_incident_members{%s}" $here) }}{{ if eq (len .Labels) (len $labels) }}{{ $many = .Value }}{{ end }}{{ end }}{{ $many }}
            series of {{ if $who }}{{ $who }}{{ else }}monitor {{ $labels.monitor }}{{ end }} are unusual together
          description: |-
<<define>>            <<who>>{{ $many := "Several" }}{{ range query (printf "anomaly_incident_members{%s}" $here) }}{{ if eq (len .Labels) (len $labels) }}{{ $many = .Value }}{{ end }}{{ end }}{{ $many }} series of {{ if $who }}{{ $who }} (monitor {{ $labels.monitor }}){{ else }}monitor {{ $labels.monitor }}{{ end }} became unusual together: treat them as one problem.
            Most unusual now:
            {{- range query (printf "sort_desc(topk(5, anomaly_score{%s} and anomaly_severity{%s} > 0))" $here $here) }}
            * {{ .Labels.metric }} of {{ template "name" .Labels }}: score {{ printf "%.2f" .Value }}
            {{- else }} nothing that is still scored{{ end }}
            {{ range query (printf "bottomk(1, series:anomaly_severity:start_timestamp_seconds{%s})" $here) }}The first to move: {{ .Labels.metric }} of {{ template "name" .Labels }}, at {{ (toTime .Value).Format "2006-01-02 15:04:05" }} UTC.{{ end }}
            Look first at the one that moved first: what came after it is more often effect than cause. Alerts of single series that share these labels are held back while this one stands.
          runbook_url: <<runbook>>
          dashboard_url: >-
            <<dashboard>>
)yaml";

constexpr std::string_view kMissingAlert = R"yaml(
      - alert: AnomalySeriesMissing
        expr: sum without (metric) (anomaly_series_missing<<own>>) > 0
        for: 2m
        labels:
          severity: warning
        annotations:
          summary: >-
            <<who>>{{ or $who "Everything" }} of monitor {{ $labels.monitor }} no longer reports
            {{ $value }} metric{{ if ne $value 1.0 }}s{{ end }}
          description: |-
            <<who>>{{ or $who "Everything" }} (monitor {{ $labels.monitor }}) had samples before and has none now. Missing:
            {{- range query (printf "anomaly_series_missing{%s} == 1" $here) | sortByLabel "metric" }} {{ .Labels.metric }}{{ end }}.
            {{ with query (printf "anomaly_value{%s}" $here) }}Still there:{{ range sortByLabel "metric" . }} {{ .Labels.metric }}{{ end }}. Look first at what exports the missing ones.{{ else }}Nothing of it is left. Look first whether the host or its exporter is down (`up` in Prometheus).{{ end }}
            A series that stays away for expire_after (1 hour by default) is forgotten, and this alert ends.
          runbook_url: <<runbook>>
          dashboard_url: >-
            <<dashboard>>
)yaml";

constexpr std::string_view kScrapeConfig =
    R"yaml(# Under scrape_configs of prometheus.yml. honor_labels: the scores carry the labels of the series
# they judge. It trusts this target to speak for others: scrape only your own exporter like this.
- job_name: <<job>>
  honor_labels: true
  scrape_interval: <<interval>>
  scrape_timeout: <<timeout>>
  static_configs:
    - targets: [<<address>>]
  # A result that has no job or instance of its own would be given those of this target.
  metric_relabel_configs:
    - source_labels: [__name__, instance]
      regex: <<of_address>>
      target_label: instance
      replacement: ''
    - source_labels: [__name__, job]
      regex: <<of_job>>
      target_label: job
      replacement: ''
)yaml";

/// Text as a regular expression that matches it alone.
std::string literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(R"(\.+*?()|[]{}^$)").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

struct Level {
  std::string_view alert, severity, number, is;
};
constexpr std::array kLevels{
    Level{"AnomalyCritical", "critical", "3", "is critically unusual"},
    Level{"AnomalyWarning", "warning", "2", "is unusual"},
    Level{"AnomalyInfo", "info", "1", "is slightly unusual"},
};

/// $s and $who from exactly the labels that tell entities apart. A label without a
/// value is no part of the text, and matches series that lack it too.
std::string exact_labels(const std::vector<std::string>& group_by) {
  std::string out = R"({{ $s := "" }}{{ $who := "" }})";
  for (const std::string& label : group_by) {
    out += fill(R"({{ $s = printf "%s,<<l>>=%q" $s $labels.<<l>> }}{{ if $labels.<<l>> }})"
                R"({{ $who = printf "%s%s<<l>> %s" $who (and $who ", ") $labels.<<l>> }}{{ end }})",
                {{"l", output_label(label)}});
  }
  return out + R"({{ if not $who }}{{ $who = "everything" }}{{ end -}})";
}

/// $unit by metric; no text for metrics without a unit.
std::string unit_text(const config::MonitorConfig* monitor) {
  std::string out = R"({{ $unit := "" }})";
  for (std::size_t m = 0; monitor != nullptr && m < monitor->metrics.size(); ++m) {
    const auto& metric = monitor->metrics[m];
    if (metric.unit.empty()) continue;
    out += fill("{{ if eq $labels.metric <<metric>> }}{{ $unit = <<unit>> }}{{ end }}",
                {{"metric", quoted(metric.request.metric)}, {"unit", quoted(' ' + metric.unit)}});
  }
  return out;
}

std::string threshold_text(const config::MonitorConfig* monitor) {
  if (monitor == nullptr) return " of 1";
  const auto number = [](double value) { return core::number_text(value); };
  const auto& s = monitor->severity;
  return fill(
      " of 1: an alarm from <<t>>, a warning from <<w>> and <<ws>> sigma, critical "
      "above "
      "<<c>> and <<cs>> sigma or beyond a critical limit",
      {{"t", number(monitor->ensemble.threshold)},
       {"w", number(s.warning_score)},
       {"ws", number(s.warning_sigmas)},
       {"c", number(s.critical_score)},
       {"cs", number(s.critical_sigmas)}});
}

/// `{label}` becomes the template of the label's value, ready for a URL.
std::string dashboard_template(const std::string& url) {
  std::string out;
  for (std::size_t i = 0; i < url.size(); ++i) {
    const std::size_t end = url[i] == '{' ? url.find('}', i) : std::string::npos;
    if (end == std::string::npos) {
      out += url[i];
      continue;
    }
    out += "{{ $labels." + url.substr(i + 1, end - i - 1) + " | urlquery }}";
    i = end;
  }
  return out;
}

/// Value, expectation and band of what $selector (matchers without braces) says, as a
/// graph.
constexpr std::string_view kGraph =
    R"yaml({{ $externalURL }}{{ graphLink (printf "{__name__=~\"anomaly_(value|expected_value|lower_bound|upper_bound)\",monitor=%q,metric=%q%s}" $labels.monitor $labels.metric $s) }})yaml";
/// The same of one family over all series that a rule is about.
constexpr std::string_view kFamilyGraph =
    R"yaml({{ $externalURL }}{{ graphLink (printf "<<family>>{%s}" $here) }})yaml";

/// $here, the labels as matchers, and $who, the same for people, of rules that are not about one
/// series.
constexpr std::string_view kWho =
    R"yaml({{ $here := printf "monitor=%q" $labels.monitor }}{{ $who := "" }}{{ range $k, $v := $labels }}{{ if not (match "^(__name__|monitor)$" $k) }}{{ $here = printf "%s,%s=%q" $here $k $v }}{{ $who = printf "%s%s%s %s" $who (and $who ", ") $k $v }}{{ end }}{{ end -}}
            )yaml";

std::string runbook(const RulesOptions& options, std::string_view alert) {
  return quoted(options.runbook_url_base + '/' + std::string(alert) + ".md");
}

/// Rules of one monitor, or of all with null.
std::string group(const RulesOptions& options, const config::MonitorConfig* monitor) {
  const bool exact = monitor != nullptr && monitor->group_by.has_value();
  const std::string labels = exact ? exact_labels(*monitor->group_by) : std::string(kAnyLabels);
  const std::string own = monitor == nullptr ? "" : "{monitor=" + quoted(monitor->name) + '}';
  const std::string unit = unit_text(monitor), thresholds = threshold_text(monitor);
  const auto dashboard = [&](std::string graph) {
    return options.dashboard_url.empty() ? std::move(graph)
                                         : dashboard_template(options.dashboard_url);
  };
  const std::string series_graph = labels + "\n            " +
                                   fill(kGraph, {{"matchers", "monitor=%q,metric=%q%s"},
                                                 {"values", "$labels.monitor $labels.metric $s"}});
  const auto who_graph = [](std::string_view family) {
    return std::string(kWho) + fill(kFamilyGraph, {{"family", family}});
  };

  std::string out = fill(
      kRecords, {{"group", monitor == nullptr ? "anomaly" : quoted("anomaly_" + monitor->name)},
                 {"interval", monitor == nullptr ? "5s"
                                                 : core::format_duration(std::min(
                                                       monitor->interval, kLongestInterval))},
                 {"own", own}});
  // Incidents before their members: the rules of a group are evaluated and sent in this order, and
  // Alertmanager holds back only what comes after the alert that holds it back.
  for (const Level& level : kLevels) {
    out += fill(kIncidentAlert, {{"own", own},
                                 {"level", level.number},
                                 {"severity", level.severity},
                                 {"define", kDefine},
                                 {"who", kWho},
                                 {"runbook", runbook(options, "AnomalyIncident")},
                                 {"dashboard", dashboard(who_graph("anomaly_score"))}});
  }
  for (const Level& level : kLevels) {
    out += fill(kSeriesAlert, {{"alert", level.alert},
                               {"own", own},
                               {"level", level.number},
                               {"severity", level.severity},
                               {"is", level.is},
                               {"labels", labels},
                               {"unit", unit},
                               {"thresholds", thresholds},
                               {"runbook", runbook(options, level.alert)},
                               {"dashboard", dashboard(series_graph)}});
  }
  return out + fill(kMissingAlert, {{"own", own},
                                    {"who", kWho},
                                    {"runbook", runbook(options, "AnomalySeriesMissing")},
                                    {"dashboard", dashboard(who_graph("anomaly_series_missing"))}});
}

}  // namespace

core::Result<std::string> anomaly_rules(const RulesOptions& options) {
  const config::Config* config = options.config;
  if (config == nullptr) {
    return fill(kHead, {{"about", "any monitor, whatever it is grouped by"}}) +
           group(options, nullptr);
  }
  const auto& families = config->exposition.families;
  for (const char* family : {"anomaly_severity", "anomaly_series_missing"}) {
    if (std::find(families.begin(), families.end(), family) != families.end()) continue;
    return core::Error{core::ErrorCode::InvalidArgument,
                       "exposition.families: the rules need " + std::string(family)};
  }
  std::string out =
      fill(kHead, {{"about", "the monitors of one configuration"}, {"flags", " --config FILE"}});
  for (const auto& monitor : config->monitors) out += group(options, &monitor);
  return out;
}

std::string scrape_config(const config::Config& config, const std::string& job,
                          const std::string& address) {
  core::Duration interval = std::min(config.global.interval, kLongestInterval);
  for (const auto& monitor : config.monitors) interval = std::min(interval, monitor.interval);
  // What the dialect dwcp counts is of the exporter itself; everything else is of the series.
  exposition::ExpositionOptions of_series = config.exposition;
  std::erase(of_series.dialects, "dwcp");
  std::string results;
  for (const std::string& family : exposition::own_families(of_series)) {
    results += (results.empty() ? "(" : "|") + family;
  }
  return fill(kScrapeConfig, {{"job", quoted(job)},
                              {"interval", core::format_duration(interval)},
                              {"timeout", core::format_duration(std::min<core::Duration>(
                                              interval, std::chrono::seconds(10)))},
                              {"address", quoted(address)},
                              {"of_address", quoted(results + ");" + literal(address))},
                              {"of_job", quoted(results + ");" + literal(job))}});
}

}  // namespace anomaly_exporter::tools
