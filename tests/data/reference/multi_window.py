#!/usr/bin/env python3
"""Reference values for the multi_window detector, by an independent implementation of its equations
(see include/anomaly_exporter/detectors/multi_window.h) in doubles and plain lists.

usage: multi_window.py > multi_window.csv
columns: series, value (empty = absent), learned (0 or 1), raw, expected, scale (empty = not judged)
"""
import math
import random

LENGTHS, WINDOW, TICKS = (1, 4, 16, 64), 200, 900
LONGEST = max(64, LENGTHS[-1])


def rank(ordered, share):
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


class Scale:
    """Median and q90 - q10 of up to 64 values spread over the window: what RowScales promises."""

    def __init__(self):
        self.centre, self.spread, self.learned = 0.0, 0.0, 0

    def learn(self, tick, past, is_learned):
        if is_learned and self.learned < WINDOW:
            self.learned += 1
        every = max(WINDOW // 16, 16) if self.spread > 0 else 8
        if tick % every or self.learned < 16:
            return
        stride = (self.learned + 63) // 64
        sample = []
        for back in range(1, min(tick, WINDOW) + 1, stride):
            if len(sample) < 64 and past[tick - back] is not None:
                sample.append(past[tick - back])
        if len(sample) < 8:
            return
        sample.sort()
        self.centre = rank(sample, 0.5)
        self.spread = max((rank(sample, 0.9) - rank(sample, 0.1)) / 2.563, (sample[-1] - sample[0]) / 100,
                          max(abs(sample[0]), abs(sample[-1])) * 1e-6, 1e-9)


class MultiWindow:
    def __init__(self):
        self.scale, self.n, self.c = Scale(), 0, 0.0
        self.m = [0.0] * len(LENGTHS)
        self.v = [0.0] * len(LENGTHS)

    def floor(self):
        return max(1e-6 * abs(self.c), 1e-9)

    def deviation(self, x):
        limit = 3 * max(self.scale.spread, math.sqrt(self.v[0]), self.floor())
        return max(-limit, min(limit, x - self.c))

    def averages(self, d):
        return [d if length == 1 else m + 2 / (length + 1) * (d - m) for length, m in zip(LENGTHS, self.m)]

    def squares(self):
        found = [self.v[0]]
        for length, v in zip(LENGTHS[1:], self.v[1:]):
            found.append((self.n / length * v + 2 * found[-1]) / (self.n / length + 2))
        return found

    def judge(self, x):
        if self.n == 0:
            return None
        width = max(math.sqrt(self.v[0]), self.floor())
        raw = abs(x - self.c) / width
        for length, square, m in zip(LENGTHS, self.squares(), self.averages(self.deviation(x))):
            if length > 1:
                raw = max(raw, abs(m) / max(math.sqrt(square), self.floor()))
        return raw, self.c, width

    def learn(self, tick, x, past, is_learned):
        self.scale.learn(tick, past, is_learned)
        if self.n == 0:
            if is_learned and self.scale.spread > 0:
                self.n, self.c = 16, self.scale.centre
                self.v[0] = self.scale.spread ** 2
            return
        d = 0.0 if x is None else self.deviation(x)
        self.m = self.averages(d)
        if not is_learned:
            return
        squares = self.squares()
        self.n = min(self.n + 1, 64 * LONGEST)
        for k, m in enumerate(self.m):
            taught = m * m if k == 0 else min(m * m, 9 * squares[k])
            self.v[k] += (taught - self.v[k]) / min(self.n, 64 * LONGEST)
        self.c += d / min(self.n, 8 * LONGEST)


def values(series, rng):
    state = 0.0
    for tick in range(TICKS):
        state = 0.9 * state + rng.gauss(0, 1)
        if series == 0:
            value = 40 + rng.gauss(0, 1) + (tick - 500) / 300 * (500 <= tick < 800) + 12 * (tick in (200, 420))
        elif series == 1:
            value = -1000 + state
        else:
            value = 5.0 if tick < 300 else 5.0 + rng.expovariate(1)
        yield None if rng.random() < 0.06 else round(value * 64) / 64, rng.random() > 0.1


def main():
    print("series,value,learned,raw,expected,scale")
    for series in range(3):
        detector, rng, past = MultiWindow(), random.Random(7 + series), []
        for tick, (x, may_learn) in enumerate(values(series, rng)):
            is_learned = x is not None and may_learn
            found = None if x is None else detector.judge(x)
            detector.learn(tick, x, past, is_learned)
            past.append(x if is_learned else None)
            told = ",".join(f"{v:.9g}" for v in found) if found else ",,"
            print(f"{series},{'' if x is None else x},{int(is_learned)},{told}")


main()
