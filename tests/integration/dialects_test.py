"""Alert expressions written for other systems fire and resolve on what the dialects serve."""
import random

import exposed
import servers

CONFIG = """
global: {{interval: 1s, window: 60, calibration: 60s, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 30}}, mad: {{window: 30}}}}
ensemble: {{method: vote, weights: {{zscore: 1}}}}
severity: {{keep_firing_for: 5s}}
monitors:
  - name: node-exporter
    group_by: [instance]
    metrics:
      page_faults: {{query: 'page_faults', min_deviation: 1, critical: {{above: 1000}}}}
      latency: {{query: 'latency', min_deviation: 1, critical: {{above: 1000}}}}
exposition:
  families: [anomaly_severity]
  dialects: [dwcp, vmanomaly, promql]
"""

# As the three systems publish them. Only times are shorter, and the strategy is ours.
RULES = """
groups:
  - name: published
    interval: 1s
    rules:
      - alert: VmanomalyPreset
        expr: >-
          min(anomaly_score{preset="node-exporter", for="page_faults"})
          without (model_alias, scheduler_alias) >= 1.0
        for: 2s
      - alert: VmanomalySimple
        expr: anomaly_score > 1
      - alert: AnomalyDetected
        expr: >-
          last_over_time(anomaly:level[5s])
          < last_over_time(anomaly:lower_band{anomaly_strategy="ensemble"}[5s])
          or last_over_time(anomaly:level[5s])
          > last_over_time(anomaly:upper_band{anomaly_strategy="ensemble"}[5s])
        for: 2s
        labels: {severity: warning}
      - alert: DwcpCriticalAnomalies
        expr: sum(increase(dwcp_anomalies_detected_total{severity="critical"}[10s])) > 0
      - alert: DwcpConfidence
        expr: dwcp_anomaly_confidence{metric_name="latency"} > 0.6
"""
ALERTS = {"VmanomalyPreset", "VmanomalySimple", "AnomalyDetected", "DwcpCriticalAnomalies",
          "DwcpConfidence"}

# The expressions of novacron's dashboard, with shorter ranges.
DWCP_PANELS = [
    "rate(dwcp_anomalies_detected_total[10s])",
    "sum by (metric_name) (dwcp_anomalies_detected_total)",
    "sum by (severity) (dwcp_anomalies_detected_total)",
    "dwcp_anomaly_confidence",
    "sum by (model_type) (rate(dwcp_anomalies_detected_total[10s]))",
    "histogram_quantile(0.99, rate(dwcp_anomaly_detection_latency_seconds_bucket[10s]))",
    "rate(dwcp_metrics_processed_total[10s])",
    "increase(dwcp_anomalies_detected_total[1h])",
    'sum(dwcp_anomalies_detected_total{severity="critical"})',
    "rate(dwcp_anomaly_detection_latency_seconds_sum[10s])"
    " / rate(dwcp_anomaly_detection_latency_seconds_count[10s])",
    'rate(dwcp_anomalies_detected_total{metric_name="latency"}[10s])',
]


class Dialects(servers.TestCase):
    def setUp(self):
        super().setUp()
        self.fault = None
        rng = random.Random(3)

        def page():
            return "".join(f"{name} {self.fault or 50 + rng.gauss(0, 1):.4f}\n"
                           for name in ("page_faults", "latency"))
        served = exposed.Page(page)
        self.addCleanup(served.stop)
        rules = self.folder / "published.yml"
        rules.write_text(RULES)
        port = servers.free_port()
        self.prometheus = self.run_server(servers.Prometheus(
            self.folder, exposed.PROMETHEUS.format(app=served.port, exporter=port) +
            f"rule_files: [{rules}]\n"))
        self.exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=self.prometheus.url), port=port))
        self.both = [self.prometheus, self.exporter]

    def firing(self):
        return {labels["alertname"]
                for labels, _ in self.prometheus.query('ALERTS{alertstate="firing"}')}

    def test_published_alerts_fire_and_resolve(self):
        self.wait_until(lambda: len(self.prometheus.query("anomaly_score")) == 2
                        and len(self.prometheus.query("anomaly:upper_band")) == 2,
                        "both metrics are judged", servers=self.both)
        self.wait_until(lambda: not self.firing(), "all is quiet", servers=self.both)
        seen = set()
        self.fault = 5000.0

        def all_fired():
            seen.update(self.firing())
            return seen == ALERTS
        try:
            self.wait_until(all_fired, "all fire", servers=self.both)
        except AssertionError as error:
            raise AssertionError(f"{error}\n\nfired: {seen}") from None
        labels = self.prometheus.query('anomaly_score{for="latency"}')[0][0]
        self.assertEqual(
            {k: labels[k] for k in ("preset", "model_alias", "scheduler_alias")},
            {"preset": "node-exporter", "model_alias": "ensemble", "scheduler_alias": "1s"})
        empty = [q for q in DWCP_PANELS if not self.prometheus.query(q)]
        self.assertEqual(empty, [])
        self.fault = None
        self.wait_until(lambda: not self.firing(), "all resolve", 2 * servers.PATIENCE_SECONDS,
                        servers=self.both)

    def test_dialects_in_place_of_our_families(self):
        self.wait_until(lambda: self.prometheus.query("yhat_upper"), "bands", servers=self.both)
        self.assertEqual(self.prometheus.query("anomaly_value"), [])
        self.assertEqual(len(self.prometheus.query("anomaly_severity")), 2)
        for accept in ("text/plain", "application/openmetrics-text"):
            page = self.exporter.page(accept)
            self.assertIn("anomaly:level{", page)
        servers.pages.check_openmetrics(self.exporter.page("application/openmetrics-text"))


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus")
