"""Every panel of every dashboard shows data on a live Prometheus, node_exporter and exporter."""
import math
import random
import sys
import urllib.parse

import exposed
import servers

sys.path.insert(0, str(servers.SOURCE_DIR / "tests" / "lint"))
import dashboards  # noqa: E402 (the expressions and what stands in for variables)

PROMETHEUS = exposed.PROMETHEUS + """
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{node}"]}}]
"""

# The seven metrics as the preset dwcp reads them: name, centre, spread.
DWCP = {"bandwidth_mbps": (100, 3), "latency_ms": (11, 0.4), "packet_loss_percent": (0.05, 0.005),
        "jitter_ms": (1, 0.1), "cpu_usage_percent": (55, 2), "memory_usage_percent": (65, 1),
        "error_rate_percent": (0.005, 0.0005)}

CONFIG = """
global: {{interval: 1s, window: 60, calibration: 60s, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 30}}, mad: {{window: 30}}}}
training: {{min_samples: 100}}
exposition:
  families: [anomaly_score, anomaly_entity_score, anomaly_detector_score, anomaly_value,
             anomaly_expected_value, anomaly_lower_bound, anomaly_upper_bound,
             anomaly_deviation_sigmas, anomaly_severity, anomaly_series_missing,
             anomaly_incident_severity, anomaly_incident_members, anomaly_contribution_ratio]
monitors:
  - {{preset: dwcp, ensemble: {{method: vote}}}}
  - {{preset: node, selector: '{{job="node"}}'}}
"""


class Dashboards(servers.TestCase):
    def setUp(self):
        super().setUp()
        self.fault = {}
        rng = random.Random(7)

        def page():
            return "".join(
                f'dwcp_{name}{{cluster="{c}"}} '
                f"{self.fault.get((c, name), abs(rng.gauss(centre, spread))):.6f}\n"
                for name, (centre, spread) in DWCP.items() for c in ("east", "west"))
        served = exposed.Page(page)
        self.addCleanup(served.stop)
        node, port = servers.free_port(), servers.free_port()
        self.run_server(servers.Server("node_exporter", [
            "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node}"], self.folder))
        self.prometheus = self.run_server(servers.Prometheus(
            self.folder, PROMETHEUS.format(app=served.port, exporter=port, node=node)))
        self.exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=self.prometheus.url), port=port))
        self.instance = f"127.0.0.1:{node}"
        self.both = [self.prometheus, self.exporter]

    def finite(self, expression):
        return [v for _, v in self.prometheus.query(expression) if math.isfinite(v)]

    def values_of(self, board):
        """What the variables stand for: as a user sees the board after opening it."""
        chosen = {"nodes": {"monitor": "node", "instance": self.instance}}.get(board, {})
        return {"__rate_interval": "10s", "__range": "5m", **chosen}

    def test_every_panel_shows_data(self):
        boards = dashboards.load()
        wanted = [(name, title, dashboards.substituted(expression, self.values_of(name)))
                  for name, board in boards.items()
                  for title, expression in dashboards.expressions(board)]
        self.wait_until(lambda: self.prometheus.value('count(anomaly_score{monitor="dwcp"})') == 14,
                        "both clusters are judged", servers=self.both)
        self.wait_until(lambda: self.prometheus.query(
            'count_over_time(anomaly_severity{cluster="east",metric="latency"}[5m:1m])'),
            "a step of a minute lies before the fault", 2 * servers.PATIENCE_SECONDS,
            servers=self.both)
        self.fault[("east", "latency_ms")] = 80.0  # beyond the critical limit
        self.wait_until(lambda: self.finite('anomaly_severity{cluster="east",metric="latency"} == 3'),
                        "the fault is critical", servers=self.both)

        empty = list(wanted)

        def all_show_data():
            empty[:] = [w for w in empty if not self.finite(w[2])]
            return not empty
        try:
            self.wait_until(all_show_data, "every panel shows data", 200, servers=self.both,
                            every=2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n\nno data: {empty}") from None

        # Numbers, not only presence: one metric of one cluster rose, and it is critical now.
        dwcp = {title: q for name, title, q in wanted if name == "dwcp"}
        self.assertEqual(self.finite(dwcp["Critical anomalies"]), [1])
        self.wait_until(lambda: self.finite(dwcp["Anomalies in the last hour"])[0] >= 1,
                        "the rise is counted", servers=self.both)

        def rises():
            return {labels["metric"]: value
                    for labels, value in self.prometheus.query(dwcp["Anomalies by metric"])}
        self.wait_until(lambda: rises()["latency"] >= 1, "the rise is counted at steps of a minute",
                        2 * servers.PATIENCE_SECONDS, servers=self.both)
        self.assertEqual(len(rises()), 7)

    def test_variables_have_values(self):
        self.wait_until(lambda: self.prometheus.value('count(anomaly_score{monitor="dwcp"})') == 14
                        and self.prometheus.query('anomaly_score{metric="idle"}'),
                        "both monitors are judged", servers=self.both)
        found = {}
        for name, board in dashboards.load().items():
            for variable in dashboards.variables(board).values():
                if variable["type"] != "query":
                    continue
                series, label = variable["query"]["query"].removeprefix("label_values(")[:-1].rsplit(
                    ", ", 1)
                query = urllib.parse.urlencode(
                    {"match[]": dashboards.substituted(series, self.values_of(name))})
                _, body = servers.get(f"{self.prometheus.url}/api/v1/label/{label}/values?{query}")
                found[name, variable["name"]] = servers.json.loads(body)["data"]
        self.assertEqual(found["dwcp", "monitor"], ["dwcp"])
        self.assertEqual(found["dwcp", "cluster"], ["east", "west"])
        self.assertEqual(found["nodes", "instance"], [self.instance])
        self.assertIn("idle", found["nodes", "metric"])
        for key, values in found.items():
            self.assertTrue(values, key)


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus", "promtool", "prometheus-node-exporter")
