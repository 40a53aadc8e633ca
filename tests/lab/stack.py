"""The servers of the lab: what is watched, what watches, and who is told.

Rules and Alertmanager's routes are the shipped ones, from the files of this repository.

A run must not depend on the runs before it: a host has not twenty faults an hour, and whoever has
seen four CPU hogs is less surprised by the fifth. `keep_baseline` remembers what the exporter has
learned; `reset` brings it back to that, hides the time of the fault and of the reset from it, and
lets Prometheus and Alertmanager forget the alerts: Prometheus repeats for a quarter of an hour that
an alert is resolved, and Alertmanager holds back what it has told of within five minutes.
"""
import datetime
import json
import pathlib
import re
import shutil
import threading
import time

import exposed
import hiding_proxy
import loopback
import network
import servers
import yaml

HERE = pathlib.Path(__file__).resolve().parent
PROMETHEUS = """
global: {{scrape_interval: {interval}s, evaluation_interval: {interval}s}}
rule_files: [{rules}]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{node}"], labels: {{instance: lab}}}}]
  - job_name: dwcp
    static_configs: [{{targets: ["127.0.0.1:{dwcp}"], labels: {{cluster: lab, instance: link}}}}]
""".rstrip() + exposed.EXPORTER_JOB
CONFIG = """
global: {{interval: {interval}s}}
sources:
  - {{name: prometheus, url: "{prometheus}"}}
monitors:
  - {{preset: node, selector: '{{job="node"}}', rate_window: {rate_window}s}}
  - preset: dwcp
    metrics:
{limits}
"""
# What is valid on this link; the preset's ranges are those of a wide-area network. One probe of the
# 500 in five seconds is 0.2 %. The preset's critical limits stay.
VALID = {"bandwidth": (80, 120), "latency": (0, 15), "packet_loss": (0, 0.5), "jitter": (0, 5),
         "cpu_usage": (0, 100), "memory_usage": (0, 100), "error_rate": (0, 0.1)}


class Receiver(loopback.HttpService):
    """Takes Alertmanager's notifications: (time of arrival, receiver, alert)."""

    def __init__(self):
        self.alerts, self._lock = [], threading.Lock()
        super().__init__()

    def answer(self, request):
        now = time.time()
        body = json.loads(request.data)
        with self._lock:
            self.alerts += [(now, request.path.strip("/"), a) for a in body["alerts"]]
        return 200, "text/plain", b""

    def firing(self, monitor=None, since=0.0):
        """Notified alerts that started at or after `since`, oldest first; without info, which is
        logged only, and without what the exporter says of itself."""
        with self._lock:
            alerts = list(self.alerts)
        return [(at, name, a) for at, name, a in alerts
                if a["status"] == "firing" and "monitor" in a["labels"]
                and a["labels"].get("severity") != "info"
                and not a["labels"]["alertname"].startswith("AnomalyExporter")
                and monitor in (None, a["labels"]["monitor"])
                and seconds_of(a["startsAt"]) >= since]


def seconds_of(text):
    """Seconds of an RFC 3339 time. Alertmanager writes up to nine decimals, Python reads six."""
    text = re.sub(r"\.(\d{1,6})\d*", lambda m: "." + m[1].ljust(6, "0"), text)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def alertmanager_config(port):
    """The shipped routes; every receiver that sends anything sends it to us instead."""
    shipped = yaml.safe_load((servers.SOURCE_DIR / "config" / "alertmanager.yml").read_text())
    receivers = []
    for receiver in shipped["receivers"]:
        receivers.append({"name": receiver["name"], "webhook_configs": [
            {"url": f"http://127.0.0.1:{port}/{receiver['name']}", "send_resolved": True}]})
    kept = {key: shipped[key] for key in ("route", "inhibit_rules", "time_intervals",
                                          "mute_time_intervals") if key in shipped}
    return yaml.safe_dump({**kept, "receivers": receivers})


class Watch:
    """Reads the exporter's page five times a second and keeps when what was first seen."""

    KEPT = re.compile(r"^(anomaly_score|anomaly_severity|anomaly_entity_score|"
                      r"anomaly_exporter_last_evaluation_timestamp_seconds)\{([^}]*)\} (\S+)", re.M)
    LABEL = re.compile(r'(monitor|metric)="([^"]*)"')

    def __init__(self, url):
        self._url, self._lock = url, threading.Lock()
        self.history = {}  # (family, monitor, metric) -> [(time seen, value)], changes only
        self.failures = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                page = servers.get(self._url + "/metrics", timeout=5)[1].decode()
                self._take(time.time(), page)
            except OSError:
                self.failures += 1
            servers.pause(0.2)

    def _take(self, now, page):
        with self._lock:
            for family, labels, value in self.KEPT.findall(page):
                named = dict(self.LABEL.findall(labels))
                key = (family, named.get("monitor"), named.get("metric"))
                entries = self.history.setdefault(key, [])
                if not entries or entries[-1][1] != float(value):
                    entries.append((now, float(value)))

    def first(self, family, monitor, since, condition):
        """(time, metric) when a value of the monitor first met `condition` after `since`."""
        found = []
        with self._lock:
            for (name, of, metric), entries in self.history.items():
                if name == family and of == monitor:
                    found += [(at, metric) for at, value in entries
                              if at >= since and condition(value)][:1]
        return min(found, default=None)

    def clear(self):
        with self._lock:
            self.history.clear()

    def latest(self, family, monitor):
        with self._lock:
            return max((e[-1][1] for (name, of, _), e in self.history.items()
                        if name == family and of == monitor), default=None)


class Stack:
    """Everything that runs: host, link, and what watches them."""

    VALID = VALID

    def __init__(self, folder, interval, rate_window):
        self.interval, self.rate_window = interval, rate_window
        self.folder = pathlib.Path(folder)
        self._started = []
        self.far = network.Far(folder)
        self._started.append(self.far)
        self.lan = network.Link(self.far, "lan0", 1, is_shaped=False)
        self.link = network.Link(self.far, "veth-link", 2, is_shaped=True)
        self.start("iperf3", self.far.command("iperf3", "--server"))
        self.lan_ports = self._far_end("lan", self.lan)
        self.start("base_load", ["python3", "-B", HERE / "base_load.py", self.folder,
                                 self.lan.far_address, self.lan_ports["udp"]])
        self.link_ports = self._far_end("link", self.link)
        self.receiver = Receiver()
        self._start_watching(self._near_end())

    def start(self, name, command):
        server = servers.Server(name, command, self.folder).start()
        self._started.append(server)
        return server

    def stop(self):
        for server in reversed(self._started):
            server.stop()

    def check(self):
        """Raises when a program has ended that should run."""
        for server in (self.prometheus, self.exporter, self.alertmanager):
            if not server.is_running():
                raise RuntimeError(f"{server.name} ended:\n{server.log_tail()}")

    def _line(self, server):
        return json.loads(servers.wait_until(
            lambda: re.match(r"\{.*\}\n", server.log()), f"{server.name} prints its ports",
            servers=[server])[0])

    def _far_end(self, name, link):
        return self._line(self.start(f"far_end_{name}", self.far.command(
            "python3", "-B", HERE / "far_end.py", link.far_address)))

    def _near_end(self):
        return self._line(self.start("dwcp_exporter", [
            "python3", "-B", HERE / "dwcp_exporter.py", "--far", self.link.far_address,
            "--udp-port", self.link_ports["udp"], "--tcp-port", self.link_ports["tcp"]]))["port"]

    def _start_watching(self, dwcp):
        node, alertmanager, prometheus, exporter = (servers.free_port() for _ in range(4))
        rules = [str(p) for p in sorted((servers.SOURCE_DIR / "rules").glob("*.yml"))
                 if not p.name.endswith("_test.yml")]
        self.start("node_exporter", ["prometheus-node-exporter",
                                     f"--web.listen-address=127.0.0.1:{node}"])
        config = self.folder / "alertmanager.yml"
        config.write_text(alertmanager_config(self.receiver.port))
        self.alertmanager = self.start("alertmanager", [
            "prometheus-alertmanager", f"--config.file={config}", "--cluster.listen-address=",
            f"--storage.path={self.folder}/alertmanager",
            f"--web.listen-address=127.0.0.1:{alertmanager}"])
        config = self.folder / "prometheus.yml"
        config.write_text(PROMETHEUS.format(
            interval=self.interval, rules=", ".join(rules), alertmanager=alertmanager, node=node,
            exporter=exporter, dwcp=dwcp))
        self.url = f"http://127.0.0.1:{prometheus}"
        self.prometheus = servers.Server("prometheus", [
            "prometheus", f"--config.file={config}", "--web.enable-admin-api",
            f"--storage.tsdb.path={self.folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{prometheus}"], self.folder)
        self._started.append(self.prometheus)
        self._start_prometheus()
        self.proxy = hiding_proxy.HidingProxy(self.url)
        self.exporter = servers.Exporter(self.folder, CONFIG.format(
            interval=self.interval, rate_window=self.rate_window, prometheus=self.proxy.url,
            limits="\n".join(f"      {name}: {{valid_range: [{least}, {most}]}}"
                             for name, (least, most) in VALID.items())), port=exporter)
        self._started.append(self.exporter)
        self.exporter.start()
        self.watch = Watch(self.exporter.url)

    def _start_prometheus(self):
        self.prometheus.start()
        servers.wait_until(lambda: servers.answers(self.url + "/-/ready"), "Prometheus is ready",
                           servers=[self.prometheus])

    def keep_baseline(self):
        """Stops the exporter, keeps what it has learned, and starts it again; it sees nothing until
        `show_again`."""
        self.exporter.stop()
        self.proxy.hide(time.time())
        shutil.copytree(self.exporter.state, self.folder / "baseline")
        self.exporter.start()
        self.watch.clear()

    def reset(self, begin):
        """Forgets what happened since `begin`, as the head of this file tells; the exporter sees
        nothing until `show_again`."""
        self.exporter.kill()
        self.alertmanager.kill()
        self.proxy.hide(begin)
        end = time.time()
        # Old severities would fire again until the next scrape.
        status, body = servers.get(self.url + "/api/v1/admin/tsdb/delete_series?" +
                                   servers.urllib.parse.urlencode(
                                       {"match[]": '{__name__=~".*anomaly_.*|ALERTS.*"}',
                                        "start": f"{begin:.3f}", "end": f"{end:.3f}"}), data=b"")
        if status != 204:
            raise RuntimeError(f"delete_series: {status} {body[:300]}")
        shutil.rmtree(self.exporter.state)
        shutil.copytree(self.folder / "baseline", self.exporter.state)
        shutil.rmtree(self.folder / "alertmanager", ignore_errors=True)
        self.prometheus.stop()
        self._start_prometheus()
        self.alertmanager.start()
        self.exporter.start()
        self.watch.clear()

    def show_again(self):
        self.proxy.hide_no_more()

    def query(self, text):
        """The `result` of an instant query."""
        url = self.url + "/api/v1/query?" + servers.urllib.parse.urlencode({"query": text})
        answer = json.loads(servers.get(url)[1])
        if answer["status"] != "success":
            raise RuntimeError(f"{text}: {answer['error']}")
        return answer["data"]["result"]

    def samples(self, selector, seconds):
        """Raw samples of the last `seconds`: [(labels, [(time, value)])]."""
        return [(r["metric"], [(float(t), float(v)) for t, v in r["values"]])
                for r in self.query(f"{selector}[{int(seconds) + 1}s]")]
