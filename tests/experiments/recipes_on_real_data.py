#!/usr/bin/env python3
"""Holds the raw scores of `novelty` and `forecaster` against the independent implementations in
tests/data/reference, on real series: a seeded selection over all data sets of ../shared/data, row
by row.

usage: recipes_on_real_data.py DETECTOR_RAW DATA_FOLDER [--all]

A row agrees when the scores differ by at most 1 % of the scale: of what a metric can reach at
novelty (ln 4), of the larger of 1 and the score at the forecaster. Ours are floats, the references
doubles: they order a digest's ties differently now and then, and a regression over many like
metrics is solved to fewer digits, so up to 5 rows in a hundred may lie further off while the ranks
stay the same. Says "data absent" and succeeds where there is no such folder.
"""
import csv
import gzip
import json
import math
import pathlib
import random
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "data" / "reference"))
import forecaster  # noqa: E402
import novelty  # noqa: E402

MOST_ROWS = 4000
LEAST_AGREEING = 0.95
LEAST_CORRELATION = 0.985


def read(path, rows):
    with gzip.open(path, "rt") as file:
        lines = list(csv.reader(file))[1:rows + 1]
    values = np.array([[float(cell) if cell else np.nan for cell in line[1:]] for line in lines])
    return int(float(lines[0][0])), np.float32(values).astype(float)


def ranks(values):
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[inverse]


def correlation(a, b):
    a, b = ranks(a), ranks(b)
    if a.std() == 0 or b.std() == 0:
        return 1.0 if a.std() == b.std() else 0.0
    return float(np.corrcoef(a, b)[0, 1])


def shipped(program, detector, step, start, path, rows, columns):
    command = [program, detector, str(step), str(start), str(path)] + [str(c) for c in columns]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    cells = [line.split(",") for line in done.stdout.splitlines()[:rows]]
    return np.array([[float(cell) if cell else np.nan for cell in line] for line in cells])


def reference(detector, values, step, start):
    if detector == "novelty":
        found = novelty.novelty(list(values[:, 0]), step, start)
        return np.array([math.nan if raw is None else raw for raw, _ in found])
    return np.array([math.nan if raw is None else raw for raw in forecaster.forecast(values, step)])


def selection(data, everything):
    """(detector, group, file, step, rows, columns); equal every time."""
    rng = random.Random(20)
    for name, dataset in sorted(json.loads((data / "labels.json").read_text())["datasets"].items()):
        series = sorted(dataset["series"].items())
        for key, meta in series if everything else rng.sample(series, 1):
            width, step = meta["metrics"], int(meta["interval_s"])
            width = width if isinstance(width, int) else len(width)
            rows = min(meta["rows"], MOST_ROWS)
            yield "novelty", dataset["group"], meta["file"], step, rows, [rng.randrange(width)]
            most = rows if width < 30 else rows // 2
            yield "forecaster", dataset["group"], meta["file"], step, most, list(range(width))


def main():
    program, data = sys.argv[1], pathlib.Path(sys.argv[2])
    if not (data / "labels.json").exists():
        print("data absent")
        return 0
    failed = 0
    for detector, group, file, step, rows, columns in selection(data, "--all" in sys.argv[3:]):
        start, values = read(data / file, rows)
        values = values[:, columns]
        if np.isnan(values).any():
            continue  # the references have no rule for gaps
        want = reference(detector, values, step, start)
        got = shipped(program, detector, step, start, data / file, rows, columns)[:, 0]
        ready = ~np.isnan(want)
        scale = math.log(4) if detector == "novelty" else np.maximum(want[ready], 1)
        agreeing = float(np.mean(np.abs(got[ready] - want[ready]) <= 0.01 * scale))
        rank = correlation(got[ready], want[ready])
        good = bool((np.isnan(got) == ~ready).all())
        good = good and agreeing >= LEAST_AGREEING and rank >= LEAST_CORRELATION
        failed += not good
        print(f"{detector:10} {group:12} {file:50} {ready.sum():5} rows  "
              f"{100 * agreeing:6.2f} % agree  ranks {rank:.5f}"
              f"{'' if good else '  FAILED'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
