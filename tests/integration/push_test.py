"""Push mode against real Alertmanagers that fail in every way; counted behind them by webhooks."""
import json
import socket
import urllib.request

import push
import servers
from push import Proxy


class Push(push.TestCase):
    def test_each_alertmanager_is_told_once_and_resolved_once(self):
        managers = [self.alertmanager(0), self.alertmanager(1)]
        exporter = self.exporter([m.url for m in managers])
        self.bad_since[1] = self.now()
        for hook in self.hooks:
            self.told(hook, "firing", 1, exporter)
        self.quiet(20)  # longer than an alert lives without being sent again
        for hook in self.hooks:
            self.check(hook, 1, 1, 0)
        self.bad_since.clear()
        for hook in self.hooks:
            self.told(hook, "resolved", 1, exporter)
            self.check(hook, 1, 1, 1)
        for manager in managers:
            self.assertGreater(exporter.own("notifications_sent_total",
                                            alertmanager=manager.url), 4)
        self.assertEqual(exporter.own("notifications_errors_total"), 0)
        self.assertEqual(exporter.own("notifications_queue_capacity"), 20000)

    def test_one_is_down_for_long_and_comes_back_while_the_other_goes_on(self):
        managers = [self.alertmanager(0), self.alertmanager(1)]
        exporter = self.exporter([m.url for m in managers])
        self.bad_since[0] = self.now()
        self.told(self.hooks[0], "firing", 0, exporter)
        managers[0].stop()  # keeps its log of notifications
        self.bad_since[1] = self.now()
        self.told(self.hooks[1], "firing", 1, exporter)
        self.quiet(20)
        self.check(self.hooks[1], 0, 1, 0)
        self.check(self.hooks[1], 1, 1, 0)
        self.ready(managers[0].start())
        self.told(self.hooks[0], "firing", 1, exporter)
        self.quiet(6)
        self.check(self.hooks[0], 0, 1, 0)  # neither a second time nor resolved
        self.check(self.hooks[0], 1, 1, 0)
        self.bad_since.clear()
        for hook in self.hooks:
            for host in (0, 1):
                self.told(hook, "resolved", host, exporter)
                self.check(hook, host, 1, 1)
        self.assertGreater(exporter.own("notifications_errors_total"), 0)

    def test_one_hangs_and_one_is_dead_and_the_third_is_told_at_once(self):
        manager = self.alertmanager(0)
        proxy = Proxy(self.alertmanager(1).url)
        self.addCleanup(proxy.stop)
        proxy.hangs.set()
        exporter = self.exporter([proxy.url, f"http://127.0.0.1:{servers.free_port()}",
                                  manager.url])
        self.bad_since[1] = begin = self.now()
        self.told(self.hooks[0], "firing", 1, exporter)
        self.assertLess(self.now() - begin, 15)
        self.check(self.hooks[1], 1, 0, 0)
        self.wait_until(lambda: exporter.own("notifications_requests_failed_total",
                                             alertmanager=proxy.url) > 0, "it timed out")
        proxy.hangs.clear()
        proxy.free.set()
        self.told(self.hooks[1], "firing", 1, exporter)
        self.quiet(5)
        for hook in self.hooks:
            self.check(hook, 1, 1, 0)

    def test_one_alert_of_a_batch_is_refused_and_the_others_arrive(self):
        proxy = Proxy(self.alertmanager(0).url)
        self.addCleanup(proxy.stop)
        proxy.bad_host = 1
        exporter = self.exporter([proxy.url])
        self.bad_since.update({0: self.now(), 1: self.now(), 2: self.now()})
        for host in (0, 2):
            self.told(self.hooks[0], "firing", host, exporter)
        self.quiet(10)
        for host in (0, 2):
            self.check(self.hooks[0], host, 1, 0)
        self.check(self.hooks[0], 1, 0, 0)
        self.assertGreater(exporter.own("notifications_dropped_total", reason="refused"), 0)
        self.assertEqual(exporter.log().count("alert refused"), 1, exporter.log_tail())
        self.assertLessEqual(proxy.answers[400], 4)  # looked for once, not at every resend

    def test_samples_that_stay_away_are_told_and_resolved_when_they_are_back(self):
        manager = self.alertmanager(0)
        exporter = self.exporter([manager.url], more="  missing_for: 3s")
        self.source.entities = 2
        self.told(self.hooks[0], "firing", 2, exporter)
        self.assertEqual(self.hooks[0].named("firing"), {"AnomalySeriesMissing": 1})
        alert, = json.loads(servers.get(manager.url + "/api/v2/alerts")[1])
        self.assertIn('Missing: load.', alert["annotations"]["description"])
        self.quiet(18)
        self.check(self.hooks[0], 2, 1, 0)
        self.source.entities = 3
        self.told(self.hooks[0], "resolved", 2, exporter)
        self.check(self.hooks[0], 2, 1, 1)

    def test_an_anomaly_beyond_the_most_incidents_is_counted_and_told_all_the_same(self):
        manager = self.alertmanager(0)
        exporter = self.exporter([manager.url],
                                 more="incidents: {most_open: 1, join_within: 1s}")
        self.bad_since[1] = self.now()
        self.told(self.hooks[0], "firing", 1, exporter)
        self.assertEqual(exporter.own("incidents_refused_total"), 0)
        self.quiet(2)
        self.bad_since[2] = self.now()
        self.told(self.hooks[0], "firing", 2, exporter)
        self.assertEqual(exporter.own("incidents_refused_total"), 1)

    def test_a_silence_of_alertmanager_gates_and_its_end_lets_through(self):
        manager = self.alertmanager(0)
        exporter = self.exporter([manager.url], more="  external_labels: {site: berlin}")
        now = self.now()

        def time(seconds):
            return servers.time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                         servers.time.gmtime(now + seconds))
        body = {"matchers": [{"name": "instance", "value": "host-[01]", "isRegex": True,
                              "isEqual": True},
                             {"name": "site", "value": "paris", "isRegex": False,
                              "isEqual": False}],
                "startsAt": time(-10), "endsAt": time(3600), "createdBy": "test", "comment": "x"}
        status, answer = servers.get(manager.url + "/api/v2/silences",
                                     data=json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)
        self.wait_until(lambda: exporter.own("silenced_series") == 2, "two series are silenced",
                        servers=[exporter])
        self.bad_since.update({1: self.now(), 2: self.now()})
        self.told(self.hooks[0], "firing", 2, exporter)
        self.quiet(3)
        alerts = json.loads(servers.get(manager.url + "/api/v2/alerts")[1])
        self.assertEqual([a["labels"]["instance"] for a in alerts], ["host-2"])
        self.assertEqual(alerts[0]["labels"]["site"], "berlin")
        self.assertEqual(exporter.own("notifications_suppressed_total", reason="silence"), 1)
        request = urllib.request.Request(
            f"{manager.url}/api/v2/silence/{json.loads(answer)['silenceID']}", method="DELETE")
        urllib.request.urlopen(request, timeout=10).close()
        self.told(self.hooks[0], "firing", 1, exporter)
        self.assertEqual(exporter.own("silenced_series"), 0)

    def test_the_notification_comes_back_and_its_delay_is_measured(self):
        port = servers.free_port()
        manager = self.alertmanager(0, [
            self.hooks[0].url, f"http://127.0.0.1:{port}/api/v1/alertmanager/webhook"])
        exporter = self.exporter([manager.url], port=port)
        self.bad_since[1] = self.now()
        name = "detection_latency_seconds_count"
        self.wait_until(lambda: exporter.own(name, stage="notification", origin="tick") == 1,
                        "the notification came back", servers=[exporter, manager])
        self.assertLess(exporter.own("detection_latency_seconds_sum", stage="notification",
                                     origin="tick"), 15)
        status, body = servers.get(exporter.url + "/api/v1/notifications")
        self.assertEqual(status, 200)
        data = json.loads(body)["data"]
        self.assertEqual([a["labels"]["instance"] for a in data["alerts"]], ["host-1"])
        self.assertIsNotNone(data["alerts"][0]["notified"])
        self.assertEqual(data["received"][0]["result"], "known")
        self.assertEqual(exporter.own("webhook_alerts_total", result="known"), 1)
        status, _ = servers.get(exporter.url + "/api/v1/alertmanager/webhook", data=b"[[[[")
        self.assertEqual(status, 400)
        for header, body, want in (("Content-Length: 5000000", b"", b" 413 "),
                                   ("Transfer-Encoding: chunked", b"", b" 411 "),
                                   ("Content-Length: 10", b"[[", b" 408 ")):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(b"POST /api/v1/alertmanager/webhook HTTP/1.1\r\nHost: a\r\n"
                                   + header.encode() + b"\r\n\r\n" + body)
                self.assertIn(want, connection.recv(100), header)


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus-alertmanager")
