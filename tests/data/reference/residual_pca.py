#!/usr/bin/env python3
"""Reference for the linear autoencoder: principal components of residual vectors, by numpy.

Writes residual_pca.csv beside this file. Lines: `x` and the metrics of one tick (empty = absent);
`components` and their number; `centre` and the mean residual; `outside` and one row of I - V V';
`sigma` and the usual error of every metric; `unit` and the unit of the raw score. Values of the
series are multiples of 1/64, so that they are the same number as float and as double. Nothing of the
C++ code is used; the covariance is decomposed by singular values of the data, not by eigenvalues.

Usage: python3 residual_pca.py [--check]    --check fails if the file would change.
"""
import pathlib
import sys

import numpy as np

TICKS, METRICS, VARIANCE = 400, 4, 0.9
SPAN, WARMUP, GAP, CLIP = 20, 20, 20, 10.0
WINDOW, INTERVAL = 100, 16  # of the monitor; of the renewals of its scales


def series() -> np.ndarray:
    rng = np.random.default_rng(20251)
    load = np.cumsum(rng.normal(0, 0.3, TICKS)) + rng.normal(0, 1, TICKS)
    columns = [(m + 1) * (20 + load + 0.3 * rng.normal(0, 1, TICKS)) for m in range(METRICS)]
    x = np.round(np.array(columns).T * 64) / 64
    x[rng.random(x.shape) < 0.05] = np.nan
    x[150:175, 2] = np.nan  # longer than a mean survives
    x[300, 1] += 60
    return x


def scales(x: np.ndarray) -> np.ndarray:
    """Spread of every value as it was known at its tick."""
    out = np.zeros_like(x)
    for t in range(INTERVAL + 1, TICKS):
        now = (t - 1) // INTERVAL * INTERVAL
        reach = min(now, WINDOW)
        sample = x[now - np.arange(1, reach + 1, -(-reach // 64))]
        for m in range(METRICS):
            known = sample[~np.isnan(sample[:, m]), m]
            if len(known) < 8:
                out[t, m] = out[t - 1, m]
                continue
            q10, q90 = np.quantile(known, [0.1, 0.9])
            out[t, m] = max((q90 - q10) / 2.563, 0.01 * np.ptp(known),
                            1e-6 * np.abs(known).max(), 1e-9)
    return out


def residuals(z: np.ndarray, spread: np.ndarray) -> np.ndarray:
    r = np.full_like(z, np.nan)
    for m in range(METRICS):
        mean, count, missed = 0.0, 0, 0
        for t in range(TICKS):
            value = z[t, m]
            if np.isnan(value):
                missed += 1
                if missed >= GAP:
                    count = 0
                continue
            if count >= WARMUP and spread[t, m] > 0:
                r[t, m] = np.clip((value - mean) / spread[t, m], -CLIP, CLIP)
            missed = 0
            count = min(count + 1, WARMUP)
            weight = max(2 / (SPAN + 1), 1 / count)
            mean = value if count == 1 else (1 - weight) * mean + weight * value
    known = (~np.isnan(r)).sum(axis=1)
    late = np.arange(TICKS) >= min(WINDOW, TICKS // 4)
    return r[(known > 0) & (2 * known >= METRICS) & late]


def lower_quantile(values: np.ndarray, q: float) -> float:
    return float(np.sort(values)[int(q * (len(values) - 1))])


def text() -> str:
    x = series()
    lines = ["x," + ",".join("" if np.isnan(v) else repr(float(v)) for v in row) for row in x]
    r = residuals(x, scales(x))
    filled = np.nan_to_num(r)
    centre = filled.mean(axis=0)
    _, lengths, directions = np.linalg.svd(filled - centre, full_matrices=False)
    share = np.cumsum(lengths**2) / np.sum(lengths**2)
    count = min(int(np.searchsorted(share, VARIANCE)) + 1, METRICS - 1)
    basis = directions[:count]
    outside = np.eye(METRICS) - basis.T @ basis
    errors = np.where(np.isnan(r), np.nan, (filled - centre) @ outside)
    sigma = np.array([
        max(lower_quantile(np.abs(column[~np.isnan(column)]), 0.9) / 1.645, 0.05)
        for column in errors.T])
    e = np.minimum(np.abs(errors) / sigma, 40)
    unit = max(lower_quantile(np.sqrt(np.nanmean(e**2, axis=1)), 0.95) / 1.96, 0.5)
    lines.append(f"components,{count}")
    for name, rows in (("centre", [centre]), ("outside", outside), ("sigma", [sigma])):
        lines += [name + "," + ",".join(f"{v:.9g}" for v in row) for row in rows]
    lines.append(f"unit,{unit:.9g}")
    return "\n".join(lines) + "\n"


def main() -> int:
    path = pathlib.Path(__file__).with_suffix(".csv")
    if "--check" in sys.argv[1:]:
        return 0 if path.read_text() == text() else 1
    path.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
