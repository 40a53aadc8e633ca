#!/usr/bin/env python3
"""Reference values for the novelty detector, by an independent implementation of its equations (see
include/anomaly_exporter/detectors/novelty.h) in doubles and plain lists.

usage: novelty.py > novelty.csv      columns: series, value, raw, expected (step 300 s, from 2023-11-14T22:15:00Z)
"""
import math
import random

STEP, START, POINTS, DAY = 300, 1_700_000_100, 24, 86400


class Digest:
    def __init__(self, most=math.inf):
        self.points = []  # [mean, weight], ascending
        self.most = most

    def total(self):
        return sum(weight for _, weight in self.points)

    def add(self, value):
        self.insert(value)
        if self.total() > self.most:
            self.points = [[mean, weight / 2] for mean, weight in self.points]

    def insert(self, value):
        at = 0
        while at < len(self.points) and self.points[at][0] <= value:
            at += 1
        self.points.insert(at, [value, 1.0])
        if len(self.points) <= POINTS:
            return
        total, below, costs = self.total(), 0.0, []
        for (_, left), (_, right) in zip(self.points, self.points[1:]):
            rank = (below + (left + right) / 2) / total
            costs.append((left + right) ** 2 / (rank * (1 - rank)))
            below += left
        join = costs.index(min(costs))
        (a, wa), (b, wb) = self.points[join:join + 2]
        self.points[join:join + 2] = [[a + (b - a) * wb / (wa + wb), wa + wb]]

    def quantile(self, q):
        target, below, last = q * self.total(), 0.0, None
        for mean, weight in self.points:
            middle = below + weight / 2
            if middle >= target:
                if last is None:
                    return mean
                return last[0] + (mean - last[0]) * (target - last[1]) / (middle - last[1])
            last, below = (mean, middle), below + weight
        return self.points[-1][0]


def excess(digest, value):
    low, high = digest.quantile(0.05), digest.quantile(0.95)
    far = max(value - high, low - value, 0.0)
    return far / max(high - low, 1e-3 * abs(digest.quantile(0.5)) + 1e-9)


def remembered(step):
    """Rows of 60 days, 200 at least: more are halved."""
    return max(60 * DAY / step, 200)


def novelty(values, step=STEP, start=START):
    phases, hour_rows, most = int(min(72, max(1, DAY / step))), min(max(round(3600 / step), 6), 60), remembered(step)
    rate = 1 - 0.7 ** (phases * step / DAY)
    usual, seen = [0.0] * phases, [0] * phases
    digests = [Digest(most) for _ in range(4)]
    run = longest = moves = moved = 0.0
    for t, value in enumerate(values):
        phase = (start + t * step) % DAY * phases // DAY
        hour = values[max(0, t - hour_rows + 1):t + 1]
        mean = sum(hour) / len(hour)
        deviation = math.sqrt(sum((v - mean) ** 2 for v in hour) / len(hour))
        streams = [value - usual[phase] if seen[phase] else None, value - values[t - 1] if t else 0.0, deviation, mean]
        raw = 0.0
        for digest, x in zip(digests, streams):
            if x is not None and digest.total() >= 20:
                raw += math.log1p(min(excess(digest, x), 3.0)) / 4
        if t:
            moved += 1
            if value == values[t - 1]:
                run += 1
                limit = 2 * max(longest, 3)
                if moves > moved / 2 and moved > 50 and run > limit:
                    raw += 0.5 * math.log1p(min(run / limit, 3.0))
            else:
                longest, run, moves = max(0.999 * longest, run), 0.0, moves + 1
            if moved > most:
                moved, moves = moved / 2, moves / 2
        if digests[3].total() < 20:
            yield None, None
        elif streams[0] is not None and digests[0].total() >= 20:
            yield raw, usual[phase] + digests[0].quantile(0.5)
        else:
            yield raw, digests[3].quantile(0.5)
        for digest, x in zip(digests, streams):
            if x is not None:
                digest.add(x)
        weight = max(rate if seen[phase] else 1.0, 1 / (seen[phase] + 1))
        usual[phase] += weight * (value - usual[phase])
        seen[phase] += 1


def series(kind, rng):
    for t in range(1400):
        day = 2 * math.pi * t / 288
        value = 50 + 20 * math.sin(day) * (kind != 1) + rng.gauss(0, 2)
        if kind == 1:
            value = math.exp(rng.gauss(0, 1)) + (8 if 900 <= t < 930 else 0)
        if kind == 0 and 1000 <= t < 1012:
            value += 30
        if kind == 0 and 1200 <= t < 1240:
            value = 55
        if kind == 2:
            value = float(round(value / 10)) + (15 if t in (700, 1100) else 0)
        yield float(f"{value:.5g}")


def main():
    rng = random.Random(11)
    print("series,value,raw,expected")
    for kind in range(3):
        values = list(series(kind, rng))
        for value, (raw, expected) in zip(values, novelty(values)):
            print(f"{kind},{value:.6g}," + ("," if raw is None else f"{raw:.5f},{expected:.6g}"))


if __name__ == "__main__":
    main()
