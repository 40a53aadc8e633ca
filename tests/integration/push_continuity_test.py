"""Push mode: open alerts outlive a killed exporter, reloads, a clock that is set, and one of a pair."""
import json
import pathlib

import push
import servers
from push import Proxy

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class Continuity(push.TestCase):
    def test_a_killed_exporter_goes_on_after_its_restart(self):
        manager = self.alertmanager(0)
        exporter = self.exporter([manager.url])
        self.bad_since[1] = self.now()
        self.told(self.hooks[0], "firing", 1, exporter)
        state = exporter.state / "alerts.state"
        self.wait_until(state.exists, "the state of open alerts is saved", servers=[exporter])
        exporter.kill()
        exporter.start()
        self.judged(exporter)
        self.quiet(18)
        self.check(self.hooks[0], 1, 1, 0)
        found = json.loads(servers.get(manager.url + "/api/v2/alerts")[1])
        self.assertEqual(len(found), 1)
        self.bad_since.clear()
        self.told(self.hooks[0], "resolved", 1, exporter)
        self.check(self.hooks[0], 1, 1, 1)

    def test_reload_while_firing_and_a_source_that_is_down_resolve_nothing(self):
        manager = self.alertmanager(0)
        exporter = self.exporter([manager.url], flags=["--web.enable-lifecycle"])
        self.bad_since[1] = self.now()
        self.told(self.hooks[0], "firing", 1, exporter)
        for batch in (1, 2, 3):
            exporter.set_config(self.config([manager.url], f"  batch: {batch}"))
            self.assertEqual(exporter.reload()[0], 200)
        sent = exporter.own("notifications_sent_total")
        self.assertGreater(sent, 0)  # totals go on
        self.source.behaviour = "status 503"
        self.quiet(20)
        self.check(self.hooks[0], 1, 1, 0)
        exporter.set_config(self.config([manager.url], "  batch: 0"))
        status, body = exporter.reload()
        self.assertEqual(status, 500)
        self.assertIn(b"alerting.batch", body)
        self.source.behaviour = "healthy"
        self.bad_since.clear()
        self.told(self.hooks[0], "resolved", 1, exporter)
        self.check(self.hooks[0], 1, 1, 1)

    def test_a_clock_that_is_set_resolves_and_opens_nothing(self):
        manager = self.alertmanager(0)
        clock = self.folder / "clock"
        clock.write_text("+0s")
        exporter = self.exporter([manager.url], environment={
            "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        self.bad_since[1] = self.now()
        self.told(self.hooks[0], "firing", 1, exporter)
        self.bad_since[1] = 0  # whatever the exporter's clock says
        for offset, skew in (("-1h", 3600), ("+1h", -3600), ("+0s", 0)):
            clock.write_text(offset)
            self.wait_until(lambda: abs(exporter.own("notifications_clock_skew_seconds") - skew) < 5
                            and abs(exporter.own("source_clock_skew_seconds") - skew) < 5,
                            f"clocks differ by {skew} s", servers=[exporter])
            self.quiet(20)  # longer than an alert lives without being sent again
            self.check(self.hooks[0], 1, 1, 0)
            alert, = json.loads(servers.get(manager.url + "/api/v2/alerts")[1])
            self.assertEqual(alert["status"]["state"], "active")
        self.assertIn("clocks differ; alerts are told in the Alertmanager's time", exporter.log())
        self.assertIn("the clocks of the source and of this host differ", exporter.log())
        self.bad_since.clear()
        self.told(self.hooks[0], "resolved", 1, exporter)
        self.check(self.hooks[0], 1, 1, 1)

    def test_a_pair_tells_equal_bytes_and_one_of_it_is_enough(self):
        manager = self.alertmanager(0)
        proxies = [Proxy(manager.url), Proxy(manager.url)]
        for proxy in proxies:
            self.addCleanup(proxy.stop)
        pair = [self.exporter([proxy.url], name=f"exporter{n}", more="  external_labels: {site: b}")
                for n, proxy in enumerate(proxies)]
        self.bad_since[1] = self.now()
        self.told(self.hooks[0], "firing", 1, pair[0])
        self.quiet(18)
        pair[0].kill()
        self.quiet(18)
        self.check(self.hooks[0], 1, 1, 0)
        self.bad_since.clear()
        self.told(self.hooks[0], "resolved", 1, pair[1])
        self.check(self.hooks[0], 1, 1, 1)
        # A tick may be late on a busy host; what both tell of one tick must be equal.
        told = [{}, {}]
        for of_one, proxy in zip(told, proxies):
            for body in proxy.bodies:
                for alert in json.loads(body):
                    of_one[alert["endsAt"]] = json.dumps(alert)
        both = told[0].keys() & told[1].keys()
        self.assertGreaterEqual(len(both), 3, told)
        for end in both:
            self.assertEqual(told[0][end], told[1][end])
        starts = {json.loads(a)["startsAt"] for of_one in told for a in of_one.values()}
        self.assertEqual(len(starts), 1, starts)


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus-alertmanager", FAKETIME or "libfaketime")
