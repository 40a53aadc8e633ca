"""Starts and stops the real programs for the integration tests.

Every server runs on loopback, keeps its files in a temporary folder and is stopped by its process
id. Waiting is always for a condition with a deadline. A test file ends in `servers.main(needs)`:
where a program is missing it exits 77 (skipped), or 1 when AE_INTEGRATION_REQUIRED is ON.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import pages

BINARY_DIR = pathlib.Path(os.environ.get("AE_BINARY_DIR", "build/release")).resolve()
SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
EXPORTER = BINARY_DIR / "anomaly_exporter"
TOOL = BINARY_DIR / "anomalytool"
IS_SANITIZED = bool(os.environ.get("AE_SANITIZED"))
PATIENCE_SECONDS = 120 if IS_SANITIZED else 60
_EVENT = threading.Event()
_LIBC = ctypes.CDLL(None)


def missing_programs(needs):
    return [str(n) for n in needs
            if not (n.exists() if isinstance(n, pathlib.Path) else shutil.which(n))]


def main(*needs):
    missing = missing_programs(needs)
    if missing:
        print("missing:", ", ".join(missing))
        sys.exit(1 if os.environ.get("AE_INTEGRATION_REQUIRED") == "ON" else 77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are stopped
    unittest.main(verbosity=2)


def pause(seconds):
    _EVENT.wait(seconds)


def wait_until(condition, what, seconds=PATIENCE_SECONDS, every=0.1, servers=()):
    """The first true value of `condition()`; fails naming `what`, with the logs of `servers`."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        dead = [s for s in servers if not s.is_running()]
        if dead or time.monotonic() >= until:
            logs = "".join(f"\n--- {s.name}:\n{s.log_tail()}" for s in servers)
            why = "a server ended" if dead else f"waited {seconds} s"
            raise AssertionError(f"{why}: {what}{logs}")
        pause(every)


def free_port():
    """A port below the range that outgoing connections take theirs from."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def get(url, timeout=30, headers=(), data=None):
    """(status, body) of a request; an HTTP error is an answer too."""
    request = urllib.request.Request(url, headers=dict(headers), data=data)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def answers(url):
    try:
        return get(url, timeout=5)[0] == 200
    except OSError:
        return False


def _die_with_parent():
    _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """One running program. Its output goes to a file in `folder`."""

    def __init__(self, name, command, folder):
        self.name = name
        self.command = [str(c) for c in command]
        self.folder = pathlib.Path(folder)
        self.log_file = self.folder / f"{name}.log"
        self.environment = {}  # besides ours
        self.process = None

    def start(self):
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder,
                                            stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent,
                                            env={**os.environ, **self.environment})
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=30):
        """Returns the exit code; kills what does not end in time."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def kill(self):
        return self.stop(signal.SIGKILL)

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def memory_bytes(self, field="VmRSS"):
        """A memory field of /proc/PID/status; VmHWM is the highest resident size so far."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


class Prometheus(Server):
    def __init__(self, folder, config, name="prometheus", port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config_file = pathlib.Path(folder) / f"{name}.yml"
        config_file.write_text(config)
        super().__init__(name, [
            "prometheus", f"--config.file={config_file}", f"--storage.tsdb.path={folder}/{name}",
            f"--web.listen-address=127.0.0.1:{self.port}", "--storage.tsdb.retention.time=10y"
        ], folder)

    def start(self):
        super().start()
        wait_until(lambda: answers(self.url + "/-/ready"), "Prometheus is ready", servers=[self])
        return self

    def query(self, text):
        """[(labels, value)] of an instant query."""
        status, body = get(self.url + "/api/v1/query?" + urllib.parse.urlencode({"query": text}))
        if status != 200:
            raise AssertionError(f"query {text}: {status} {body[:300]}")
        return [(r["metric"], float(r["value"][1])) for r in json.loads(body)["data"]["result"]]

    def value(self, text):
        """The sum of the answer's values, or None."""
        found = self.query(text)
        return sum(v for _, v in found) if found else None


class Exporter(Server):
    """anomaly_exporter on a port of its own choosing (or `port`), state in `folder`/state."""

    def __init__(self, folder, config, name="exporter", flags=(), port=0):
        self.config_file = pathlib.Path(folder) / f"{name}.config.yml"
        self.config_file.write_text(config)
        self.port = port
        self.extra = list(flags)
        self.state = pathlib.Path(folder) / f"{name}-state"
        super().__init__(name, [], folder)

    def start(self):
        before = len(self.log())
        self.command = [str(EXPORTER), f"--config.file={self.config_file}",
                        f"--web.listen-address=127.0.0.1:{self.port}",
                        f"--storage.path={self.state}", *self.extra]
        super().start()
        found = wait_until(
            lambda: re.search(r"listening.*?address=\"?127\.0\.0\.1:(\d+)", self.log()[before:]),
            "the exporter listens", servers=[self])
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(lambda: answers(self.url + "/-/healthy"), "the exporter answers", servers=[self])
        return self

    def is_ready(self):
        return get(self.url + "/-/ready")[0] == 200

    def wait_ready(self, seconds=PATIENCE_SECONDS):
        wait_until(self.is_ready, "the exporter is ready", seconds, servers=[self])
        return self

    def scores(self, **parameters):
        """Rows of /api/v1/scores."""
        query = urllib.parse.urlencode({"limit": 100000, **parameters})
        status, body = get(f"{self.url}/api/v1/scores?{query}")
        if status != 200:
            raise AssertionError(f"scores: {status} {body[:300]}")
        return json.loads(body)["data"]["scores"]

    def page(self, accept="text/plain"):
        status, body = get(self.url + "/metrics", headers={"Accept": accept})
        if status != 200:
            raise AssertionError(f"/metrics: {status}")
        return body.decode()

    def own(self, name, **labels):
        """Sum of an `anomaly_exporter_` metric over what matches `labels`; 0 when there is none."""
        return self.total("anomaly_exporter_" + name, **labels)

    def total(self, name, **labels):
        return sum(s.value for s in pages.parse(self.page())
                   if s.name == name and labels.items() <= s.labels.items())

    def set_config(self, text):
        self.config_file.write_text(text)

    def reload(self):
        """(status, body) of POST /-/reload; needs --web.enable-lifecycle."""
        return get(self.url + "/-/reload", data=b"")


class TestCase(unittest.TestCase):
    """A test with a temporary folder and servers that end with it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="anomaly-exporter-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_server(self, server):
        """Starts `server`, stops it at the end and checks that no sanitizer complained."""
        self.addCleanup(self._end, server)
        return server.start()

    def _end(self, server):
        server.stop(seconds=15)
        if isinstance(server, Exporter):
            self.assertNotRegex(server.log(), r"Sanitizer|runtime error|terminate called",
                                server.log_tail(60))

    def wait_until(self, condition, what, seconds=PATIENCE_SECONDS, servers=(), every=0.1):
        return wait_until(condition, what, seconds, every, servers)


def run_tool(*arguments, timeout=PATIENCE_SECONDS):
    """anomalytool with `arguments`: (exit code, stdout, stderr)."""
    done = subprocess.run([str(TOOL), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout)
    return done.returncode, done.stdout, done.stderr
