"""VictoriaMetrics has no remote-read: selectors fall back to the query API, and score."""
import history
import servers

SERIES = 300

CONFIG = """
global: {{interval: 10s, window: 100, calibration: 30m, backfill: 0s}}
sources:
  - {{name: vm, url: "{url}"}}
detectors: {{zscore: {{window: 100}}, mad: {{window: 100}}}}
monitors:
  - name: gauge
    metrics: {{load: {{selector: 'load{{job="past"}}'}}}}
  - name: rate
    metrics: {{events: {{selector: 'events_total{{job="past"}}', as: rate, rate_window: 3m}}}}
"""


class VictoriaMetrics(servers.TestCase):
    def setUp(self):
        super().setUp()
        port = servers.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.server = self.run_server(servers.Server(
            "victoria-metrics",
            ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1",
             f"-storageDataPath={self.folder}/vm", "-search.latencyOffset=0s"],
            self.folder))
        self.wait_until(lambda: servers.answers(self.url + "/health"), "it answers",
                        servers=[self.server])

    def fill(self):
        text = self.folder / "history.om"
        history.write_openmetrics(text, history.times(hours=1), SERIES, SERIES)
        lines = []
        for line in text.read_text().splitlines():
            if not line.startswith("#"):
                series, value, seconds = line.rsplit(" ", 2)
                lines.append(f"{series} {value} {seconds}000\n")
        status, body = servers.get(self.url + "/api/v1/import/prometheus",
                                   data="".join(lines).encode(), timeout=60)
        self.assertEqual(status, 204, body)
        count = f"{self.url}/api/v1/query?query=count(load)%2Bcount(events_total)"
        self.wait_until(lambda: str(2 * SERIES).encode() in servers.get(count)[1],
                        "the data can be queried", servers=[self.server])

    def test_selectors_fall_back_to_the_query_api(self):
        self.fill()
        exporter = self.run_server(servers.Exporter(self.folder, CONFIG.format(url=self.url)))
        exporter.wait_ready()
        rows = exporter.scores()
        self.assertEqual(len(rows), 2 * SERIES)
        self.assertEqual([r for r in rows if r["score"] is None], [])
        self.assertGreater(exporter.own("source_fallbacks_total"), 0)
        self.assertEqual(exporter.own("source_up"), 1)
        self.assertEqual(exporter.own("source_failures_total"), 0, exporter.log_tail())


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "victoria-metrics")
