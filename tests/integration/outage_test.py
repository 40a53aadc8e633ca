"""Prometheus is killed in the middle and comes back with its data."""
import random

import exposed
import servers

CONFIG = """
global: {{interval: 1s, window: 40, calibration: 1m, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}", timeout: 2s, retry: {{attempts: 1}}}}
detectors: {{zscore: {{window: 16}}, mad: {{window: 16}}}}
monitors:
  - {{name: app, metrics: {{load: {{query: 'load'}}}}}}
"""


class Outage(servers.TestCase):
    def test_scores_vanish_and_come_back_with_the_gap_replayed(self):
        page = exposed.Page(lambda: "".join(f'load{{host="{h}"}} {random.gauss(50, 1)}\n'
                                            for h in range(4)))
        self.addCleanup(page.stop)
        port = servers.free_port()
        prometheus = self.run_server(servers.Prometheus(
            self.folder, exposed.PROMETHEUS.format(app=page.port, exporter=port)))
        exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=prometheus.url), port=port))
        scores = lambda: [r for r in exporter.scores() if r["score"] is not None]
        self.wait_until(lambda: len(scores()) == 4, "four scores", servers=[exporter, prometheus])

        prometheus.kill()
        self.wait_until(lambda: exporter.own("source_up") == 0, "source_up is 0",
                        servers=[exporter])
        def vanished():
            text = exporter.page()
            return "anomaly_score{" not in text and "anomaly_expected_value{" not in text
        self.wait_until(vanished, "the score families vanish", servers=[exporter])
        self.assertEqual(exporter.total("anomaly_series_missing"), 0,
                         "a source that is down is no missing series")
        failures = exporter.own("source_failures_total")
        self.wait_until(lambda: exporter.own("source_failures_total") >= failures + 3,
                        "ticks fail", servers=[exporter])

        prometheus.start()
        self.wait_until(lambda: len(scores()) == 4, "scores are back",
                        servers=[exporter, prometheus])
        self.assertEqual(exporter.own("source_up"), 1)
        self.assertEqual(exporter.own("missed_ticks_total"), 0, "it was not us who were late")
        self.assertEqual(exporter.log().count("gap replayed"), 1, exporter.log_tail())
        self.assertIn("the source answers", exporter.log())
        self.assertEqual(exporter.total("anomaly_series_missing"), 0)
        self.wait_until(lambda: prometheus.value("count(anomaly_score)") == 4,
                        "Prometheus has scores again", servers=[exporter, prometheus])


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus")
