"""A scripted HTTP server that plays Prometheus: well, or badly in a chosen way.

`behaviour` may be changed at any time. "healthy" answers every query with one gauge series per
entity; the others are named by the functions below.
"""
import hashlib
import http.server
import json
import socket
import socketserver
import threading
import time
import urllib.parse

import servers

HUGE_BYTES = 300_000_000


def value_at(entity, seconds):
    """Noise around 100 that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{entity} {int(seconds)}".encode(), digest_size=4).digest()
    return round(100 + int.from_bytes(digest, "big") / 2**32, 4)


def _series(entity):
    return {"__name__": "load", "job": "fake", "instance": f"host-{entity}"}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._serve(urllib.parse.urlsplit(self.path).query)

    def do_POST(self):
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("latin1"))

    def _serve(self, form):
        owner = self.server.owner
        self.form = {k: v[0] for k, v in urllib.parse.parse_qs(form).items()}
        self.route = urllib.parse.urlsplit(self.path).path
        with owner.lock:
            owner.requests += 1
        behaviour = owner.behaviour
        if behaviour.startswith("status "):
            self._send(int(behaviour.split()[1]),
                       b'{"status":"error","errorType":"x","error":"scripted"}')
        else:
            getattr(self, "_" + behaviour)()

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _data(self):
        entities = range(self.server.owner.entities)
        if self.route.endswith("/query"):
            at = float(self.form["time"])
            return {"resultType": "vector", "result": [
                {"metric": _series(e), "value": [at, str(value_at(e, at))]} for e in entities]}
        if self.route.endswith("/query_range"):
            start, end, step = (float(self.form[k]) for k in ("start", "end", "step"))
            times = [start + k * step for k in range(int((end - start) / step + 1e-6) + 1)]
            return {"resultType": "matrix", "result": [
                {"metric": _series(e), "values": [[t, str(value_at(e, t))] for t in times]}
                for e in entities]}
        if self.route.endswith("/label/job/values"):
            return ["fake"]
        if self.route.endswith("/targets"):
            return {"activeTargets": []}
        return None

    def _body(self, **members):
        return json.dumps({"status": "success", "data": self._data(), **members}).encode()

    def _healthy(self):
        if self._data() is None:
            self._send(404, b"not here")
        else:
            self._send(200, self._body())

    def _warnings(self):
        self._send(200, self._body(warnings=["scripted warning"]))

    def _hang(self):
        self.close_connection = True
        self.server.owner.hang()

    def _cut(self):
        """Half of the body, then silence."""
        body = self._body()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        self._hang()

    def _truncated(self):
        body = self._body()
        self._send(200, body[:len(body) * 2 // 3])

    def _wrong_types(self):
        self._send(200, b'{"status":"success","data":{"resultType":"vector","result":'
                        b'[{"metric":[1,2],"value":{"a":true}}]}}')

    def _garbage(self):
        self.close_connection = True
        self.wfile.write(bytes(range(256)) * 64)

    def _huge(self):
        """A valid beginning, then more than anybody wants."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(b'{"status":"success","data":{"resultType":"vector","result":[')
        part = b'{"metric":{"job":"fake"},"value":[1,"1"]},' * 20000
        sent = 0
        while sent < HUGE_BYTES:
            self.wfile.write(part)
            sent += len(part)


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # the client gave up, which is what is tested

    def shut(self):
        self.shutdown()
        self.server_close()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def process_request(self, request, client_address):
        with self.lock:
            self.connections.append(request)
        super().process_request(request, client_address)


class FakePrometheus:
    def __init__(self, entities=3):
        self.entities = entities
        self.port = servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.requests = 0
        self.behaviour = "healthy"
        self._server = None

    def start(self):
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.owner = self
        self._server.lock = threading.Lock()
        self._server.connections = []
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        return self

    def stop(self):
        """From here on connections are refused, and open ones are gone."""
        if self._server:
            self._server.shut()
            self._server = None

    def hang(self):
        behaviour, until = self.behaviour, time.monotonic() + 30
        while self.behaviour == behaviour and self._server and time.monotonic() < until:
            servers.pause(0.05)
