#!/usr/bin/env bash
# Measures this build beside what else there is for the same work, in turn, so that all meet the
# same machine: prometheus-cpp's Exposer, simdjson, dlib, a real Prometheus, and scikit-learn, torch
# and statsmodels of Debian's Python. Prints the array of `anomalytool bench --json` with the peer
# fields filled; where a Python package is absent they are null and `peer_absent` says so.
#
# usage: tests/bench/compare.sh [--runs N] [--json FILE] [--build DIR]
#   --runs N     rounds, 5 unless told
#   --json FILE  where to write the array; standard output unless told
#   --build DIR  build folder, build/release unless told
set -euo pipefail
cd "$(dirname "$0")/../.."

runs=5 json=/dev/stdout build=build/release
while (($#)); do
  case $1 in
    --runs) runs=$2 ;;
    --json) json=$2 ;;
    --build) build=$2 ;;
    *) sed -n 's/^# \{0,1\}//; 7,10p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
for program in prometheus promtool python3; do
  command -v "$program" >/dev/null || { echo "compare.sh: $program is not installed" >&2; exit 77; }
done

folder=$(mktemp -d)
server=
clean_up() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap clean_up EXIT

echo "filling a Prometheus with 10,000 series" >&2
python3 tests/bench/openmetrics.py >"$folder/history.txt"
promtool tsdb create-blocks-from openmetrics -q "$folder/history.txt" "$folder/data" >&2
rm "$folder/history.txt"
: >"$folder/prometheus.yml"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
  --storage.tsdb.retention.time=10y --web.listen-address="127.0.0.1:$port" \
  --log.level=error 2>"$folder/prometheus.log" &
server=$!

python3 tests/bench/compare.py --runs "$runs" --build "$build" \
  --prometheus "http://127.0.0.1:$port" >"$json"
