#!/usr/bin/env python3
"""Reference values for the forecaster, by an independent implementation of its equations (see
include/anomaly_exporter/detectors/forecaster.h) with numpy: whole matrices instead of running sums
where that is the same.

usage: forecaster.py > forecaster.csv      columns: row, x0, x1, x2, raw (step 300 s; raw empty while it warms up)
"""
import numpy as np

from novelty import STEP, Digest, remembered

D, ROWS = 3, 900


def ticks(seconds, least, most, step):
    return int(np.floor(np.clip(seconds / step, least, most) + 0.5))


def excess(residual):
    return np.clip(np.abs(residual) - 1.5, 0, 40)


def forecast(x, step=STEP):
    D = x.shape[1]
    digests = [Digest(remembered(step)) for _ in range(D)]
    spans = {"brief": 6, "short": ticks(1200, 3, 30, step), "long": ticks(6000, 10, 100, step)}
    regressor = ticks(3600, 6, 60, step)
    gated = {k: x[0].copy() for k in spans}
    free = {k: x[0].copy() for k in spans}
    squares = {k: np.zeros(D) for k in spans}
    sigma = {k: None for k in spans}
    mean, deviations, taught = np.zeros(D), np.zeros(D), 0.0
    centre, spread = None, None
    slow, newest, before = x[0].copy(), x[0].copy(), x[0].copy()
    gram, targets, weights, rows = np.zeros((3 * D + 1,) * 2), np.zeros((3 * D + 1, D)), np.zeros((3 * D + 1, D)), 0.0
    errors, error_rows, error_sigma = np.zeros(D), 0.0, None
    products, sums, seen, basis, shift, outside = np.zeros((D, D)), np.zeros(D), 0.0, None, np.zeros(D), np.ones(D)
    restless, past = 0.0, Digest(remembered(step))
    renewal = 32
    for t, row in enumerate(x):
        raw, teaches = None, True
        if centre is not None:
            z = lambda v: np.clip((v - centre) / spread, -15, 15)
            g = np.concatenate([z(newest), z(before), z(slow), [1.0]])
            y = np.clip((row - newest) / spread, -200, 200)
            error = y - g @ weights
            near = sum(0.5 * excess((row - gated[k]) / sigma[k]) for k in ("brief", "short"))
            r_long = np.clip((row - gated["long"]) / sigma["long"], -10, 10)
            left = np.zeros(D)
            if basis is not None and D > 1:
                d = r_long - shift
                left = d - basis @ (basis.T @ d)
            raw = float(np.mean(near + excess(error / error_sigma) + 0.5 * excess(left / outside)))
            restless += 2 / 201 * (raw - restless)
            teaches = past.total() < 50 or restless <= past.quantile(0.9)
            past.add(restless)
            if teaches:
                gram, targets, rows = gram + np.outer(g, g), targets + np.outer(g, y), rows + 1
                errors, error_rows = errors + np.minimum(np.abs(error), 30) ** 2, error_rows + 1
                products, sums, seen = products + np.outer(r_long, r_long), sums + r_long, seen + 1
        yield raw
        if teaches:
            taught += 1
            off = row - mean
            mean = mean + off / taught
            deviations = deviations + off * (row - mean)
        for k, span in spans.items():
            a = 2 / (span + 1)
            limit = np.inf if sigma[k] is None else 8 * sigma[k]
            gated[k] = gated[k] + a * np.clip(row - gated[k], -limit, limit)
            residual = row - free[k]
            free[k] = free[k] + a * residual
            if spread is not None:
                residual = np.clip(residual, -30 * spread, 30 * spread)
            if teaches:
                squares[k] = squares[k] + residual ** 2
        kept = row if centre is None else np.clip(row, centre - 15 * spread, centre + 15 * spread)
        slow = slow + 2 / (regressor + 1) * (kept - slow)
        for j in range(D):
            digests[j].add(float(np.float32(slow[j])))
        before, newest = newest, row
        if t + 1 < renewal:
            continue
        renewal *= 2
        old_centre, old_spread, old_long = centre, spread, sigma["long"]
        quantile = lambda q: np.array([digest.quantile(q) for digest in digests])
        centre, low, high = quantile(0.5), quantile(0.001), quantile(0.999)
        spread = np.maximum.reduce([
            (quantile(0.9) - quantile(0.1)) / 2.563, 0.5 * np.sqrt(deviations / taught),
            0.02 * np.maximum(high - low, 0.5 * np.maximum(np.abs(low), np.abs(high))), np.full(D, 1e-6)])
        sigma = {k: np.maximum(np.sqrt(squares[k] / taught), 0.05 * spread) for k in spans}
        if old_centre is None:
            error_sigma = np.maximum(sigma["short"] / spread, 0.05)
        else:
            scale, move = old_spread / spread, (old_centre - centre) / spread
            change = np.eye(3 * D + 1)
            for k in range(3):
                for j in range(D):
                    change[k * D + j, k * D + j], change[k * D + j, 3 * D] = scale[j], move[j]
            gram, targets = change @ gram @ change.T, change @ targets * scale
            weights = np.linalg.solve(gram + (0.01 * rows + 50) * np.eye(3 * D + 1), targets)
            errors = errors * scale ** 2
            error_sigma = np.maximum(np.sqrt(errors / error_rows), 0.05)
            ratio = old_long / sigma["long"]
            products, sums = products * np.outer(ratio, ratio), sums * ratio
            shift = sums / seen
            values, vectors = np.linalg.eigh(products / seen - np.outer(shift, shift))
            values = np.maximum(values, 0)[::-1]
            vectors = vectors[:, ::-1]
            count = min(int(np.searchsorted(np.cumsum(values), 0.9 * values.sum())) + 1, D - 1)
            basis = vectors[:, :count]
            outside = np.maximum(np.sqrt(vectors[:, count:] ** 2 @ values[count:]), 0.05)
        deviations, taught, errors, error_rows = deviations / 2, taught / 2, errors / 2, error_rows / 2
        squares = {k: v / 2 for k, v in squares.items()}
        gram, targets, rows, products, sums, seen = gram / 2, targets / 2, rows / 2, products / 2, sums / 2, seen / 2


def main():
    rng = np.random.default_rng(3)
    load = 10 + 5 * np.sin(np.arange(ROWS) * 2 * np.pi / 288) + rng.normal(0, 0.5, ROWS)
    x = np.stack([load + rng.normal(0, 0.2, ROWS), 100 - 3 * load + rng.normal(0, 1, ROWS), rng.normal(0, 1, ROWS).cumsum() / 20], axis=1)
    x[500:510, 0] += 6
    x[700, 2] += 5
    x[800:, 1] -= 15
    x = np.float32(x).astype(float)
    x = np.array([[float(f"{v:.6g}") for v in row] for row in x])
    x = np.float32(x).astype(float)
    print("row,x0,x1,x2,raw")
    for t, (row, raw) in enumerate(zip(x, forecast(x))):
        print(f"{t}," + ",".join(f"{v:.9g}" for v in row) + "," + ("" if raw is None else f"{raw:.6f}"))


if __name__ == "__main__":
    main()
