#!/usr/bin/env python3
"""STL of statsmodels on the work of the benchmark stl_1000_60: 1000 samples, period 60, 5 inner
passes, no robustness weights, fresh data. Prints microseconds per series (processor time of one
thread, median of the series).

usage: statsmodels_peer.py [SEED]      exit 77 with the reason where statsmodels is absent
"""
import math
import os
import random
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
try:
    from statsmodels.tsa.seasonal import STL
except ImportError as error:
    print(f"statsmodels is not installed: {error}", file=sys.stderr)
    sys.exit(77)

SAMPLES, PERIOD, INNER, SERIES = 1000, 60, 5, 10


def main():
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    taken = []
    for _ in range(SERIES + 1):
        values = [
            50 + 10 * math.sin(2 * math.pi * i / PERIOD) + rng.gauss(0, 1) for i in range(SAMPLES)
        ]
        stl = STL(values, period=PERIOD, seasonal=7, robust=False)
        begin = time.thread_time()
        stl.fit(inner_iter=INNER, outer_iter=0)
        taken.append((time.thread_time() - begin) * 1e6)
    print(statistics.median(taken[1:]))  # the first one warms up


if __name__ == "__main__":
    main()
