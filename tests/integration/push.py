"""Push mode on a bench: a played Prometheus, real Alertmanagers, and behind each a webhook that
counts what it is told.

Times are those of an operator divided by some tens: an alert ends at Alertmanager by itself 16 s
after it was last sent, and is sent again every 3 s.
"""
import collections
import json
import threading

import fake_prometheus
import loopback
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


class Hook(loopback.HttpService):
    """A webhook receiver: counts (status, alertname, instance) of what it is told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.told = collections.Counter()
        super().__init__()

    def answer(self, request):
        with self.lock:
            for alert in json.loads(request.data)["alerts"]:
                labels = alert["labels"]
                self.told[alert["status"], labels["alertname"], labels.get("instance")] += 1
        return 200, "text/plain", b""

    def count(self, status, host):
        with self.lock:
            return sum(n for (s, _, i), n in self.told.items()
                       if s == status and i == f"host-{host}")

    def named(self, status):
        """Names of the alerts told with this status, and how often."""
        with self.lock:
            counts = collections.Counter()
            for (s, name, _), n in self.told.items():
                if s == status:
                    counts[name] += n
            return dict(counts)


class Proxy(loopback.HttpService):
    """In front of an Alertmanager: refuses a batch with a bad alert as a whole, or hangs. Keeps the
    bodies that it was posted."""

    def __init__(self, behind):
        self.behind = behind
        self.bad_host = None
        self.hangs = threading.Event()
        self.free = threading.Event()
        self.answers = collections.Counter()
        self.bodies = []
        super().__init__()

    def answer(self, request):
        if self.hangs.is_set():
            self.free.wait(30)
            return None
        body = request.data
        status, answer = 400, b'"scripted: a bad alert"'
        names = [] if body is None else [a["labels"].get("instance") for a in json.loads(body)]
        if f"host-{self.bad_host}" not in names:
            headers = {"Content-Type": "application/json"}
            status, answer = servers.get(self.behind + request.path, data=body, headers=headers)
        self.answers[status if body is not None else "GET"] += 1
        if body is not None:
            self.bodies.append(body)
        return status, "application/json", answer

    def stop(self):
        self.free.set()
        super().stop()


class TestCase(servers.TestCase):
    ENTITIES = 3

    def setUp(self):
        super().setUp()
        self.bad_since = {}  # entity -> from when on its value is beyond the limit
        ordinary = fake_prometheus.value_at

        def value_at(entity, seconds):
            since = self.bad_since.get(entity)
            return 5000 if since is not None and seconds >= since else ordinary(entity, seconds)
        fake_prometheus.value_at = value_at
        self.addCleanup(setattr, fake_prometheus, "value_at", ordinary)
        self.source = fake_prometheus.FakePrometheus(entities=self.ENTITIES).start()
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

    def exporter(self, urls, flags=(), port=0, more="", name="exporter", environment=None):
        exporter = servers.Exporter(self.folder, self.config(urls, more), name, flags, port)
        exporter.environment = environment or {}
        self.judged(self.run_server(exporter))
        return exporter

    def judged(self, exporter):
        exporter.wait_ready()
        self.wait_until(lambda: len(exporter.scores()) == self.ENTITIES, "all are judged",
                        servers=[exporter])

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
