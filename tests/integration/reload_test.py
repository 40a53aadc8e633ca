"""Reload: a bad file changes nothing, a good one only what it names."""
import threading

import fake_prometheus
import servers

HEAD = """
global: {{interval: 1s, window: 32, calibration: 1m, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 16}}, mad: {{window: 16}}}}
monitors:
  - {{name: kept, metrics: {{load: {{query: 'load'}}}}}}
"""
MORE = "  - {{name: extra, metrics: {{load: {{query: 'load{{job=\"fake\"}}'}}}}}}\n"


class Reload(servers.TestCase):
    def setUp(self):
        super().setUp()
        self.fake = fake_prometheus.FakePrometheus(entities=5).start()
        self.addCleanup(self.fake.stop)

    def config(self, text):
        return text.format(url=self.fake.url)

    def start(self, *flags):
        exporter = self.run_server(servers.Exporter(self.folder, self.config(HEAD + MORE),
                                                    flags=flags))
        exporter.wait_ready()
        self.wait_until(lambda: exporter.own("warmup_ratio") == 2, "both monitors are warm",
                        servers=[exporter])
        return exporter

    def successful(self, exporter):
        return exporter.own("config_last_reload_successful")

    def test_sighup_keeps_what_is_unchanged_and_drops_what_is_gone(self):
        exporter = self.start()
        loaded = exporter.own("config_last_reload_success_timestamp_seconds")
        exporter.set_config(self.config(HEAD))
        exporter.send(servers.signal.SIGHUP)
        name = "config_last_reload_success_timestamp_seconds"
        self.wait_until(lambda: exporter.own(name) > loaded, "the file is loaded",
                        servers=[exporter])
        page = exporter.page()
        self.assertNotIn('monitor="extra"', page)
        self.assertIn('anomaly_score{monitor="kept"', page)
        self.assertEqual(exporter.own("warmup_ratio", monitor="kept"), 1)
        self.assertEqual(exporter.log().count("history replayed"), 2, "a window was read again")

    def test_a_bad_file_keeps_the_old_configuration(self):
        exporter = self.start("--web.enable-lifecycle")
        exporter.set_config("monitors: [}")
        status, body = exporter.reload()
        self.assertEqual(status, 500)
        self.assertIn(exporter.config_file.name.encode(), body)
        self.assertEqual(self.successful(exporter), 0)
        exporter.send(servers.signal.SIGHUP)
        self.wait_until(lambda: exporter.log().count("configuration not loaded") == 2,
                        "the signal finds it bad too", servers=[exporter])
        self.assertEqual(exporter.own("warmup_ratio"), 2)
        exporter.set_config(self.config(HEAD + MORE))
        self.assertEqual(exporter.reload()[0], 200)
        self.assertEqual(self.successful(exporter), 1)
        self.assertEqual(exporter.own("warmup_ratio"), 2)

    def test_reload_over_http_is_refused_without_the_flag(self):
        exporter = self.start()
        self.assertEqual(exporter.reload()[0], 403)

    def test_a_hundred_reloads_while_scraping(self):
        exporter = self.start("--web.enable-lifecycle")
        stop, failures = threading.Event(), []

        def scrape():
            while not stop.is_set():
                try:
                    if 'anomaly_score{monitor="kept"' not in exporter.page():
                        failures.append("a scrape without scores")
                except (OSError, AssertionError) as error:
                    failures.append(repr(error))

        scrapers = [threading.Thread(target=scrape) for _ in range(2)]
        try:
            for thread in scrapers:
                thread.start()
            memory = []
            for n in range(100):
                exporter.set_config(self.config(HEAD if n % 2 else HEAD + MORE))
                status, body = exporter.reload()
                self.assertEqual(status, 200, body)
                memory.append(exporter.memory_bytes())
        finally:
            stop.set()
            for thread in scrapers:
                thread.join()
        self.assertEqual(failures, [])
        self.assertTrue(exporter.is_running())
        if not servers.IS_SANITIZED:
            # Heaps of new threads settle within the first reloads.
            self.assertLess(memory[-1] - memory[30], 24 << 20, [m >> 20 for m in memory])


if __name__ == "__main__":
    servers.main(servers.EXPORTER)
