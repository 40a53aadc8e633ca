#!/usr/bin/env python3
"""Reference for the generalised ESD test with median and MAD, written independently of the C++ code:
each round sorts what is left, takes median and MAD afresh and removes the farthest value. Student's
t comes from scipy.

Writes esd.csv beside this file: per case a line `case,<outliers>,<R_1>;<R_2>...,<lambda_1>;...`
followed by a line with the values. Needs scipy (made with 1.10.1).

Usage: python3 esd.py [--check]    --check fails if the file would change; 77 without scipy.
"""
import pathlib
import random
import statistics
import sys

try:
    from scipy.stats import t as student
except ImportError:
    print("scipy is not installed")
    sys.exit(77)

ALPHA = 0.05
MOST = 10


def esd(values):
    left = list(values)
    count = len(values)
    found = 0
    ratios, limits = [], []
    for i in range(1, MOST + 1):
        centre = statistics.median(left)
        mad = statistics.median(abs(v - centre) for v in left)
        farthest = max(left, key=lambda v: abs(v - centre))
        ratio = abs(farthest - centre) / (mad / statistics.NormalDist().inv_cdf(0.75))
        degrees = count - i - 1
        quantile = student.ppf(1 - ALPHA / (2 * (count - i + 1)), degrees)
        limit = (count - i) * quantile / ((degrees + quantile**2) * (count - i + 1)) ** 0.5
        ratios.append(ratio)
        limits.append(limit)
        if ratio > limit:
            found = i
        left.remove(farthest)
    return found, ratios, limits


def cases():
    rng = random.Random(20140617)
    for count, outliers in [(54, 0), (54, 3), (128, 2), (128, 10), (256, 14), (257, 5), (40, 1)]:
        values = [rng.gauss(0, 1) for _ in range(count - outliers)]
        values += [rng.choice((-1, 1)) * rng.uniform(5, 30) for _ in range(outliers)]
        yield [round(v * 1024) / 1024 for v in values]


def lines():
    for values in cases():
        found, ratios, limits = esd(values)
        yield "case,{},{},{}".format(
            found,
            ";".join(f"{r:.12g}" for r in ratios),
            ";".join(f"{v:.12g}" for v in limits),
        )
        yield ";".join(repr(v) for v in values)


def main():
    path = pathlib.Path(__file__).with_suffix(".csv")
    text = "\n".join(lines()) + "\n"
    if "--check" in sys.argv[1:]:
        if path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is not what esd.py makes")
            return 1
        return 0
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
