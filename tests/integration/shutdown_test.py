"""SIGTERM ends the program within ten seconds; its state is written and restored."""
import signal
import time

import fake_prometheus
import servers

CONFIG = """
global: {{interval: 1s, window: 32, calibration: 1m, backfill: 10m}}
sources:
  - {{name: prom, url: "{url}", timeout: 1m}}
detectors: {{zscore: {{window: 16}}, mad: {{window: 16}}}}
monitors:
  - {{name: fake, group_by: [instance], metrics: {{load: {{query: 'load'}}}}}}
"""


class Shutdown(servers.TestCase):
    def setUp(self):
        super().setUp()
        self.fake = fake_prometheus.FakePrometheus(entities=5).start()
        self.addCleanup(self.fake.stop)
        self.exporter = self.run_server(servers.Exporter(
            self.folder, CONFIG.format(url=self.fake.url)))

    def assert_stops(self):
        begin = time.monotonic()
        self.assertEqual(self.exporter.stop(signal.SIGTERM), 0, self.exporter.log_tail())
        self.assertLess(time.monotonic() - begin, 10)
        self.assertIn("msg=stopped", self.exporter.log())

    def wait_for_scores(self):
        self.wait_until(lambda: self.exporter.total("anomaly_score") > 0, "scores",
                        servers=[self.exporter])

    def test_state_is_written_and_restored(self):
        self.wait_for_scores()
        self.assertNotIn("state restored", self.exporter.log())
        self.assert_stops()
        files = list(self.exporter.state.glob("fake.*.state"))
        self.assertEqual(len(files), 1, list(self.exporter.state.glob("*")))
        self.exporter.start()
        self.wait_for_scores()
        self.assertRegex(self.exporter.log(), r'msg="state restored" monitor=fake entities=5')
        self.assertNotIn("state file not used", self.exporter.log())

    def test_a_damaged_state_file_is_set_aside(self):
        self.wait_for_scores()
        self.assert_stops()
        file = next(self.exporter.state.glob("fake.*.state"))
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 0x40
        file.write_bytes(data)
        self.exporter.start()
        self.wait_for_scores()
        self.assertIn("state file not used", self.exporter.log())
        self.assertNotIn("state restored", self.exporter.log())
        self.assertEqual((file.parent / (file.name + ".damaged")).read_bytes(), bytes(data))

    def test_stops_while_the_source_hangs(self):
        self.wait_for_scores()
        requests = self.fake.requests
        self.fake.behaviour = "hang"
        self.wait_until(lambda: self.fake.requests > requests, "a request hangs",
                        servers=[self.exporter])
        self.assert_stops()
        self.assertEqual(len(list(self.exporter.state.glob("fake.*.state"))), 1)


class ShutdownAtStart(servers.TestCase):
    def test_stops_while_the_first_request_hangs(self):
        fake = fake_prometheus.FakePrometheus().start()
        self.addCleanup(fake.stop)
        fake.behaviour = "hang"
        exporter = self.run_server(servers.Exporter(self.folder, CONFIG.format(url=fake.url)))
        self.wait_until(lambda: fake.requests > 0, "a request hangs", servers=[exporter])
        begin = time.monotonic()
        self.assertEqual(exporter.stop(signal.SIGTERM), 0, exporter.log_tail())
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    servers.main(servers.EXPORTER)
