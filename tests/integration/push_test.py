"""Push mode against real Alertmanagers that fail in every way; counted behind them by webhooks.

Times are those of an operator divided by some tens: an alert ends at Alertmanager by itself 16 s
after it was last sent, and is sent again every 3 s.
"""
import collections
import http.server
import json
import socket
import threading
import urllib.request

import fake_prometheus
import servers

CONFIG = """
global: {{interval: 1s, window: 16, calibration: 16s, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 16}}, mad: {{window: 16}}}}
severity: {{keep_firing_for: 0s}}
monitors:
  - {{name: app, metrics: {{load: {{query: 'load', critical: {{above: 1000}}}}}}}}
training: {{enabled: false}}
alerting:
  mode: push
  alertmanagers: [{alertmanagers}]
  resend_delay: 4s
  resolve_for: 60s
  hold: 60s
  timeout: 1s
  throttle: 0s
  silences: {{poll: 1s}}
{more}
"""

ALERTMANAGER = """
route:
  receiver: hook
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs: [{webhooks}]
"""


class Hook:
    """A webhook receiver: counts (status, instance) of what it is told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.told = collections.Counter()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with hook.lock:
                    for alert in message["alerts"]:
                        labels = alert["labels"]
                        hook.told[alert["status"], labels["alertname"], labels["instance"]] += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def count(self, status, host):
        with self.lock:
            return sum(n for (s, _, i), n in self.told.items()
                       if s == status and i == f"host-{host}")

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Proxy:
    """In front of an Alertmanager: refuses a batch with a bad alert as a whole, or hangs."""

    def __init__(self, behind):
        self.bad_host = None
        self.hangs = threading.Event()
        self.free = threading.Event()
        self.answers = collections.Counter()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self._pass(None)

            def do_POST(self):
                self._pass(self.rfile.read(int(self.headers["Content-Length"])))

            def _pass(self, body):
                if proxy.hangs.is_set():
                    proxy.free.wait(30)
                    return
                status, answer = 400, b'"scripted: a bad alert"'
                names = [] if body is None else [a["labels"].get("instance")
                                                 for a in json.loads(body)]
                if f"host-{proxy.bad_host}" not in names:
                    headers = {"Content-Type": "application/json"}
                    status, answer = servers.get(behind + self.path, data=body, headers=headers)
                proxy.answers[status if body is not None else "GET"] += 1
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def stop(self):
        self.free.set()
        self._server.shutdown()
        self._server.server_close()


class Push(servers.TestCase):
    def setUp(self):
        super().setUp()
        self.bad_since = {}  # entity -> from when on its value is beyond the limit
        ordinary = fake_prometheus.value_at

        def value_at(entity, seconds):
            since = self.bad_since.get(entity)
            return 5000 if since is not None and seconds >= since else ordinary(entity, seconds)
        fake_prometheus.value_at = value_at
        self.addCleanup(setattr, fake_prometheus, "value_at", ordinary)
        self.source = fake_prometheus.FakePrometheus(entities=3).start()
        self.addCleanup(self.source.stop)
        self.hooks = [Hook(), Hook()]
        for hook in self.hooks:
            self.addCleanup(hook.stop)

    def alertmanager(self, n, webhooks=None):
        config = self.folder / f"alertmanager{n}.yml"
        urls = webhooks or [self.hooks[n].url]
        config.write_text(ALERTMANAGER.format(
            webhooks=", ".join(f"{{url: '{u}', send_resolved: true}}" for u in urls)))
        port = servers.free_port()
        server = servers.Server(f"alertmanager{n}", [
            "prometheus-alertmanager", f"--config.file={config}",
            f"--storage.path={self.folder}/alertmanager{n}", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{port}"], self.folder)
        server.url = f"http://127.0.0.1:{port}"
        self.run_server(server)
        return self.ready(server)

    def ready(self, server):
        self.wait_until(lambda: servers.answers(server.url + "/-/ready"), "Alertmanager is ready",
                        servers=[server])
        return server

    def config(self, urls, more=""):
        return CONFIG.format(url=self.source.url, more=more,
                             alertmanagers=", ".join(f"{{url: '{u}'}}" for u in urls))

    def exporter(self, urls, flags=(), port=0, more=""):
        exporter = self.run_server(servers.Exporter(
            self.folder, self.config(urls, more), flags=flags, port=port))
        self.judged(exporter)
        return exporter

    def judged(self, exporter):
        exporter.wait_ready()
        self.wait_until(lambda: len(exporter.scores()) == 3, "all are judged", servers=[exporter])

    def now(self):
        return servers.time.time()

    def told(self, hook, status, host, exporter):
        self.wait_until(lambda: hook.count(status, host) > 0, f"{status} host-{host} is told",
                        servers=[exporter])

    def quiet(self, seconds):
        """Looks for so long whether something is told that must not be."""
        servers.pause(seconds)

    def check(self, hook, host, firing, resolved):
        self.assertEqual((hook.count("firing", host), hook.count("resolved", host)),
                         (firing, resolved), dict(hook.told))

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
