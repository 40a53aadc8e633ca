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
"""
LOAD = """
  - {name: by_query, metrics: {load: {query: 'load'}}}
  - {name: by_selector, metrics: {load: {selector: 'load'}}}
"""
LOAD_AND_HEAT = """
  - {name: host, group_by: [host], metrics: {load: {query: 'load'}, heat: {selector: 'heat'}}}
"""
EXPIRE_SECONDS = 8


class EndedSeries(servers.TestCase):
    def start(self, monitors, text):
        """The exporter over a page of `text()`."""
        page = exposed.Page(text)
        self.addCleanup(page.stop)
        port = servers.free_port()
        self.prometheus = self.run_server(servers.Prometheus(
            self.folder, exposed.PROMETHEUS.format(app=page.port, exporter=port)))
        return self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=self.prometheus.url, expire=EXPIRE_SECONDS) + monitors,
            port=port))

    def test_an_ended_series_is_missing_and_then_forgotten(self):
        hosts = ["stays", "ends"]
        exporter = self.start(LOAD, lambda: "".join(
            f'load{{host="{h}"}} {random.gauss(50, 1)}\n' for h in hosts))
        lines = lambda family, host: sum(
            l.startswith(family + "{") and f'host="{host}"' in l
            for l in exporter.page().splitlines())
        self.wait_until(lambda: lines("anomaly_score", "ends") == 2, "both monitors have a score",
                        servers=[exporter, self.prometheus])
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

    def test_one_metric_of_a_host_that_goes_on_is_missing_and_then_forgotten_too(self):
        families = ["load", "heat"]
        exporter = self.start(LOAD_AND_HEAT, lambda: "".join(
            f'{f}{{host="a"}} {random.gauss(50, 1)}\n' for f in families))
        missing = lambda metric: [l for l in exporter.page().splitlines() if l.startswith(
            "anomaly_series_missing{") and f'metric="{metric}"' in l]
        self.wait_until(lambda: missing("heat") and missing("load"), "both are known",
                        servers=[exporter, self.prometheus])
        self.assertEqual(exporter.total("anomaly_series_missing"), 0)
        families.remove("heat")
        self.wait_until(lambda: exporter.total("anomaly_series_missing", metric="heat") == 1,
                        "heat is missed", servers=[exporter])
        self.wait_until(lambda: not missing("heat"), "heat is forgotten", servers=[exporter])
        self.assertEqual(len(missing("load")), 1)
        self.assertEqual(exporter.own("monitor_entities"), 1)
        families.append("heat")
        self.wait_until(lambda: len(missing("heat")) == 1, "heat is back", servers=[exporter])


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus")
