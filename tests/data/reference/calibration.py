#!/usr/bin/env python3
"""Reference vectors of the calibration map, written from its description, not from its code.

Plain Python with 60-digit decimals: the Student t tail is 1 - cdf without regard for cancellation,
which the digits absorb. Usage: calibration.py > calibration.csv

Rows: prior,raw,,ln p         an empty map with threshold 3, raw on a bin's edge
      confidence,ln p,ln p0,c
      bin,bin,,count          the histogram that the following map has learned (threshold 3.5)
      map,raw,,ln p
"""
from decimal import Decimal as D, getcontext

getcontext().prec = 60
BINS_PER_OCTAVE, LOWEST_OCTAVE, OCTAVES = 8, -8, 48
BINS = BINS_PER_OCTAVE * OCTAVES
PRIOR_SAMPLES = D(300)


def edge(b):
    return D(0) if b == 0 else D(2) ** (D(LOWEST_OCTAVE) + D(b) / BINS_PER_OCTAVE)


def prior(t):
    """P(|T| > t), 4 degrees of freedom: cdf from the integral of (1 + x^2/4)^(-5/2) * 3/8."""
    s = t / (4 + t * t).sqrt()  # sine of atan(t / 2)
    return 1 - D(3) / 2 * (s - s**3 / 3)


def quantile(above, start, level):
    want = above[start] * level
    end = start + 1
    while end < BINS and above[end] > want:
        end += 1
    before, after = above[end - 1], above[end]
    part = (before / want).ln() / (before / after).ln() if after else (before - want) / before
    return edge(end - 1) + part * (edge(end) - edge(end - 1)) - edge(start)


def table(counts, threshold):
    above = [D(sum(counts[b:])) for b in range(BINS + 1)]
    want = min(D("0.02") * above[0], D(256))
    start = next(b for b in range(BINS + 1) if above[b] <= want)
    q2, q8 = quantile(above, start, D("0.5")), quantile(above, start, D("0.125"))
    t = ((4 * q8 / q2 - 3).sqrt() - 1) / 2
    shape = min(max(t.ln() / D(2).ln(), D("0.1")), D("0.5"))
    scale = q2 * shape / (D(2) ** shape - 1)
    out = []
    for b in range(BINS + 1):
        if b <= start:
            data = above[b]
        else:
            data = above[start] * (1 + shape * (edge(b) - edge(start)) / scale) ** (-1 / shape)
        assumed = PRIOR_SAMPLES / (above[0] + PRIOR_SAMPLES)
        tail = prior(edge(b) * 3 / threshold)
        out.append(assumed * tail.ln() + (1 - assumed) * ((data + tail) / (above[0] + 1)).ln())
    return out


def log_p(out, raw):
    b = max(k for k in range(BINS) if edge(k) <= raw)
    return out[b] + (raw - edge(b)) / (edge(b + 1) - edge(b)) * (out[b + 1] - out[b])


def main():
    print("kind,a,b,want")
    for b in (8, 40, 64, 72, 76, 77, 80, 96, 128, 200, 300, 383):
        print(f"prior,{edge(b):.20g},,{prior(edge(b)).ln():.17g}")
    for p, p0 in (("-0.001", -11), (-1, -11), ("-5.5", -11), (-11, -11), (-22, -11), (-90, "-9.2")):
        c = 1 - ((D(p) / D(p0)) * D("0.4").ln()).exp()
        print(f"confidence,{p},{p0},{c:.17g}")
    # Something like |normal| noise of 50,000 samples with a few outliers.
    counts = [0] * BINS
    for b in range(8, 78):
        counts[b] = round(50000 * float(prior(edge(b)) - prior(edge(b + 1))))
    for b, n in ((80, 300), (82, 40), (90, 5), (200, 2)):
        counts[b] += n
    for b, n in enumerate(counts):
        if n:
            print(f"bin,{b},,{n}")
    out = table(counts, D("3.5"))
    for raw in ("0.001", "0.01", "0.1", "0.5", "1", "1.9", "2.5", "3.3", "3.5", "4", "4.8", "6", "9",
                "40", "1e3", "1e6", "1e9", "1e12"):
        print(f"map,{raw},,{log_p(out, D(raw)):.17g}")


main()
