"""Presets user_behaviour and data_quality: every metric has data, every fault moves its score."""
import random
import time

import exposed
import servers

# Half a minute of data cannot tell what happens once a week: a budget that fits it.
CONFIG = """
global: {{interval: 1s, window: 60, calibration: 20s, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 30}}}}
ensemble: {{method: vote, weights: {{zscore: 1}}, alarm_budget: 100/hour}}
monitors:
"""
USERS = CONFIG + """
  - {{name: users, preset: user_behaviour, group_by: [service], rate_window: 3s}}
"""
DATA = CONFIG + """
  - name: orders
    preset: data_quality
    rate_window: 10s
    selector: 'orders{{kind="book"}}'
    agrees_with: 'ledger_orders'
    tolerance_percent: 1
    valid_values: [0, 1000]
  - name: feed
    preset: data_quality
    selector: feed_level
    metrics: {{staleness: {{min_deviation: 1}}}}  # the window is short and follows a ramp
"""
THRESHOLD = 0.6


class Presets(servers.TestCase):
    def begin(self, page, config):
        served = exposed.Page(page)
        self.addCleanup(served.stop)
        port = servers.free_port()
        self.prometheus = self.run_server(servers.Prometheus(
            self.folder, exposed.PROMETHEUS.format(app=served.port, exporter=port)))
        # Rate windows are full from the first tick on: no ramp has to be learned.
        self.wait_until(lambda: self.prometheus.value('count_over_time(up{job="app"}[10s])') == 10,
                        "ten scrapes", servers=[self.prometheus])
        self.exporter = self.run_server(servers.Exporter(
            self.folder, config.format(url=self.prometheus.url), port=port))
        self.both = [self.prometheus, self.exporter]

    def scores(self):
        return {(labels["monitor"], labels["metric"]): value
                for labels, value in self.prometheus.query("anomaly_score")}

    def wait_scored(self, monitor, metrics):
        wanted = {(monitor, metric) for metric in metrics}
        try:
            self.wait_until(lambda: wanted <= self.scores().keys(), "scores",
                            servers=self.both)
        except AssertionError as error:
            raise AssertionError(f"{error}\n\nno score: {wanted - self.scores().keys()}") from None

    def wait_quiet(self, *keys):
        self.wait_until(lambda: all(self.scores().get(k, 1) < THRESHOLD / 2 for k in keys),
                        f"{keys} are quiet", servers=self.both)

    def wait_found(self, *keys):
        """Each of `keys` reaches the threshold from now on, not necessarily at the same tick."""
        begin = time.monotonic()

        def is_found():
            query = f"max_over_time(anomaly_score[{max(1, int(time.monotonic() - begin))}s])"
            best = {(labels["monitor"], labels["metric"]): value
                    for labels, value in self.prometheus.query(query)}
            return all(best.get(k, 0) >= THRESHOLD for k in keys)
        self.wait_until(is_found, f"{keys} are anomalous", servers=self.both)

    def test_user_behaviour(self):
        kinds = {("user_logins_total", "success"): 20, ("user_logins_total", "failure"): 1,
                 ("user_accesses_total", "success"): 100, ("user_accesses_total", "denied"): 2,
                 ("user_transactions_total", "success"): 10,
                 ("user_transactions_total", "failure"): 0.5}
        totals, factors, rng = dict.fromkeys(kinds, 0.0), {}, random.Random(1)

        def page():
            for kind, rate in kinds.items():
                totals[kind] += rate * factors.get(kind, 1) * rng.uniform(0.9, 1.1)
            return "".join(f'{name}{{service="shop",result="{result}"}} {total:.4f}\n'
                           for (name, result), total in totals.items())
        self.begin(page, USERS)
        faults = {"login_rate": ("user_logins_total", "success"),
                  "access_rate": ("user_accesses_total", "success"),
                  "transaction_rate": ("user_transactions_total", "success"),
                  "login_failure_rate": ("user_logins_total", "failure"),
                  "access_denial_rate": ("user_accesses_total", "denied"),
                  "transaction_failure_rate": ("user_transactions_total", "failure")}
        self.wait_scored("users", faults)
        keys = [("users", metric) for metric in faults]
        self.wait_quiet(*keys)
        for metric, kind in faults.items():  # most of the business gone, five times the failures
            factors[kind] = 0.2 if metric.count("_") == 1 else 5
        self.wait_found(*keys)
        labels = self.prometheus.query('anomaly_score{metric="login_rate"}')[0][0]
        self.assertEqual(labels["service"], "shop")

    def test_data_quality(self):
        shops, fault, rng = 20, {}, random.Random(2)

        def page():
            values = [100 + i + rng.gauss(0, 0.1) for i in range(fault.get("shops", shops))]
            ledger = sum(values) * fault.get("ledger", 1)
            if "value" in fault:
                values[0:4] = [fault["value"]] * 4
                ledger = sum(values)
            lines = [f'orders{{kind="book",shop="{i}"}} {v:.4f}' for i, v in enumerate(values)]
            lines.append(f"ledger_orders {ledger:.4f}")
            # With a time of its own, as data has that passes through other systems.
            lines.append(f"feed_level 5 {int(1000 * fault.get('time', time.time()))}")
            return "\n".join(lines) + "\n"
        self.begin(page, DATA)
        metrics = ["completeness", "validity", "volume", "staleness", "cardinality"]
        self.wait_scored("orders", [*metrics, "consistency"])
        self.wait_scored("feed", metrics)
        of = lambda *names: [("orders", name) for name in names]  # noqa: E731
        everything = of(*metrics, "consistency")
        self.wait_quiet(*everything, ("feed", "staleness"))
        fault["time"] = time.time()  # found while it grows: a lasting age is learned in the end
        self.wait_found(("feed", "staleness"))
        del fault["time"]
        for change, found in [({"value": -5}, of("validity")),
                              ({"ledger": 1.1}, of("consistency")),
                              ({"shops": 12}, of("completeness", "volume")),
                              ({"shops": 40}, of("cardinality"))]:
            fault.update(change)
            self.wait_found(*found)
            for key in change:
                del fault[key]
            if found != of("cardinality"):  # whose extra series count as missing for an hour
                self.wait_quiet(*everything)


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus")
