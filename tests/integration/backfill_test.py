"""Several thousand series with history: scores at once, and equal by every way of reading."""
import time

import history
import pages
import servers

GAUGES = 2000
COUNTERS = 1000
INTERVAL = 10

PROMETHEUS = """
global: {scrape_interval: 1h}
scrape_configs: []
"""

CONFIG = """
global: {{interval: {interval}s, window: {window}, calibration: {calibration}, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}", remote_read: {remote_read}}}
detectors: {{zscore: {{window: {detectors}}}, mad: {{window: {detectors}}}}}
monitors:
  - name: gauge
    metrics: {{load: {{selector: 'load{{job="past"}}'}}}}
  - name: rate
    metrics: {{events: {{selector: 'events_total{{job="past"}}', as: rate, rate_window: 3m}}}}
  - name: promql
    metrics: {{events: {{query: 'rate(events_total{{job="past"}}[3m])'}}}}
"""

COLUMNS = ("value", "expected", "lower", "upper", "score", "sigmas", "detectors", "severity",
           "outcome", "evaluated")


def by_row(rows):
    return {(r["monitor"], r["metric"], r["labels"]["host"]): {c: r[c] for c in COLUMNS}
            for r in rows}


class Backfill(servers.TestCase):
    def setUp(self):
        super().setUp()
        history.create_blocks(self.folder, self.folder / "prometheus", history.times(hours=2),
                              GAUGES, COUNTERS)
        self.prometheus = self.run_server(servers.Prometheus(self.folder, PROMETHEUS))

    def start(self, name, remote_read, window, calibration):
        config = CONFIG.format(url=self.prometheus.url, interval=INTERVAL, window=window,
                               calibration=calibration, remote_read=remote_read,
                               detectors=min(window - 1, 100))
        return self.run_server(servers.Exporter(self.folder, config, name=name))

    def reads(self):
        """Requests that Prometheus served by remote-read."""
        _, page = servers.get(self.prometheus.url + "/metrics")
        return sum(s.value for s in pages.parse(page.decode())
                   if s.name == "prometheus_http_requests_total" and
                   s.labels["handler"] == "/api/v1/read")

    def start_pair(self, window, calibration):
        """The same twice, by remote-read and by the query API, beginning at the same tick."""
        self.wait_until(lambda: time.time() % INTERVAL < 2, "a tick begins", seconds=INTERVAL + 5)
        pair = [self.start(f"remote_read_{window}", "true", window, calibration),
                self.start(f"query_api_{window}", "false", window, calibration)]
        for exporter in pair:
            self.wait_until(exporter.is_ready, "the history is read", seconds=120,
                            servers=[exporter], every=0.3)
        return pair

    def rows_of_one_tick(self, pair):
        def ask():
            rows = [by_row(e.scores()) for e in pair]
            ticks = {r["evaluated"] for of_one in rows for r in of_one.values()}
            return rows if len(ticks) == 1 else None
        return self.wait_until(ask, "both show the same tick", servers=pair)

    def compare(self, window, calibration, least_scored_ratio):
        before = self.reads()
        pair = self.start_pair(window, calibration)
        self.assertGreater(self.reads(), before, "remote-read was not used")
        self.assertGreater(pair[0].total("anomaly_score"), 0, "the first scrape has no scores")
        self.assertEqual(pair[0].own("monitor_metric_series", monitor="gauge"), GAUGES)
        self.assertEqual(pair[0].own("monitor_metric_series", monitor="rate"), COUNTERS)
        remote, query = self.rows_of_one_tick(pair)
        self.assertEqual(len(remote), GAUGES + 2 * COUNTERS)
        scored = sum(row["score"] is not None for row in remote.values())
        self.assertGreaterEqual(scored, least_scored_ratio * len(remote))
        self.assertEqual(remote.keys(), query.keys())
        different = {key: (row, query[key]) for key, row in remote.items() if row != query[key]}
        self.assertEqual(len(different), 0, str(list(different.items())[:2]))
        # What we compute from raw counters is what PromQL's rate() answers, to the last bit.
        own = {key[2]: row for key, row in remote.items() if key[0] == "rate"}
        theirs = {key[2]: row for key, row in remote.items() if key[0] == "promql"}
        self.assertEqual(own, theirs)
        for exporter in pair:
            self.assertEqual(exporter.own("source_failures_total"), 0, exporter.log_tail())
            exporter.stop()

    def test_both_remote_read_types_and_the_query_api_give_equal_scores(self):
        with self.subTest("chunks, for a long range"):
            self.compare(window=200, calibration="75m", least_scored_ratio=1)
        with self.subTest("samples, for a range within ten minutes"):
            # So short a window keeps few values, and unusual ones are not learned.
            self.compare(window=30, calibration="4m", least_scored_ratio=0.9)


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus", "promtool")
