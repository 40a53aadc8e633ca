#!/usr/bin/env python3
"""`anomalytool bench` prints what its readers expect. Speed is never asserted."""
import json
import subprocess
import sys

KEYS = ["name", "unit", "value", "higher_is_better", "accept", "aim", "peer", "peer_value", "ratio"]


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.argv[1], "bench", *arguments], capture_output=True, text=True)


def main() -> None:
    done = run("--only", "series_bytes", "--runs", "1", "--json")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)
    assert sorted(result) == sorted(KEYS), sorted(result)
    assert (result["name"], result["unit"]) == ("series_bytes", "bytes/series"), result
    assert result["value"] > 0 and result["accept"] > result["aim"] > 0, result
    assert result["higher_is_better"] is False and result["peer"] is None, result

    done = run("--only", "xor", "--runs", "2")
    assert done.returncode == 0, done.stderr
    header, line, kernels = done.stdout.splitlines()
    assert header.split() == ["name", "value", "unit", "accept", "aim", "verdict"], header
    assert line.split()[0] == "xor_chunk_decode" and float(line.split()[1]) > 0, line
    assert kernels.startswith("kernels: "), kernels

    done = run("--only", "no_such_benchmark")
    assert done.returncode == 1 and "no_such_benchmark" in done.stderr, done


if __name__ == "__main__":
    main()
