#!/usr/bin/env python3
"""The rounds of compare.sh: ours, the peer, ours, the peer; medians of all rounds."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

# The z-score of 100 ticks as one writes it in PromQL; answers with one value per series.
ZSCORE = "({0} - avg_over_time({0}[25m])) / stddev_over_time({0}[25m])"
METRICS = [f"ae_bench_{metric}" for metric in range(8)]
SERIES = 10_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--build", required=True)
    parser.add_argument("--prometheus", required=True)
    return parser.parse_args()


def ask(url: str, path: str, **form: str) -> bytes:
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{url}{path}", data) as answer:
        return answer.read()


def wait_until_ready(url: str, patience: float = 60) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready"):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def seconds_of(action) -> float:
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


class Peers:
    """Each gives one figure in the unit of the benchmark it stands beside."""

    def __init__(self, build: str, prometheus: str):
        self.build = build
        self.prometheus = prometheus
        self.absent = ""  # why the last peer gave no figure
        self.table = {
            "query_json_decode": ("simdjson, on demand", self.simdjson),
            "zscore_cold": ("Prometheus, PromQL over the same 100 ticks", self.promql),
            "stl_1000_60": ("statsmodels STL", lambda seed: self.script("statsmodels_peer", seed)),
            "forest_batch": ("scikit-learn, batch of 4096",
                             lambda seed: self.script("sklearn_peer", seed)),
            "lstm_batch": ("torch, its best batch", lambda seed: self.script("torch_peer", seed)),
            "svm_score": ("dlib", lambda seed: self.program("dlib_peer", seed)),
            "metrics_page_100k": ("prometheus-cpp Exposer", self.exposer),
            "backfill_10k": ("Prometheus, query_range read and thrown away", self.query_range),
        }

    def program(self, name: str, seed: int) -> float:
        path = os.path.join(self.build, "tests", name)
        return float(subprocess.run([path, str(seed)], check=True, capture_output=True).stdout)

    def script(self, name: str, seed: int) -> float | None:
        """A peer in Debian's Python; None, with the reason kept, where its package is absent."""
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
        done = subprocess.run(["/usr/bin/python3", path, str(seed)], capture_output=True, text=True)
        if done.returncode == 77:
            self.absent = done.stderr.strip()
            return None
        sys.stderr.write(done.stderr)
        done.check_returncode()
        return float(done.stdout)

    def simdjson(self, seed: int) -> float:
        return self.program("simdjson_peer", seed)

    def exposer(self, seed: int) -> float:
        return self.program("exposer_peer", seed)

    def promql(self, _: int) -> float:
        spent = seconds_of(lambda: [
            ask(self.prometheus, "/api/v1/query", query=ZSCORE.format(metric))
            for metric in METRICS])
        return spent * 1e9 / SERIES

    def query_range(self, _: int) -> float:
        end = int(time.time()) // 15 * 15
        return seconds_of(lambda: [
            ask(self.prometheus, "/api/v1/query_range", query=metric, start=str(end - 15_000),
                end=str(end - 15), step="15") for metric in METRICS])


def measure_ours(options: argparse.Namespace, name: str) -> dict:
    done = subprocess.run([os.path.join(options.build, "anomalytool"), "bench", "--json", "--only",
                           name, "--runs", "1", "--prometheus", options.prometheus],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)[0]


NAMES = ["xor_chunk_decode", "query_json_decode", "zscore_cold", "mad_cold", "seasonal_cold",
         "stl_1000_60", "esd_window", "forest_batch", "forest_train", "lstm_batch", "lstm_train",
         "autoencoder_batch", "svm_score", "metrics_page_100k", "series_bytes",
         "tick_100k", "scrape_during_tick", "backfill_10k"]


def main() -> None:
    options = arguments()
    wait_until_ready(options.prometheus)
    peers = Peers(options.build, options.prometheus)
    ours: dict[str, list[dict]] = {name: [] for name in NAMES}
    theirs: dict[str, list[float]] = {name: [] for name in NAMES}
    absent: dict[str, str] = {}
    for seed in range(1, options.runs + 1):
        for name in NAMES:
            ours[name].append(measure_ours(options, name))
            if name in peers.table:
                figure = peers.table[name][1](seed)
                if figure is None:
                    absent[name] = peers.absent
                else:
                    theirs[name].append(figure)
    results = []
    for name in NAMES:
        result = ours[name][0]
        result["value"] = statistics.median(r["value"] for r in ours[name])
        if name in absent:
            result["peer_absent"] = absent[name]
        if theirs[name]:
            result["peer"] = peers.table[name][0]
            result["peer_value"] = statistics.median(theirs[name])
            # How many times better ours is.
            pair = (result["peer_value"], result["value"])
            result["ratio"] = pair[1] / pair[0] if result["higher_is_better"] else pair[0] / pair[1]
        results.append(result)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
