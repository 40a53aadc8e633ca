#!/usr/bin/env python3
"""scikit-learn's isolation forest of 100 trees of 256 vectors with 8 features: score_samples on
fresh batches of 4096, one thread, after one batch to warm up.

usage: sklearn_peer.py SEED -> ns per vector; exits 77 with the reason where it is not installed
"""
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
try:
    import numpy
    from sklearn.ensemble import IsolationForest
except ImportError as error:
    print(f"scikit-learn is not installed: {error}", file=sys.stderr)
    sys.exit(77)

BATCH = 4096
ROUNDS = 5


def main() -> None:
    rng = numpy.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=1, n_jobs=1)
    forest.fit(rng.normal(size=(BATCH, 8)))
    forest.score_samples(rng.normal(size=(BATCH, 8)))
    spent = 0.0
    for _ in range(ROUNDS):
        batch = rng.normal(size=(BATCH, 8))
        begin = time.thread_time()
        forest.score_samples(batch)
        spent += time.thread_time() - begin
    print(f"{spent * 1e9 / (ROUNDS * BATCH):.6g}")


if __name__ == "__main__":
    main()
