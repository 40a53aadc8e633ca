"""Hostile labels: what can be served is served under names of its own, the rest is counted."""
import random

import exposed
import pages
import servers

CONFIG = """
global: {{interval: 1s, window: 30, calibration: 30s, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 16}}, mad: {{window: 16}}}}
monitors:
  - name: raw
    metrics: {{load: {{selector: 'load'}}}}
  - name: by_host
    group_by: [host]
    metrics: {{load: {{query: 'load{{host!=""}}'}}}}
"""

# Label texts as a page writes them.
SERIES = [
    r'host="plain"',
    r'host="quote\"s"',
    r'host="back\\slash"',
    r'host="line\nfeed"',
    'host="umlaut ü 漢"',
    'monitor="mine",metric="theirs",detector="which"',
    'host="double",disk="a"',
    'host="double",disk="b"',
    f'host="{"x" * 3000}"',
]


class Labels(servers.TestCase):
    def setUp(self):
        super().setUp()
        page = exposed.Page(lambda: "".join(f"load{{{s}}} {random.gauss(50, 1)}\n" for s in SERIES))
        self.addCleanup(page.stop)
        port = servers.free_port()
        self.prometheus = self.run_server(servers.Prometheus(
            self.folder, exposed.PROMETHEUS.format(app=page.port, exporter=port)))
        self.exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=self.prometheus.url), port=port))

    def test_hostile_labels_reach_prometheus_or_are_counted(self):
        usable = len(SERIES) - 1  # all but the long one
        count = 'count(anomaly_score{monitor="raw"})'
        self.wait_until(lambda: self.prometheus.value(count) == usable,
                        f"{usable} scores in Prometheus", servers=[self.exporter, self.prometheus])
        found = [labels for labels, _ in self.prometheus.query('anomaly_score{monitor="raw"}')]
        hosts = {labels.get("host") for labels in found}
        self.assertLessEqual({'quote"s', "back\\slash", "line\nfeed", "umlaut ü 漢"}, hosts)
        renamed = [l for l in found if l.get("exported_metric") == "theirs"]
        self.assertEqual(len(renamed), 1)
        self.assertEqual((renamed[0]["exported_monitor"], renamed[0]["exported_detector"],
                          renamed[0]["metric"]), ("mine", "which", "load"))
        detectors = self.prometheus.query('anomaly_detector_score{exported_detector="which"}')
        self.assertLessEqual({"zscore", "novelty"}, {labels["detector"] for labels, _ in detectors})

        dropped = lambda **labels: self.exporter.own("samples_dropped_total", **labels)
        self.assertGreater(dropped(monitor="raw", reason="label_limit"), 0)
        self.assertEqual(dropped(monitor="raw", reason="duplicate_series"), 0)
        self.assertGreater(dropped(monitor="by_host", reason="duplicate_series"), 0)
        self.assertIn("names the same entity as", self.exporter.log())

        pages.check_openmetrics(self.exporter.page("application/openmetrics-text"))
        self.assertEqual(self.prometheus.value('min_over_time(up{job="anomaly_exporter"}[3s])'), 1)
        _, own = servers.get(self.prometheus.url + "/metrics")
        duplicates = [s.value for s in pages.parse(own.decode())
                      if s.name == "prometheus_target_scrapes_sample_duplicate_timestamp_total"]
        self.assertEqual(duplicates, [0])


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus")
