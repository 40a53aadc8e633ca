"""Ten times more series than the limit: bounded, counted, and the other monitor goes on."""
import fake_prometheus
import servers

LIMIT = 500

CONFIG = """
global: {{interval: 1s, window: 64, calibration: 0s, backfill: 0s}}
limits: {{series: {limit}, series_per_source: {limit}}}
sources:
  - {{name: small, url: "{small}"}}
  - {{name: large, url: "{large}"}}
detectors: {{zscore: {{window: 16}}, mad: {{window: 16}}}}
monitors:
  - {{name: small, source: small, metrics: {{load: {{query: 'load'}}}}}}
  - {{name: large, source: large, metrics: {{load: {{query: 'load'}}}}}}
"""


class Limits(servers.TestCase):
    def test_too_many_series_are_refused_and_counted(self):
        small = fake_prometheus.FakePrometheus(entities=20).start()
        large = fake_prometheus.FakePrometheus(entities=20)
        large.start()
        self.addCleanup(small.stop)
        self.addCleanup(large.stop)
        exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(small=small.url, large=large.url, limit=LIMIT)))
        exporter.wait_ready()
        before = exporter.memory_bytes()
        large.entities = 10 * LIMIT
        self.wait_until(
            lambda: exporter.own("samples_dropped_total", monitor="large", reason="series_limit") >=
            10 * LIMIT, "what is above the limit is counted", servers=[exporter])
        self.assertEqual(exporter.own("series"), LIMIT)
        self.assertEqual(exporter.own("series_limit"), LIMIT)
        self.assertEqual(exporter.own("monitor_metric_series", monitor="small"), 20)
        self.assertEqual(exporter.own("monitor_metric_series", monitor="large"), LIMIT - 20)
        self.assertEqual(exporter.own("samples_dropped_total", monitor="small"), 0)
        self.wait_until(lambda: exporter.own("warmup_ratio", monitor="small") == 1,
                        "the other monitor is unharmed", servers=[exporter])
        told = [l for l in exporter.log().splitlines() if "the limit of series is reached" in l]
        self.assertEqual(len(told), 1, "the limit is named once")
        if not servers.IS_SANITIZED:
            # What is refused must not pile up from tick to tick.
            ticks = exporter.own("last_evaluation_timestamp_seconds", monitor="large")
            self.wait_until(lambda: exporter.own("last_evaluation_timestamp_seconds",
                                                 monitor="large") >= ticks + 8,
                            "more ticks", servers=[exporter])
            self.assertLess(exporter.memory_bytes() - before, 48 << 20)


if __name__ == "__main__":
    servers.main(servers.EXPORTER)
