"""A series that ends: its score vanishes at once, and the page says that it is missing."""
import random

import exposed
import servers

CONFIG = """
global: {{interval: 1s, window: 30, calibration: 30s, backfill: 0s, expire_after: {expire}s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 30}}, mad: {{window: 30}}}}
monitors:
  - {{name: by_query, metrics: {{load: {{query: 'load'}}}}}}
  - {{name: by_selector, metrics: {{load: {{selector: 'load'}}}}}}
"""
EXPIRE_SECONDS = 8


class EndedSeries(servers.TestCase):
    def test_an_ended_series_is_missing_and_then_forgotten(self):
        hosts = ["stays", "ends"]
        page = exposed.Page(lambda: "".join(f'load{{host="{h}"}} {random.gauss(50, 1)}\n'
                                            for h in hosts))
        self.addCleanup(page.stop)
        port = servers.free_port()
        prometheus = self.run_server(servers.Prometheus(
            self.folder, exposed.PROMETHEUS.format(app=page.port, exporter=port)))
        exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=prometheus.url, expire=EXPIRE_SECONDS), port=port))
        lines = lambda family, host: sum(
            l.startswith(family + "{") and f'host="{host}"' in l
            for l in exporter.page().splitlines())
        self.wait_until(lambda: lines("anomaly_score", "ends") == 2, "both monitors have a score",
                        servers=[exporter, prometheus])
        self.assertEqual(exporter.total("anomaly_series_missing"), 0)

        hosts.remove("ends")  # Prometheus writes a stale marker at the next scrape
        self.wait_until(lambda: exporter.total("anomaly_series_missing", host="ends") == 2,
                        "both monitors miss it", servers=[exporter])
        self.assertEqual(lines("anomaly_score", "ends"), 0)
        self.assertEqual(lines("anomaly_value", "ends"), 0)
        self.assertEqual(exporter.total("anomaly_series_missing", host="stays"), 0)
        self.assertEqual(lines("anomaly_value", "stays"), 2)
        self.wait_until(lambda: lines("anomaly_series_missing", "ends") == 0, "it is forgotten",
                        servers=[exporter])
        self.assertEqual(exporter.own("monitor_entities"), 2)


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus")
