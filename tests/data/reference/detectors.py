#!/usr/bin/env python3
"""Reference vectors for the statistical detectors, by an implementation of its own.

Writes detectors.csv beside this file: one seeded series with a trend, level shift, spikes, gaps and
values that must not be learned, and for every tick what each detector expects, how wide its scale
is and how far off the value lies. Plain Python, `statistics` and nothing of the C++ code, so that a
mistake there is not repeated here.

Columns: tick, value (empty = absent), learned (0 or 1), then <name>_expected, <name>_scale,
<name>_raw per detector (empty = warming up or absent). Values are multiples of 1/64, so that they
are the same number as float and as double.

Usage: python3 detectors.py [--check]    --check fails if the file would change.
"""
import math
import pathlib
import random
import statistics
import sys

TICKS = 400
WINDOWS = {"zscore": 30, "mad": 30, "iqr": 30, "moving_average": (10, 25), "regression": 30}
WARMUP = 20


def series():
    rng = random.Random(20240917)
    for tick in range(TICKS):
        value = 40 + 0.05 * tick + rng.gauss(0, 1)
        if tick >= 250:
            value += 12
        if tick in (90, 170, 171, 333):
            value += 25
        if 300 <= tick < 345:
            value = 7.25
        value = round(value * 64) / 64
        absent = rng.random() < 0.08
        learned = not absent and rng.random() > 0.06
        yield tick, None if absent else value, learned


def recent(history, end, window):
    """(tick, value) of what was learned in the `window` ticks before `end`."""
    return [(k, history[k]) for k in range(max(0, end - window), end) if history[k] is not None]


def zscore(history, end):
    xs = [x for _, x in recent(history, end, WINDOWS["zscore"])]
    if len(xs) < WARMUP:
        return None
    return statistics.fmean(xs), statistics.pstdev(xs)


def mad(history, end):
    xs = [x for _, x in recent(history, end, WINDOWS["mad"])]
    if len(xs) < WARMUP:
        return None
    median = statistics.median(xs)
    sigma = statistics.NormalDist().inv_cdf(0.75)
    return median, statistics.median(abs(x - median) for x in xs) / sigma


def iqr(history, end):
    xs = [x for _, x in recent(history, end, WINDOWS["iqr"])]
    if len(xs) < WARMUP:
        return None
    lower, median, upper = statistics.quantiles(xs, n=4, method="inclusive")
    return median, (upper - lower) / (2 * statistics.NormalDist().inv_cdf(0.75))


def moving_average(history, end):
    window, spread_window = WINDOWS["moving_average"]

    def expectation(at):
        xs = [x for _, x in recent(history, at, window)]
        return statistics.fmean(xs) if len(xs) >= 5 else None

    squares = []
    for k in range(max(0, end - spread_window), end):
        expected = expectation(k)
        if history[k] is not None and expected is not None:
            squares.append((history[k] - expected) ** 2)
    expected = expectation(end)
    if expected is None or len(squares) < WARMUP:
        return None
    return expected, math.sqrt(statistics.fmean(squares))


def regression(history, end):
    points = recent(history, end, WINDOWS["regression"])
    if len(points) < WARMUP:
        return None
    n = len(points)
    k_mean = statistics.fmean(k for k, _ in points)
    x_mean = statistics.fmean(x for _, x in points)
    kk = math.fsum((k - k_mean) ** 2 for k, _ in points)
    slope = math.fsum((k - k_mean) * (x - x_mean) for k, x in points) / kk
    intercept = x_mean - slope * k_mean
    sse = math.fsum((x - intercept - slope * k) ** 2 for k, x in points)
    error = math.sqrt(sse / (n - 2) * (1 + 1 / n + (end - k_mean) ** 2 / kk))
    return intercept + slope * end, error


DETECTORS = [zscore, mad, iqr, moving_average, regression]


def lines():
    names = [f"{d.__name__}_{part}" for d in DETECTORS for part in ("expected", "scale", "raw")]
    yield ",".join(["tick", "value", "learned"] + names)
    history = []
    for tick, value, learned in series():
        cells = [str(tick), "" if value is None else repr(value), str(int(learned))]
        for detector in DETECTORS:
            forecast = detector(history, tick) if value is not None else None
            if forecast is None:
                cells += ["", "", ""]
                continue
            expected, spread = forecast
            scale = max(spread, 1e-6 * abs(expected), 1e-9)
            cells += [f"{x:.12g}" for x in (expected, scale, abs(value - expected) / scale)]
        yield ",".join(cells)
        history.append(value if learned else None)


def main():
    path = pathlib.Path(__file__).with_suffix(".csv")
    text = "\n".join(lines()) + "\n"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if path.read_text() == text else "detectors.csv is not what this script writes")
    path.write_text(text)


if __name__ == "__main__":
    main()
