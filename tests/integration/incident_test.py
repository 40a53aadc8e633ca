"""Sixty hosts that break at once are one incident: on our page, in the API and for PagerDuty."""
import alerting
import exposed
import servers
from alerting import GROUP_INTERVAL, REPEAT_CRITICAL

HOSTS = 60
CONFIG = """
global: {{interval: 1s, window: 30, calibration: 30s, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 30}}, mad: {{window: 30}}}}
severity: {{keep_firing_for: 2s}}
monitors:
  - name: app
    group_by: [cluster, host]  # no instance: the exporter's own must not come in its place
    metrics:
      load: {{query: 'sum by (cluster, host) (load)', critical: {{above: 1000}}}}
"""
APP = """
  - job_name: app
    static_configs: [{{targets: ["127.0.0.1:{app}"]}}]
"""
OWN = {"monitor": "app", "cluster": "c1"}


class Incident(alerting.TestCase):
    def setUp(self):
        super().setUp()
        self.values = {f"h{i}": 50 + i for i in range(HOSTS)}
        page = exposed.Page(lambda: "".join(f'load{{cluster="c1",host="{host}"}} {value}\n'
                                            for host, value in list(self.values.items())))
        self.addCleanup(page.stop)
        port = servers.free_port()
        config = self.prometheus_config(port) + APP.format(app=page.port)
        self.prometheus = self.run_server(servers.Prometheus(self.folder, config))
        self.exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=self.prometheus.url), port=port))
        self.both = [self.prometheus, self.exporter]

    def set_values(self, offset):
        self.values = {f"h{i}": offset + i for i in range(HOSTS)}

    def result(self, name):
        """[(labels, value)] of a result family, as Prometheus has scraped it."""
        return [({k: v for k, v in labels.items() if k != "__name__"}, value)
                for labels, value in self.prometheus.query(name)]

    def incidents(self, state):
        status, body = servers.get(f"{self.exporter.url}/api/v1/incidents?state={state}")
        self.assertEqual(status, 200, body)
        return servers.json.loads(body)["data"]["incidents"]

    def test_sixty_hosts_at_once_are_one_page_that_resolves(self):
        self.wait_until(lambda: self.prometheus.value("count(anomaly_value)") == HOSTS,
                        "all are judged", servers=self.both)
        self.assertEqual(self.incidents("all"), [])
        self.set_values(5000)
        self.wait_until(lambda: self.prometheus.value("count(anomaly_severity == 3)") == HOSTS,
                        "all are critical", servers=self.both)
        self.assertEqual(self.result("anomaly_incident_severity"), [(OWN, 3)])
        self.assertEqual(self.result("anomaly_incident_members"), [(OWN, HOSTS)])
        incident, = self.incidents("open")
        self.assertEqual((incident["cause"], incident["severity"], incident["labels"]),
                         ("storm", "critical", {"cluster": "c1"}))
        self.assertEqual((incident["state"], incident["open_members"]), ("open", HOSTS))
        members = incident["members"]
        self.assertEqual(len(members), 20)  # the list shows the worst
        ranks = [member["score"] for member in members]
        self.assertEqual(ranks, sorted(ranks, reverse=True))
        status, body = servers.get(f"{self.exporter.url}/api/v1/incidents/{incident['id']}")
        whole = servers.json.loads(body)["data"]
        self.assertEqual({m["labels"]["host"] for m in whole["members"]}, set(self.values))

        event = self.arrived("pagerduty")[0]
        self.assertEqual(event["payload"]["summary"],
                         f"[CRITICAL] {HOSTS} series of cluster c1 are unusual together")
        self.wait_until(lambda: len(self.alerts(alertname="AnomalyCritical")) == HOSTS,
                        "Alertmanager has the members", servers=self.both)
        # That nothing more comes, until the page itself would be repeated.
        servers.pause(REPEAT_CRITICAL - 2 * GROUP_INTERVAL)
        self.assertEqual(len(self.inbox.of("pagerduty")), 1, self.summaries())
        held = [a["status"] for a in self.alerts(alertname="AnomalyCritical")]
        self.assertEqual({(h["state"], len(h["inhibitedBy"])) for h in held}, {("suppressed", 1)})

        self.set_values(50)
        resolved, = self.wait_until(lambda: self.incidents("resolved"), "the incident resolves",
                                    servers=self.both)
        self.assertEqual((resolved["id"], resolved["state"], resolved["open_members"]),
                         (incident["id"], "resolved", 0))
        self.assertEqual(self.incidents("open"), [])
        event = self.arrived("pagerduty", 2)[1]
        self.assertEqual(event["event_action"], "resolve", self.summaries())
        self.assertEqual(event["dedup_key"], self.inbox.of("pagerduty")[0]["dedup_key"])
        self.assertEqual(self.result("anomaly_incident_severity"), [])

    def summaries(self):
        return [(e["event_action"], e.get("payload", {}).get("summary"))
                for e in self.inbox.of("pagerduty")]


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus", "prometheus-alertmanager")
