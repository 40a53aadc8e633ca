#!/usr/bin/env python3
"""Reference vectors for STL, by statsmodels' implementation of the authors' algorithm.

Writes stl.csv beside this file. Each series is a line `series,<samples>,<period>,<inner>`, then one
line `value,seasonal,trend` per sample. Only every k-th line of components is kept (the other
two fields are empty), to keep the file small. Needs statsmodels (made with 0.13.5).

Usage: python3 stl.py [--check]    --check fails if the file would change; 77 without statsmodels.
"""
import math
import pathlib
import random
import sys

try:
    from statsmodels.tsa.seasonal import STL
except ImportError:
    print("statsmodels is not installed")
    sys.exit(77)

CASES = [(1000, 60, 5), (672, 48, 2), (336, 24, 2), (336, 24, 5)]
EVERY = 7


def series(rng, samples, period):
    level = 100.0
    values = []
    for i in range(samples):
        phase = 2 * math.pi * i / period
        level += rng.gauss(0, 0.1)
        value = level + 20 * math.sin(phase) + 6 * math.cos(3 * phase) + rng.gauss(0, 2)
        if rng.random() < 0.01:
            value += 40
        values.append(round(value * 256) / 256)  # the same number as float and as double
    return values


def lines():
    rng = random.Random(19900311)
    for samples, period, inner in CASES:
        values = series(rng, samples, period)
        fit = STL(values, period=period, seasonal=7, robust=False).fit(inner_iter=inner, outer_iter=0)
        yield f"series,{samples},{period},{inner}"
        for i, value in enumerate(values):
            kept = i % EVERY == 0 or i < period or i >= samples - period
            yield f"{value!r},{fit.seasonal[i]:.12g},{fit.trend[i]:.12g}" if kept else f"{value!r},,"


def main():
    path = pathlib.Path(__file__).with_suffix(".csv")
    text = "\n".join(lines()) + "\n"
    if "--check" in sys.argv[1:]:
        if path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is not what stl.py makes")
            return 1
        return 0
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
