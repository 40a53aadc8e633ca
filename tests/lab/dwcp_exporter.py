#!/usr/bin/env python3
"""A small DWCP exporter: the seven metrics of the `dwcp` preset, measured through a real link.

dwcp_exporter.py --far ADDRESS --udp-port PORT --tcp-port PORT [--listen HOST:PORT] [--demand MBPS]
                 [--seed N]

Near end of a link whose far end is far_end.py. Prints one line of JSON, {"port": PORT}, and serves
/metrics until it is stopped. What each number is:

  bandwidth     Mbit/s that arrived at the far end on the TCP stream that this end keeps sending;
                the stream wants `--demand` on average and wanders around it as traffic does
  latency       mean round trip of UDP probes, 100 a second
  packet_loss   percent of those probes without an answer within half a second
  jitter        mean absolute difference of successive round trips (RFC 3550, section 6.4.1, without
                its smoothing)
  cpu_usage     CPU time of this process, percent of one core
  memory_usage  resident memory of this process, percent of the 64 MiB that it is allowed
  error_rate    percent of the stream's TCP segments that were sent again (TCP_INFO)

Each is taken over the last five seconds. What cannot be measured is left out of the page: a link
that answers nothing has a loss and no latency.
"""
import argparse
import collections
import http.server
import json
import random
import resource
import socket
import struct
import threading
import time

WINDOW_SECONDS = 5.0
PROBES_PER_SECOND = 100
PROBE_BYTES = 200
PROBE_TIMEOUT_SECONDS = 0.5
PACE_SECONDS = 0.02
STALL_SECONDS = 10.0
# The kernel spreads each write over time; a little faster than the demand, to catch up.
PACING_HEADROOM = 1.1
SO_MAX_PACING_RATE = 47  # asm-generic/socket.h; Python does not name it
MEMORY_ALLOWED_BYTES = 64 << 20
HELP = {
    "bandwidth_mbps": "Throughput that arrives at the far end.",
    "latency_ms": "Mean round trip of probes.",
    "packet_loss_percent": "Share of probes without an answer.",
    "jitter_ms": "Mean absolute difference of successive round trips.",
    "cpu_usage_percent": "CPU time of the endpoint, of one core.",
    "memory_usage_percent": "Resident memory of the endpoint, of what it is allowed.",
    "error_rate_percent": "Share of segments that were sent again.",
}


class Probes:
    """UDP probes: when each was sent and how long its answer took."""

    def __init__(self, far: str, port: int):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((far, port))
        self._lock = threading.Lock()
        self._sent: collections.OrderedDict[int, list] = collections.OrderedDict()
        for loop in (self._send, self._receive):
            threading.Thread(target=loop, daemon=True).start()

    def _send(self) -> None:
        number, due = 0, time.monotonic()
        while True:
            now = time.monotonic()
            with self._lock:
                self._sent[number] = [now, None]
                while self._sent and now - next(iter(self._sent.values()))[0] > 3 * WINDOW_SECONDS:
                    self._sent.popitem(last=False)
            try:
                self._socket.send(struct.pack(">Q", number).ljust(PROBE_BYTES, b"\0"))
            except OSError:
                pass  # counts as lost
            number += 1
            due = max(due + 1 / PROBES_PER_SECOND, now)
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self) -> None:
        while True:
            try:
                data = self._socket.recv(2048)
            except OSError:
                continue  # "connection refused" of an earlier probe
            now = time.monotonic()
            number = struct.unpack(">Q", data[:8])[0]
            with self._lock:
                if number in self._sent:
                    self._sent[number][1] = now - self._sent[number][0]

    def measure(self) -> dict[str, float]:
        end = time.monotonic() - PROBE_TIMEOUT_SECONDS
        with self._lock:
            trips = [took for at, took in self._sent.values() if end - WINDOW_SECONDS < at <= end]
        answered = [t * 1e3 for t in trips if t is not None and t <= PROBE_TIMEOUT_SECONDS]
        out = {}
        if trips:
            out["packet_loss_percent"] = 100.0 * (len(trips) - len(answered)) / len(trips)
        if answered:
            out["latency_ms"] = sum(answered) / len(answered)
        if len(answered) > 1:
            steps = [abs(b - a) for a, b in zip(answered, answered[1:])]
            out["jitter_ms"] = sum(steps) / len(steps)
        return out


class Stream:
    """A TCP stream with a wandering demand; keeps what arrived and what was sent again."""

    def __init__(self, far: str, port: int, demand_mbps: float, seed: int):
        self._far = (far, port)
        self._demand = demand_mbps
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        # Since the entry before: (time, bytes) and (time, segments sent, sent again).
        self._arrived: collections.deque = collections.deque()
        self._segments: collections.deque = collections.deque()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                with socket.create_connection(self._far, timeout=STALL_SECONDS) as connection:
                    threading.Thread(target=self._count, args=(connection,), daemon=True).start()
                    self._send(connection)
            except OSError:
                time.sleep(0.2)

    def _send(self, connection: socket.socket) -> None:
        payload = bytes(1 << 21)
        wander, renewed, before = 0.0, 0.0, (0, 0)
        last = time.monotonic()
        while True:
            now = time.monotonic()
            if now - renewed >= 1:
                renewed = now
                wander = 0.9 * wander + self._rng.gauss(0, 0.012)
                before = self._note_segments(connection, now, before)
                connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, int(
                    self._demand * PACING_HEADROOM * (1 + max(wander, 0)) * 1e6 / 8))
            rate = self._demand * max(0.5, 1 + wander + self._rng.gauss(0, 0.03)) * 1e6 / 8
            # What was not sent while the link was down or slow is not made up for.
            connection.sendall(memoryview(payload)[:int(rate * min(now - last, 2 * PACE_SECONDS))])
            last = now
            time.sleep(PACE_SECONDS)

    def _note_segments(self, connection, now, before):
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        # struct tcp_info of linux/tcp.h: tcpi_total_retrans and, since Linux 4.2, tcpi_segs_out
        again, sent = struct.unpack_from("I", info, 100)[0], struct.unpack_from("I", info, 136)[0]
        with self._lock:
            self._segments.append((now, sent - before[0], again - before[1]))
            _forget(self._segments, now)
        return sent, again

    def _count(self, connection: socket.socket) -> None:
        known, rest = 0, b""
        try:
            while data := connection.recv(4096):
                now, rest = time.monotonic(), rest + data
                whole = len(rest) // 8 * 8
                if not whole:
                    continue
                total = struct.unpack(">Q", rest[whole - 8:whole])[0]
                rest = rest[whole:]
                with self._lock:
                    self._arrived.append((now, total - known))
                    _forget(self._arrived, now)
                known = total
        except OSError:
            pass  # the sender sees it too

    def measure(self) -> dict[str, float]:
        since = time.monotonic() - WINDOW_SECONDS
        with self._lock:
            arrived = sum(n for at, n in self._arrived if at > since)
            segments = [s for s in self._segments if s[0] > since - 1]
        sent, again = sum(s[1] for s in segments), sum(s[2] for s in segments)
        out = {"bandwidth_mbps": arrived * 8 / 1e6 / WINDOW_SECONDS}
        if sent > 0:
            out["error_rate_percent"] = 100.0 * min(1.0, again / sent)
        return out


def _forget(entries: collections.deque, now: float) -> None:
    while entries and now - entries[0][0] > 3 * WINDOW_SECONDS:
        entries.popleft()


class Endpoint:
    """CPU and memory of this process."""

    def __init__(self):
        self._seen: collections.deque = collections.deque()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            self._seen.append((time.monotonic(), usage.ru_utime + usage.ru_stime))
            _forget(self._seen, time.monotonic())
            time.sleep(0.5)

    def measure(self) -> dict[str, float]:
        seen = [s for s in list(self._seen) if s[0] > time.monotonic() - WINDOW_SECONDS - 0.5]
        out = {}
        if len(seen) > 1 and seen[-1][0] > seen[0][0]:
            out["cpu_usage_percent"] = 100 * (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
        with open("/proc/self/statm", encoding="ascii") as statm:
            resident = int(statm.read().split()[1]) * resource.getpagesize()
        out["memory_usage_percent"] = 100.0 * resident / MEMORY_ALLOWED_BYTES
        return out


def page(parts) -> str:
    values = {}
    for part in parts:
        values.update(part.measure())
    lines = []
    for name, text in HELP.items():
        if name in values:
            lines += [f"# HELP dwcp_{name} {text}", f"# TYPE dwcp_{name} gauge",
                      f"dwcp_{name} {values[name]:.6g}"]
    return "\n".join(lines) + "\n"


def serve(listen: str, parts) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = page(parts).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    host, port = listen.rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures a link and serves the dwcp metrics.")
    parser.add_argument("--far", required=True, help="address of far_end.py")
    parser.add_argument("--udp-port", type=int, required=True)
    parser.add_argument("--tcp-port", type=int, required=True)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--demand", type=float, default=100, help="Mbit/s that the stream wants")
    parser.add_argument("--seed", type=int, default=1, help="of the wandering of the demand")
    options = parser.parse_args()
    serve(options.listen, [Probes(options.far, options.udp_port),
                           Stream(options.far, options.tcp_port, options.demand, options.seed),
                           Endpoint()])


if __name__ == "__main__":
    main()
