#!/usr/bin/env python3
"""Alarms on noise without faults against the alarm budget: 300 series-weeks of each family at 60 s, after three weeks
of learning. The number seen must lie in the interval that holds a Poisson number around the budget with 99.9 %.

usage: alarm_budget.py ANOMALYTOOL
"""
import json
import os
import subprocess
import sys
import tempfile


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = os.path.join(folder, "noise.json")
        subprocess.run([sys.argv[1], "evaluate", "--noise", "all", "--series-weeks", "300", "--entities", "300",
                        "--burn-in", "3w", "--json", figures], check=True)
        with open(figures, encoding="utf-8") as file:
            families = json.load(file)
    if len(families) < 6:
        sys.exit(f"only {len(families)} families of noise were run")
    broken = [f"{f['family']}: {f['seen']} alarms, {f['low']} to {f['high']} are within the budget of {f['expected']:.0f}"
              for f in families if not f["low"] <= f["seen"] <= f["high"]]
    if broken:
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
