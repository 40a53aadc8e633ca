#!/usr/bin/env python3
"""Prints what backfill_10k reads: 8 metrics of 1,250 nodes, one sample each 15 s, from 1,040 samples
before now to half an hour after it, so that the comparison may take its time."""
import random
import sys
import time

METRICS, NODES, STEP = 8, 1_250, 15
BEFORE, AFTER = 1_040, 120


def main() -> None:
    now = int(time.time()) // STEP * STEP
    times = [f" {t}\n" for t in range(now - BEFORE * STEP, now + AFTER * STEP, STEP)]
    rng = random.Random(now)
    for metric in range(METRICS):
        name = f"ae_bench_{metric}"
        print(f"# TYPE {name} gauge")
        decimals = metric % 4
        for node in range(NODES):
            start = f'{name}{{instance="node-{node}:9100",job="bench"}} '
            level = 50 + node % 97
            noise = [f"{level + rng.random():.{decimals}f}" for _ in range(64)]
            sys.stdout.write("".join([start + noise[rng.getrandbits(6)] + t for t in times]))
    print("# EOF")


if __name__ == "__main__":
    main()
