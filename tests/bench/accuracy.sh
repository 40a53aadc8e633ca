#!/usr/bin/env bash
# Scores labelled series with each detector alone, with the specification's vote and with the
# default, and prints one line of figures for each. Nothing but the configuration differs.
#
# usage: tests/bench/accuracy.sh --data DIR --scorer PROGRAM [--build DIR] [--only NAME]
#   --data DIR        <dataset>/<series>.csv.gz and labels.json
#   --scorer PROGRAM  called as PROGRAM --data DIR --scores DIR --json FILE
#   --build DIR       build folder, build/release unless told
#   --only NAME       one line: a detector, vote or default
set -euo pipefail
cd "$(dirname "$0")/../.."

data='' scorer='' build=build/release only=''
while (($#)); do
  case $1 in
    --data) data=$2 ;;
    --scorer) scorer=$2 ;;
    --build) build=$2 ;;
    --only) only=$2 ;;
    *) sed -n 's/^# \{0,1\}//; 5,9p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
[[ -n $data && -n $scorer ]] || { sed -n 's/^# \{0,1\}//; 5,9p' "$0" >&2; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

config() {  # ENSEMBLE
  printf 'sources:\n  - {name: files, type: csv, path: "%s"}\nmonitors:\n' "$folder/none.csv"
  printf '  - {name: m, source: files, metrics: {value: {column: value}}}\nensemble: %s\n' "$1"
}

printf '%-18s %8s %8s %20s %8s %8s\n' ensemble VUS-PR ER@bud. 'NAB std/FP/FN' smd-VUS seconds
for name in zscore mad iqr moving_average regression seasonal_esd isolation_forest lstm_autoencoder \
  one_class_svm autoencoder novelty forecaster multi_window vote default; do
  [[ -z $only || $only == "$name" ]] || continue
  case $name in
    default) config '{method: evidence}' ;;
    vote) config '{method: vote}' ;;
    *) config "{method: vote, weights: {$name: 1}}" ;;
  esac >"$folder/$name.yml"
  begin=$SECONDS
  "$build/anomalytool" backtest --input "$data" --output "$folder/$name" \
    --config "$folder/$name.yml" >/dev/null
  spent=$((SECONDS - begin))
  "$scorer" --data "$data" --scores "$folder/$name" --json "$folder/$name.json" >/dev/null
  jq -r --arg name "$name" --arg spent "$spent" '
    def two: . * 1000 | round / 1000;
    [$name, (.overall.vus_pr | two), (.overall.at_budget_common.event_recall | two),
     ([.groups.nab.nab | .standard, .reward_low_FP, .reward_low_FN | .score * 10 | round / 10]
      | join(" / ")), (.groups.smd.vus_pr | two), $spent] | @tsv' "$folder/$name.json" |
    awk -F'\t' '{printf "%-18s %8s %8s %20s %8s %8s\n", $1, $2, $3, $4, $5, $6}'
done
