"""The shipped rule turns a severity into an alert that stands in a real Alertmanager."""
import exposed
import servers

CONFIG = """
global: {{interval: 1s, window: 30, calibration: 30s, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 30}}, mad: {{window: 30}}}}
monitors:
  - name: app
    metrics:
      load: {{query: 'load', critical: {{above: 1000}}}}
"""

ALERTING = """
rule_files: [{rules}]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


class Alert(servers.TestCase):
    def test_a_crossed_critical_limit_stands_in_alertmanager(self):
        values = {"good": 50, "bad": 60}
        page = exposed.Page(lambda: "".join(f'load{{host="{h}"}} {v}\n' for h, v in values.items()))
        self.addCleanup(page.stop)
        port, alert_port = servers.free_port(), servers.free_port()
        alertmanager_config = self.folder / "alertmanager.yml"
        alertmanager_config.write_text("route: {receiver: shown}\nreceivers: [{name: shown}]\n")
        alertmanager = self.run_server(servers.Server("alertmanager", [
            "prometheus-alertmanager", f"--config.file={alertmanager_config}",
            f"--storage.path={self.folder}/alertmanager", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{alert_port}"], self.folder))
        self.wait_until(lambda: servers.answers(f"http://127.0.0.1:{alert_port}/-/ready"),
                        "Alertmanager is ready", servers=[alertmanager])
        rules = ALERTING.format(rules=servers.SOURCE_DIR / "rules" / "anomaly.yml", port=alert_port)
        config = exposed.PROMETHEUS.format(app=page.port, exporter=port) + rules
        prometheus = self.run_server(servers.Prometheus(self.folder, config))
        exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=prometheus.url), port=port))
        self.wait_until(lambda: prometheus.value('count(anomaly_value)') == 2, "both are judged",
                        servers=[prometheus, exporter])

        def alerts():
            body = servers.get(f"http://127.0.0.1:{alert_port}/api/v2/alerts")[1]
            return [a["labels"] for a in servers.json.loads(body)
                    if a["labels"].get("monitor") == "app"]
        self.assertEqual(alerts(), [])
        values["bad"] = 5000
        found = self.wait_until(alerts, "the alert stands in Alertmanager",
                                servers=[prometheus, exporter, alertmanager])
        self.assertEqual([(a["host"], a["metric"]) for a in found], [("bad", "load")])


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus", "prometheus-alertmanager")
