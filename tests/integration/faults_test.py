"""A source that is down, refuses, hangs or talks nonsense: we stay up, say so and recover."""
import time

import fake_prometheus
import servers

CONFIG = """
global: {{interval: 1s, window: 16, calibration: 1m, backfill: 0s, expire_after: 10m}}
sources:
  - name: prom
    url: "{url}"
    timeout: 1s
    response_bytes: {limit}
    retry: {{attempts: 2, first_delay: 10ms, max_delay: 20ms}}
detectors: {{zscore: {{window: 16}}, mad: {{window: 16}}}}
monitors:
  - name: fake
    group_by: [instance]
    metrics:
      load: {{query: "load{{job='fake'}}"}}
"""

# behaviour -> the reason under which its failures are counted
FAULTS = {
    "status 401": "invalid_argument",
    "status 404": "invalid_argument",
    "status 422": "invalid_argument",
    "status 500": "unavailable",
    "hang": "timeout",
    "cut": "timeout",
    "truncated": "corrupt",
    "wrong_types": "corrupt",
    "garbage": "invalid_argument",
    "huge": "exhausted",
}


class Faults(servers.TestCase):
    def setUp(self):
        super().setUp()
        self.fake = fake_prometheus.FakePrometheus()
        self.addCleanup(self.fake.stop)

    def start_exporter(self, limit="4MiB"):
        config = CONFIG.format(url=self.fake.url, limit=limit)
        return self.run_server(servers.Exporter(self.folder, config))

    def assert_serves_quickly(self, exporter):
        begin = time.monotonic()
        page = exporter.page()
        self.assertLess(time.monotonic() - begin, 1, "a scrape waited for the source")
        self.assertIn("anomaly_exporter_source_up", page)
        self.assertEqual(servers.get(exporter.url + "/-/healthy")[0], 200)

    def wait_for_scores(self, exporter):
        self.wait_until(lambda: exporter.total("anomaly_score") > 0 or
                        any(r["score"] is not None for r in exporter.scores()),
                        "scores are there", servers=[exporter])

    def assert_stays_down(self, exporter):
        """More ticks change nothing: no gap is taken for read while the source refuses."""
        gaps = exporter.log().count("gap replayed")
        failures = exporter.own("source_failures_total")
        self.wait_until(lambda: exporter.own("source_failures_total") >= failures + 2,
                        "more failures", servers=[exporter])
        self.assertEqual(exporter.own("source_up"), 0)
        self.assertEqual(exporter.log().count("gap replayed"), gaps)

    def down_lines(self, exporter):
        return [l for l in exporter.log().splitlines() if "the source does not answer" in l]

    def test_every_fault_is_survived_counted_and_recovered_from(self):
        self.fake.start()
        exporter = self.start_exporter()
        began = time.monotonic()
        self.wait_for_scores(exporter)
        before_faults = exporter.memory_bytes("VmHWM")
        for behaviour, reason in FAULTS.items():
            with self.subTest(behaviour):
                failures = lambda: exporter.own("source_failures_by_reason_total", reason=reason)
                counted = failures()
                self.fake.behaviour = behaviour
                self.wait_until(lambda: failures() > counted,
                                f"{behaviour} is counted as {reason}", servers=[exporter])
                self.wait_until(lambda: exporter.own("source_up") == 0, "source_up is 0",
                                servers=[exporter])
                self.assert_serves_quickly(exporter)
                self.assertEqual(exporter.scores()[0]["score"], None, "an old score is repeated")
                self.assert_stays_down(exporter)
                self.assertEqual(exporter.total("anomaly_series_missing"), 0)
                self.fake.behaviour = "healthy"
                self.wait_until(lambda: exporter.own("source_up") == 1, "the source is back",
                                servers=[exporter])
                self.wait_for_scores(exporter)
        minutes = (time.monotonic() - began) / 60
        self.assertLessEqual(len(self.down_lines(exporter)), 1 + minutes, exporter.log_tail())
        self.assertGreaterEqual(len(self.down_lines(exporter)), 1)
        if not servers.IS_SANITIZED:
            grown = exporter.memory_bytes("VmHWM") - before_faults
            self.assertLess(grown, 64 << 20, "300 MB answers were not cut at 4 MiB")

    def test_source_down_at_start(self):
        exporter = self.start_exporter()
        self.wait_until(lambda: exporter.own("source_failures_total") > 0, "the failure is counted",
                        servers=[exporter])
        self.assertEqual(exporter.own("source_up"), 0)
        status, body = servers.get(exporter.url + "/-/ready")
        self.assertEqual(status, 503)
        self.assertIn(b"source prom does not answer", body)
        self.assert_serves_quickly(exporter)
        self.fake.start()
        exporter.wait_ready()
        self.wait_for_scores(exporter)

    def test_refused_in_the_middle(self):
        self.fake.start()
        exporter = self.start_exporter()
        self.wait_for_scores(exporter)
        self.fake.stop()
        self.wait_until(lambda: exporter.own("source_up") == 0, "source_up is 0",
                        servers=[exporter])
        self.assert_serves_quickly(exporter)
        self.assertEqual(len(self.down_lines(exporter)), 1)
        self.fake.start()
        self.wait_until(lambda: exporter.own("source_up") == 1, "the source is back",
                        servers=[exporter])
        self.wait_for_scores(exporter)
        self.assertEqual(exporter.own("missed_ticks_total"), 0, "it was not us who were late")

    def test_failures_go_on_being_counted_after_a_reload(self):
        self.fake.start()
        exporter = self.start_exporter()
        self.wait_for_scores(exporter)
        self.fake.behaviour = "status 401"
        self.wait_until(lambda: exporter.own("source_failures_total") >= 8, "failures are counted",
                        servers=[exporter])
        exporter.send(servers.signal.SIGHUP)
        self.wait_until(lambda: exporter.log().count("configuration loaded") == 2, "it is reloaded",
                        servers=[exporter])
        counted = exporter.own("source_failures_total")
        self.wait_until(lambda: exporter.own("source_failures_total") > counted,
                        "the next failure is counted too", seconds=5, servers=[exporter])

    def test_warnings_in_answers_are_counted(self):
        self.fake.start()
        exporter = self.start_exporter()
        self.wait_for_scores(exporter)
        self.assertEqual(exporter.own("source_warnings_total"), 0)
        self.fake.behaviour = "warnings"
        self.wait_until(lambda: exporter.own("source_warnings_total") > 0, "warnings are counted",
                        servers=[exporter])
        self.assertEqual(exporter.own("source_up"), 1)
        self.assertIn("scripted warning", exporter.log())


if __name__ == "__main__":
    servers.main(servers.EXPORTER)
