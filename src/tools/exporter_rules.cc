#include <array>
#include <string_view>

#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/tools/generate_rules.h"
#include "rule_text.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::string_view kHead =
    R"(# Rules over the health of anomaly_exporter itself and of the way to the people it calls.
# Made by `anomalytool generate rules --part exporter<<flags>>`.
groups:
  - name: anomaly_exporter
    interval: 30s
    rules:
      - record: stage_origin:anomaly_exporter_detection_latency_seconds:p95_5m
        expr: >-
          histogram_quantile(0.95, sum by (stage, origin, le)
          (rate(anomaly_exporter_detection_latency_seconds_bucket[5m])))
      - record: monitor:anomaly_exporter_seen_alarms:increase1d
        expr: sum by (monitor) (increase(anomaly_exporter_seen_alarms_total[1d]))
      - record: monitor:anomaly_exporter_expected_alarms:increase1d
        expr: sum by (monitor) (increase(anomaly_exporter_expected_alarms_total[1d]))
)";

constexpr std::string_view kAlert = R"(
      - alert: <<alert>>
        expr: >-
          <<expr>>
<<for>>        labels:
          severity: <<severity>>
        annotations:
          summary: >-
            <<summary>>
          description: >-
            <<description>>
          runbook_url: <<runbook>>
)";

struct Alert {
  std::string_view name, expr, hold, severity, summary, description;
};

constexpr Alert kDown{"AnomalyExporterDown",
                      "up{job=<<job>>} == 0 or absent(up{job=<<job>>})",
                      "2m",
                      "critical",
                      "anomaly_exporter{{ with $labels.instance }} {{ . }}{{ end }} is down",
                      "Prometheus cannot scrape the job {{ $labels.job }}: nothing is watched for "
                      "anomalies, and no anomaly alert can fire. Look first whether the process "
                      "runs and what its log ends in."};

/// With the monitors that read the source, so that their alerts can be held back; without a
/// monitor where that is not known.
constexpr Alert kSourceDown{
    "AnomalyExporterSourceDown",
    "(anomaly_exporter_monitor_interval_seconds and on (job, instance, source) "
    "anomaly_exporter_source_up == 0) or on (job, instance, source) "
    "anomaly_exporter_source_up == 0",
    "1m",
    "critical",
    "Source {{ $labels.source }}{{ with $labels.monitor }} of monitor {{ . }}{{ end }} does not "
    "answer",
    "anomaly_exporter {{ $labels.instance }} gets no answer from its source {{ $labels.source }}"
    "{{ with $labels.monitor }}: monitor {{ . }} stands still and sees nothing{{ end }}. What it "
    "misses is read and judged when the source answers again. Look first whether the source (a "
    "Prometheus) is up, then at the log of anomaly_exporter."};

constexpr Alert kEvaluationLate{
    "AnomalyExporterEvaluationLate",
    "(increase(anomaly_exporter_missed_ticks_total[5m]) > 2 or time() - "
    "anomaly_exporter_last_evaluation_timestamp_seconds > 900) unless on (job, instance, monitor) "
    "(anomaly_exporter_monitor_interval_seconds and on (job, instance, source) "
    "anomaly_exporter_source_up == 0)",
    "1m",
    "warning",
    "Monitor {{ $labels.monitor }} is evaluated late",
    "Monitor {{ $labels.monitor }} of {{ $labels.instance }} misses ticks although its source "
    "answers, so alerts come late. Look first at the load of the machine and at how long the "
    "source takes: anomaly_exporter_detection_latency_seconds by stage."};

/// Its history cannot be read, say, though the source answers otherwise.
constexpr Alert kNeverEvaluated{
    "AnomalyExporterEvaluationLate",
    "anomaly_exporter_monitor_interval_seconds unless on (job, instance, monitor) "
    "anomaly_exporter_last_evaluation_timestamp_seconds unless on (job, instance, source) "
    "anomaly_exporter_source_up == 0",
    "15m",
    "warning",
    "Monitor {{ $labels.monitor }} has not been evaluated since it started",
    "Monitor {{ $labels.monitor }} of {{ $labels.instance }} has been starting for 15 minutes "
    "although its source {{ $labels.source }} answers: nothing of it is judged. Look first at "
    "/-/ready of the exporter, which says what it waits for, and at its log."};

/// Of the exporter that has the monitor: others may have a source of the same name.
constexpr std::string_view kSourceOfMonitor =
    "anomaly_exporter_monitor_interval_seconds{monitor=<<monitor>>} and on (job, instance, source) "
    "anomaly_exporter_source_up{source=<<source>>} == 0";

constexpr std::string_view kLateOfMonitor =
    "time() - anomaly_exporter_last_evaluation_timestamp_seconds{monitor=<<monitor>>} > <<late>> "
    "unless on (job, instance) anomaly_exporter_source_up{source=<<source>>} == 0";

constexpr Alert kModelStale{
    "AnomalyExporterModelStale",
    "(anomaly_exporter_model_age_seconds > <<stale>> and anomaly_exporter_model_drift > 0.25) or "
    "on (job, instance, monitor, detector) "
    "(increase(anomaly_exporter_trainings_total{result=\"failed\"}[1d]) > 0 unless on (job, "
    "instance, monitor, detector) "
    "increase(anomaly_exporter_trainings_total{result=~\"adopted|rejected\"}[1d]) > 0)",
    "1h",
    "warning",
    "The model of {{ $labels.detector }} in monitor {{ $labels.monitor }} is out of date",
    "Detector {{ $labels.detector }} of monitor {{ $labels.monitor }} judges by a model that no "
    "longer fits what it sees (old, and its inputs have drifted), or could not be trained anew. "
    "Its votes lose meaning; others still work. Look first at anomaly_exporter_trainings_total by "
    "result and at the log."};

constexpr std::array kAlways{
    Alert{"AnomalyExporterReloadFailed", "anomaly_exporter_config_last_reload_successful == 0",
          "1m", "warning", "anomaly_exporter {{ $labels.instance }} refused its configuration",
          "The last reload failed; the configuration before it stays in force. Look first at the "
          "answer of `anomalytool check config FILE`, which names file, line and key."},
    Alert{"AnomalyExporterSeriesLimitNear",
          "anomaly_exporter_series / anomaly_exporter_series_limit > 0.9 or "
          "anomaly_exporter_source_series / anomaly_exporter_source_series_limit > 0.9",
          "10m", "warning", "anomaly_exporter {{ $labels.instance }} has room for few more series",
          "{{ $value | humanizePercentage }} of limits.series{{ with $labels.source }}_per_source "
          "is in use by source {{ . }}{{ else }} is in use{{ end }}. Beyond it, new series are "
          "not watched. Look first which monitor grew: anomaly_exporter_monitor_metric_series."},
    Alert{"AnomalyExporterSamplesDropped",
          "sum by (job, instance, monitor, reason) "
          "(increase(anomaly_exporter_samples_dropped_total{reason=~\"series_limit|label_limit|"
          "label_collision|duplicate_series\"}[10m])) > 0",
          "10m", "warning",
          "Monitor {{ $labels.monitor }} does not watch everything: {{ $labels.reason }}",
          "Samples of monitor {{ $labels.monitor }} are left out because of {{ $labels.reason }}, "
          "{{ $value | humanize }} in ten minutes: some series are not watched. The page at / of "
          "{{ $labels.instance }} names them."},
    Alert{"AnomalyExporterAlarmBudgetExceeded",
          "monitor:anomaly_exporter_seen_alarms:increase1d > "
          "monitor:anomaly_exporter_expected_alarms:increase1d + 3 * "
          "sqrt(monitor:anomaly_exporter_expected_alarms:increase1d) + 3",
          "10m", "warning",
          "Monitor {{ $labels.monitor }} alarms more often than its budget allows",
          "{{ $value | humanize }} series became anomalous within a day; the alarm budget allows "
          "{{ with printf \"monitor:anomaly_exporter_expected_alarms:increase1d{monitor=%q}\" "
          "$labels.monitor | query }}{{ . | first | value | humanize }}{{ else }}less{{ end }}. "
          "Either there was real trouble that day, or the monitor is too eager: look first which "
          "metrics it was, by anomaly_exporter_anomalies_total."},
    Alert{"AnomalyExporterOversampled", "anomaly_exporter_monitor_oversampled == 1", "10m", "info",
          "Monitor {{ $labels.monitor }} looks more often than its source scrapes",
          "The interval of monitor {{ $labels.monitor }} is shorter than the scrape interval of "
          "its source: the same samples are judged again. Harmless, and a waste; set the interval "
          "to the scrape interval."},
    Alert{"AnomalyExporterStateWriteFailed",
          "increase(anomaly_exporter_state_write_failures_total[15m]) > 0", "1m", "warning",
          "anomaly_exporter {{ $labels.instance }} cannot save its state",
          "What was learned since the last good write is lost at a restart and must be learned "
          "again. Look first at space and permissions of --storage.path."},
    Alert{"AnomalyNotificationsFailing",
          "sum by (job, instance, integration) "
          "(increase(alertmanager_notifications_failed_total[15m])) > 0 or "
          "sum by (job, instance, alertmanager) "
          "(increase(prometheus_notifications_errors_total[15m])) > 0 or "
          "sum by (job, instance, alertmanager) "
          "(increase(anomaly_exporter_notifications_errors_total[15m])) > 0",
          "1m", "critical",
          "Alerts do not arrive{{ with $labels.integration }} by {{ . }}{{ end }}"
          "{{ with $labels.alertmanager }} at {{ . }}{{ end }}",
          "{{ $labels.instance }} failed to deliver {{ $value | printf \"%.0f\" }} notifications "
          "in 15 "
          "minutes{{ with $labels.integration }} by {{ . }}{{ end }}{{ with $labels.alertmanager "
          "}} to Alertmanager {{ . }}{{ end }}: somebody is not told. Look first at its log, which "
          "names the receiver and the answer it got."},
};

/// What a rule is filled with beside its own text.
struct Context {
  std::string job, stale;
};

std::string render(const RulesOptions& options, const Alert& alert, std::string_view expr,
                   const Context& context) {
  const std::string filled = fill(expr, {{"job", context.job}, {"stale", context.stale}});
  const std::string hold = "        for: " + std::string(alert.hold) + '\n';
  return fill(kAlert, {{"alert", alert.name},
                       {"expr", filled},
                       {"for", hold},
                       {"severity", alert.severity},
                       {"summary", alert.summary},
                       {"description", alert.description},
                       {"runbook",
                        quoted(options.runbook_url_base + '/' + std::string(alert.name) + ".md")}});
}

/// Ticks may be late by three intervals, and by the time of a scrape.
core::Duration late_after(const config::MonitorConfig& monitor) {
  return std::max<core::Duration>(monitor.interval * 4 + monitor.offset, std::chrono::minutes(1));
}

std::string seconds(core::Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace

std::string exporter_rules(const RulesOptions& options) {
  const config::Config* config = options.config;
  Context context{quoted(options.job), ""};
  context.stale =
      seconds((config == nullptr ? config::TrainingConfig{} : config->training).interval * 3);
  std::string out = fill(kHead, {{"flags", config == nullptr ? "" : " --config FILE"}});
  out += render(options, kDown, kDown.expr, context);
  if (config == nullptr) {
    out += render(options, kSourceDown, kSourceDown.expr, context);
    out += render(options, kEvaluationLate, kEvaluationLate.expr, context);
  } else {
    for (const auto& monitor : config->monitors) {
      const std::string source = quoted(monitor.source);
      out += render(options, kSourceDown,
                    fill(kSourceOfMonitor, {{"monitor", quoted(monitor.name)}, {"source", source}}),
                    context);
      out += render(options, kEvaluationLate,
                    fill(kLateOfMonitor, {{"monitor", quoted(monitor.name)},
                                          {"source", source},
                                          {"late", seconds(late_after(monitor))}}),
                    context);
    }
  }
  out += render(options, kNeverEvaluated, kNeverEvaluated.expr, context);
  for (const Alert& alert : kAlways) out += render(options, alert, alert.expr, context);
  if (config == nullptr || config->training.enabled) {
    out += render(options, kModelStale, kModelStale.expr, context);
  }
  return out;
}

}  // namespace anomaly_exporter::tools
