#include "alert_metrics.h"

#include <limits>

#include "families.h"

namespace anomaly_exporter::app {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricLabels of(const std::string& alertmanager) { return {{"alertmanager", alertmanager}}; }

void add_senders(const alerting::NotifierStats& stats, Families& out) {
  const auto counter = [&](const char* name, const char* help, auto value) {
    out.open(name, help, MetricType::Counter);
    for (const auto& [url, s] : stats.senders) out.counter(of(url), value(s));
  };
  const auto gauge = [&](const char* name, const char* help, auto value) {
    out.open(name, help, MetricType::Gauge);
    for (const auto& [url, s] : stats.senders) out.gauge(of(url), value(s));
  };
  counter("anomaly_exporter_notifications_sent_total",
          "Alerts delivered to an Alertmanager, each resend included.",
          [](const auto& s) { return s.sent; });
  counter("anomaly_exporter_notifications_errors_total",
          "Alerts in requests that failed; they may be delivered later.",
          [](const auto& s) { return s.errors; });
  counter("anomaly_exporter_notifications_requests_total", "Requests to an Alertmanager.",
          [](const auto& s) { return s.posts; });
  counter("anomaly_exporter_notifications_requests_failed_total",
          "Requests to an Alertmanager that failed.", [](const auto& s) { return s.failed_posts; });
  out.open("anomaly_exporter_notifications_dropped_total",
           "Versions of alerts not delivered to an Alertmanager, by reason.", MetricType::Counter);
  for (const auto& [url, s] : stats.senders) {
    for (std::size_t r = 0; r < alerting::kDropReasons; ++r) {
      const auto reason = static_cast<alerting::DropReason>(r);
      out.counter({{"alertmanager", url}, {"reason", std::string(to_string(reason))}},
                  s.dropped[r]);
    }
  }
  gauge("anomaly_exporter_notifications_queue_length", "Alerts waiting for an Alertmanager.",
        [](const auto& s) { return s.queue_length; });
  gauge("anomaly_exporter_notifications_queue_capacity",
        "Alerts that may wait (alerting.queue_limit).",
        [](const auto& s) { return s.queue_capacity; });
  out.open("anomaly_exporter_notifications_clock_skew_seconds",
           "Clock of the Alertmanager minus ours, to about a second.", MetricType::Gauge);
  for (const auto& [url, s] : stats.senders) {
    if (s.clock_skew) out.gauge(of(url), core::to_seconds(*s.clock_skew));
  }
  out.open("anomaly_exporter_notifications_latency_seconds", "Time of one request.",
           MetricType::Histogram);
  for (const auto& [url, s] : stats.senders) {
    auto& histogram = out.add(of(url)).histogram;
    std::uint64_t seen = 0;
    for (std::size_t b = 0; b < s.latency_counts.size(); ++b) {
      seen += s.latency_counts[b];
      const bool is_last = b == alerting::kLatencyBounds.size();
      const double bound =
          is_last ? std::numeric_limits<double>::infinity() : alerting::kLatencyBounds[b];
      histogram.bucket.push_back({.cumulative_count = seen, .upper_bound = bound});
    }
    histogram.sample_count = seen;
    histogram.sample_sum = s.latency_sum;
  }
}

void add_silences(const alerting::NotifierStats& stats,
                  const std::map<std::string, std::uint64_t>& silenced, Families& out) {
  out.open("anomaly_exporter_silenced_series", "Series that a silence of Alertmanager covers.",
           MetricType::Gauge);
  for (const auto& [monitor, series] : silenced) out.gauge({{"monitor", monitor}}, series);
  out.open("anomaly_exporter_silences", "Silences of the Alertmanagers active now.",
           MetricType::Gauge);
  out.gauge({}, stats.active_silences);
  out.open("anomaly_exporter_silence_polls_total", "Requests for an Alertmanager's silences.",
           MetricType::Counter);
  for (const auto& [url, s] : stats.silence_polls) out.counter(of(url), s.polls);
  out.open("anomaly_exporter_silence_poll_failures_total",
           "Of them, those that failed; the last known silences then stay.", MetricType::Counter);
  for (const auto& [url, s] : stats.silence_polls) out.counter(of(url), s.failures);
  out.open("anomaly_exporter_silences_skipped",
           "Silences of the last answer that could not be evaluated.", MetricType::Gauge);
  for (const auto& [url, s] : stats.silence_polls) out.gauge(of(url), s.skipped);
  out.open("anomaly_exporter_silences_last_heard_timestamp_seconds",
           "When the silences were last read; 0 = never.", MetricType::Gauge);
  for (const auto& [url, s] : stats.silence_polls) out.gauge(of(url), s.last_heard.seconds());
}

}  // namespace

std::vector<MetricFamily> alert_families(const alerting::NotifierStats& stats,
                                         const std::map<std::string, std::uint64_t>& silenced) {
  Families out;
  add_senders(stats, out);
  out.open("anomaly_exporter_notifications_suppressed_total",
           "Openings of alerts that were not told, by reason; limit also counts ends.",
           MetricType::Counter);
  for (std::size_t r = 1; r < alerting::kSuppressions; ++r) {
    const auto reason = static_cast<alerting::Suppression>(r);
    out.counter({{"reason", std::string(to_string(reason))}}, stats.suppressed[r]);
  }
  out.open("anomaly_exporter_alerts_open", "Alerts that stand open now.", MetricType::Gauge);
  out.gauge({}, stats.open_alerts);
  out.open("anomaly_exporter_alert_state_write_failures_total",
           "Times the state of open alerts could not be saved.", MetricType::Counter);
  out.counter({}, stats.save_failures);
  out.open("anomaly_exporter_webhook_alerts_total",
           "Alerts in notifications that Alertmanager sent to us, by what they were.",
           MetricType::Counter);
  for (std::size_t r = 0; r < alerting::kReceipts; ++r) {
    const auto receipt = static_cast<alerting::Receipt>(r);
    out.counter({{"result", std::string(to_string(receipt))}}, stats.receipts[r]);
  }
  add_silences(stats, silenced, out);
  return out.take();
}

}  // namespace anomaly_exporter::app
