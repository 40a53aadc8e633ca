#!/usr/bin/env python3
"""Reference for the isolation forest: scikit-learn's scores and the average path lengths.

Writes isolation_forest.csv beside this file. Lines:
  path,N,EXACT,SKLEARN   c(N) by exact fractions, and as scikit-learn approximates it
  train,X0..X3           vectors the forests are fitted to
  test,X0..X3,SCORE      vectors and the mean of -score_samples over ten forests of 100 x 256

Vectors are multiples of 1/256, so that they are the same number as float and as double. Two
correlated features, one skewed, one of few values; the test vectors are like the training vectors,
then stray farther and farther.

Usage: python3 isolation_forest.py      needs numpy and scikit-learn
"""
import fractions
import pathlib

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

TRAIN = 800
TEST = 300
FORESTS = 10


def exact(n: int) -> float:
    harmonic = sum((fractions.Fraction(1, i) for i in range(1, n)), fractions.Fraction(0))
    return float(2 * harmonic - fractions.Fraction(2 * (n - 1), n)) if n > 1 else 0.0


def vectors(rng: np.random.Generator, count: int) -> np.ndarray:
    load = rng.normal(size=count)
    out = np.column_stack([load, 0.8 * load + 0.6 * rng.normal(size=count),
                           rng.exponential(size=count), rng.integers(0, 4, size=count)])
    return np.round(out * 256) / 256


def main() -> None:
    rng = np.random.default_rng(20240917)
    train = vectors(rng, TRAIN)
    test = vectors(rng, TEST)
    stray = np.linspace(0, 6, TEST)[:, None] * rng.normal(size=(TEST, 4))
    test = np.round((test + stray * (np.arange(TEST)[:, None] % 2)) * 256) / 256
    scores = np.mean([
        -IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(train)
        .score_samples(test) for seed in range(FORESTS)], axis=0)
    lines = [f"path,{n},{exact(n):.15g},{_average_path_length([n])[0]:.15g}"
             for n in (1, 2, 3, 4, 5, 8, 16, 100, 256, 1000, 4096)]
    lines += ["train," + ",".join(f"{x:.10g}" for x in row) for row in train]
    lines += ["test," + ",".join(f"{x:.10g}" for x in row) + f",{score:.6f}"
              for row, score in zip(test, scores)]
    path = pathlib.Path(__file__).with_suffix(".csv")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
