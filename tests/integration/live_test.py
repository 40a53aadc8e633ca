"""The whole line: Prometheus scrapes a host, we score it, Prometheus answers our scores."""
import concurrent.futures
import subprocess

import pages
import servers

FEATURES = ["us", "sy", "idle", "avm", "fre", "tps", "ipkts", "opkts"]

PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{node}"]}}]
  - job_name: anomaly_exporter
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
"""

CONFIG = """
global: {{interval: 1s, window: 60, calibration: 1m, backfill: 1h}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 20}}, mad: {{window: 20}}}}
monitors:
  - {{name: node, preset: node, selector: '{{job="node"}}'}}
"""


class Live(servers.TestCase):
    def setUp(self):
        super().setUp()
        node = servers.free_port()
        self.node = self.run_server(servers.Server(
            "node_exporter", ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node}"],
            self.folder))
        self.wait_until(lambda: servers.answers(f"http://127.0.0.1:{node}/metrics"),
                        "node_exporter answers", servers=[self.node])
        port = servers.free_port()
        config = PROMETHEUS.format(node=node, exporter=port)
        self.prometheus = servers.Prometheus(self.folder, config)
        self.run_server(self.prometheus)
        self.exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=self.prometheus.url), port=port))

    def features(self):
        """Features whose source series exist on this host."""
        monitors = servers.get(self.exporter.url + "/api/v1/monitors")[1]
        metrics = servers.json.loads(monitors)["data"]["monitors"][0]["metrics"]
        self.assertEqual([m["name"] for m in metrics], FEATURES)
        return {m["name"] for m in metrics if m["series"] > 0}

    def test_prometheus_answers_scores_of_the_node_features(self):
        self.exporter.wait_ready()
        for family in ("anomaly_score", "anomaly_expected_value", "anomaly_lower_bound",
                       "anomaly_upper_bound", "anomaly_value", "anomaly_severity"):
            def have_all():
                found = {labels["metric"]: labels for labels, _ in self.prometheus.query(family)}
                features = self.features()
                return features and features <= found.keys() and found
            found = self.wait_until(have_all, f"Prometheus has {family} of every feature",
                                    servers=[self.exporter, self.prometheus], every=0.5)
            for labels in found.values():
                self.assertEqual((labels["job"], labels["monitor"]), ("node", "node"))
        self.assertGreaterEqual(len(self.features()), 5, "hardly a feature of the host was found")
        for _, score in self.prometheus.query("anomaly_score"):
            self.assertTrue(0 <= score < 1, score)
        outside = self.prometheus.query("anomaly_lower_bound > anomaly_upper_bound")
        self.assertEqual(outside, [])
        self.check_ingestion()
        self.check_pages()
        self.check_parallel_scrapes()

    def check_ingestion(self):
        """Many scrapes later no page was refused, and no sample of one."""
        scrapes = 'count_over_time(up{job="anomaly_exporter"}[1h])'
        self.wait_until(lambda: (self.prometheus.value(scrapes) or 0) >= 12, "a dozen scrapes",
                        servers=[self.prometheus])
        good = self.prometheus.value('sum_over_time(up{job="anomaly_exporter"}[1h])')
        total = self.prometheus.value(scrapes)
        # Scrapes from before the exporter listened fail; none may after.
        self.assertEqual(self.prometheus.value('min_over_time(up{job="anomaly_exporter"}[8s])'), 1)
        self.assertGreater(good, total - 8)
        _, page = servers.get(self.prometheus.url + "/metrics")
        bad = [s for s in pages.parse(page.decode())
               if s.name.startswith("prometheus_target_scrapes_") and s.name.endswith("_total") and
               s.value > 0]
        self.assertEqual(bad, [], self.prometheus.log_tail())

    def check_pages(self):
        text = self.exporter.page()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        openmetrics = self.exporter.page("application/openmetrics-text; version=1.0.0")
        families = pages.check_openmetrics(openmetrics)
        self.assertIn("anomaly_score", families)
        self.assertIn("anomaly_exporter_build_info", families)
        # Equal but for what the two requests themselves and the time in between changed.
        volatile = ("process_", "anomaly_exporter_http", "anomaly_exporter_source_")
        names = [{s.name for s in pages.parse(p) if not s.name.startswith(volatile)}
                 for p in (text, openmetrics)]
        self.assertEqual(names[0], names[1])

    def check_parallel_scrapes(self):
        accepts = ["text/plain", "application/openmetrics-text; version=1.0.0"] * 10
        with concurrent.futures.ThreadPoolExecutor(len(accepts)) as pool:
            for page in pool.map(self.exporter.page, accepts):
                self.assertIn("anomaly_score{", page)


class OpenMetricsChecker(servers.unittest.TestCase):
    """The checker itself can fail."""

    def test_refuses_bad_pages(self):
        good = "# TYPE a gauge\na 1\n# TYPE b counter\nb_total 2\n# EOF\n"
        pages.check_openmetrics(good)
        for bad in (good[:-1], good.replace("# EOF\n", ""), good.replace("b_total", "b"),
                    good.replace("a 1", "a 1\na 1"), good.replace("a 1", "a one"),
                    good.replace("a 1", 'a{x="\n"} 1'), good.replace("a 1", 'a{x="1",x="2"} 1'),
                    good.replace("# EOF", "# TYPE a gauge\n# EOF"), good.replace("a 1\n", "\n"),
                    "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n"
                    "h_sum 1\n# EOF\n"):
            with self.assertRaises(ValueError, msg=bad):
                pages.check_openmetrics(bad)


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus", "promtool", "prometheus-node-exporter")
