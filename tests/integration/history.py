"""Past data for a Prometheus: several thousand series, written as blocks by promtool."""
import hashlib
import random
import subprocess
import time

STEP_SECONDS = 30
AHEAD_SECONDS = 900  # blocks may hold the near future, so that ticks after the start find data too


def times(hours):
    """Sample times of `hours` back to a little ahead of now."""
    now = int(time.time()) // STEP_SECONDS * STEP_SECONDS
    return range(now - int(hours * 3600), now + AHEAD_SECONDS, STEP_SECONDS)


def _rng(name):
    return random.Random(hashlib.blake2b(name.encode(), digest_size=8).digest())


def write_openmetrics(path, at, gauges, counters):
    """`load{host=...}`: noise; `events_total{host=...}`: counters that reset now and then."""
    with open(path, "w", encoding="utf-8") as out:
        out.write("# TYPE load gauge\n")
        for g in range(gauges):
            rng = _rng(f"load {g}")
            for t in at:
                out.write(f'load{{job="past",host="{g}"}} {50 + 10 * rng.random():.6f} {t}\n')
        if counters:
            out.write("# TYPE events counter\n")
        for c in range(counters):
            rng = _rng(f"events {c}")
            total = 0.0
            for t in at:
                total = 0.0 if rng.random() < 0.002 else total + 100 * rng.random()
                out.write(f'events_total{{job="past",host="{c}"}} {total:.4f} {t}\n')
        out.write("# EOF\n")


def create_blocks(folder, database, at, gauges, counters=0):
    text = folder / "history.om"
    write_openmetrics(text, at, gauges, counters)
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text, database],
                   check=True, capture_output=True, timeout=240)
    return text
