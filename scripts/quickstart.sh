#!/usr/bin/env bash
# From a fresh Debian 12 to anomaly scores in a real Prometheus, with one command.
#
#   scripts/quickstart.sh               install, build, start everything, print the links, keep running
#   scripts/quickstart.sh --check       wait until Prometheus has a score for each of the eight
#                                       features of this host, print them, stop everything
#   scripts/quickstart.sh --inject cpu  put a real load on this host, wait until Alertmanager has the
#                                       alert, show it with its explanation, stop everything
#
# Prometheus, node_exporter and Alertmanager are Debian's, started for this run only, on free
# loopback ports, with their data in a temporary folder.
set -euo pipefail
export LC_ALL=C  # numbers with a point

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0"; }
mode=run
while [ $# -gt 0 ]; do
  case "$1" in
    --check) mode=check ;;
    --inject)
      shift
      [ "${1:-}" = cpu ] || { echo "--inject knows one fault: cpu" >&2; exit 2; }
      mode=inject ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
features=(us sy idle avm fre tps ipkts opkts)
threshold=0.6
deadline_seconds=180

echo "== packages"
scripts/install_packages.sh build run
echo "== build"
[ -f build/release/build.ninja ] || cmake --preset release -DAE_BUILD_TESTS=OFF >/dev/null
cmake --build --preset release --target anomaly_exporter anomalytool

work=$(mktemp -d "${TMPDIR:-/tmp}/anomaly_exporter-quickstart.XXXXXX")
pids=()
load_pids=()
stop_all() {
  trap - EXIT INT TERM
  for pid in "${load_pids[@]}" "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${load_pids[@]}" "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

free_port() {
  python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

start() { # name command...
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
}

wait_for() { # name url
  local until=$((SECONDS + 30))
  until curl -fsS -o /dev/null "$2" 2>/dev/null; do
    if [ $SECONDS -ge $until ]; then
      echo "$1 does not answer on $2; the end of its log:" >&2
      tail -n 20 "$work/$1.log" >&2
      exit 1
    fi
    sleep 0.2
  done
}

# The shipped rules, without their tests, as a YAML list.
rule_files() {
  local file files=()
  for file in "$root"/rules/*.yml; do
    case $file in *_test.yml) ;; *) files+=("\"$file\"") ;; esac
  done
  (IFS=,; echo "${files[*]}")
}

prometheus_port=$(free_port)
node_port=$(free_port)
alertmanager_port=$(free_port)
exporter_port=$(free_port)
prometheus=http://127.0.0.1:$prometheus_port
alertmanager=http://127.0.0.1:$alertmanager_port
exporter=http://127.0.0.1:$exporter_port

cat >"$work/prometheus.yml" <<YAML
global:
  scrape_interval: 2s
  evaluation_interval: 2s
rule_files: [$(rule_files)]
alerting:
  alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$alertmanager_port"]}]}]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["127.0.0.1:$node_port"]}]
YAML
cat >"$work/alertmanager.yml" <<'YAML'
route: {receiver: shown}
receivers: [{name: shown}]
YAML
cat >"$work/anomaly_exporter.yml" <<YAML
global: {interval: 2s}
sources:
  - {name: prometheus, type: prometheus, url: "$prometheus"}
monitors:
  - {name: node, preset: node, selector: '{job="node"}'}
# Two minutes of data cannot tell what happens once a week (the default budget).
ensemble: {alarm_budget: 1/day}
YAML
build/release/anomalytool generate scrape-config --config "$work/anomaly_exporter.yml" \
  --address "127.0.0.1:$exporter_port" | sed 's/^/  /' >>"$work/prometheus.yml"

echo "== start"
start node_exporter prometheus-node-exporter --web.listen-address="127.0.0.1:$node_port"
start alertmanager prometheus-alertmanager --config.file="$work/alertmanager.yml" \
  --storage.path="$work/alertmanager" --web.listen-address="127.0.0.1:$alertmanager_port" \
  --web.external-url="$alertmanager" \
  --cluster.listen-address=
start prometheus prometheus --config.file="$work/prometheus.yml" \
  --storage.tsdb.path="$work/prometheus" --web.listen-address="127.0.0.1:$prometheus_port" \
  --web.external-url="$prometheus"
start anomaly_exporter build/release/anomaly_exporter --config.file="$work/anomaly_exporter.yml" \
  --web.listen-address="127.0.0.1:$exporter_port" --storage.path="$work/state"
wait_for node_exporter "http://127.0.0.1:$node_port/metrics"
wait_for alertmanager "$alertmanager/-/ready"
wait_for prometheus "$prometheus/-/ready"
wait_for anomaly_exporter "$exporter/-/healthy"

graph() { # expressions of one graph
  local query="" i=0 expr
  for expr in "$@"; do
    query+="&g$i.expr=$(jq -rn --arg e "$expr" '$e|@uri')&g$i.tab=0&g$i.range_input=10m"
    i=$((i + 1))
  done
  echo "$prometheus/graph?${query#&}"
}

cat <<TEXT

Prometheus        $prometheus
Alertmanager      $alertmanager
anomaly_exporter  $exporter

Score of user CPU:                  $(graph 'anomaly_score{metric="us"}')
Value, expected and band of it:     $(graph '{__name__=~"anomaly_(value|expected_value|lower_bound|upper_bound)",metric="us"}')
Why is there no score for something: $exporter/

TEXT

query() { # PromQL -> the first value, or nothing
  curl -fsS -G "$prometheus/api/v1/query" --data-urlencode "query=$1" |
    jq -r '.data.result[0].value[1] // empty'
}

# A feature whose source has no series on this host cannot have a score; say why.
reason_without_series() {
  curl -fsS "$exporter/api/v1/monitors" | jq -r --arg m "$1" \
    '.data.monitors[0].metrics[]? | select(.name == $m and .series == 0) | .hint' 2>/dev/null || true
}

wait_for_scores() {
  local begin=$SECONDS missing feature line
  while :; do
    missing=()
    for feature in "${features[@]}"; do
      [ -n "$(query "anomaly_score{monitor=\"node\",metric=\"$feature\"}")" ] || missing+=("$feature")
    done
    local left=$((deadline_seconds - (SECONDS - begin)))
    [ ${#missing[@]} -eq 0 ] && break
    if [ $left -le 0 ]; then
      local failed=no
      for feature in "${missing[@]}"; do
        line=$(reason_without_series "$feature")
        if [ -n "$line" ]; then
          echo "no score for $feature: this host exports nothing for it ($line)"
        else
          echo "no score for $feature after ${deadline_seconds}s" >&2
          failed=yes
        fi
      done
      [ "$failed" = no ] && break
      curl -fsS "$exporter/-/ready" >&2 || true
      tail -n 20 "$work/anomaly_exporter.log" >&2
      exit 1
    fi
    printf 'waiting %3ds for: %s\n' "$left" "${missing[*]}"
    sleep 5
  done
}

print_scores() {
  local feature selector
  printf '\n%-8s %10s %12s %12s %12s %12s   (from Prometheus)\n' feature score value expected lower upper
  for feature in "${features[@]}"; do
    selector="{monitor=\"node\",metric=\"$feature\"}"
    [ -n "$(query "anomaly_score$selector")" ] || continue
    printf '%-8s %10.3f %12.2f %12.2f %12.2f %12.2f\n' "$feature" \
      "$(query "anomaly_score$selector")" "$(query "anomaly_value$selector")" \
      "$(query "anomaly_expected_value$selector")" "$(query "anomaly_lower_bound$selector")" \
      "$(query "anomaly_upper_bound$selector")"
  done
  echo
}

# Alerts of this host's CPU that stand in Alertmanager and began at or after a Unix time, the most
# severe first, as a JSON list.
cpu_alerts() { # time
  curl -fsS -G "$alertmanager/api/v2/alerts" --data-urlencode 'filter=alertname=~"Anomaly.*"' \
    --data-urlencode 'filter=monitor="node"' --data-urlencode 'filter=metric=~"us|sy|idle|"' |
    jq -c --argjson since "$1" 'map(select(.labels.severity != "info" and
        (.startsAt | sub("\\..*"; "Z") | fromdateiso8601) >= $since)) |
      sort_by({critical: 0, warning: 1}[.labels.severity] // 2)'
}

print_alerts() { # JSON list of alerts; the first is shown
  printf '\nAlertmanager has received:\n\n'
  jq -r '.[0] | "  \(.labels.alertname)  severity \(.labels.severity // "none")  since \(.startsAt)",
    "  labels         \(.labels | del(.alertname, .severity) | to_entries
        | map("\(.key)=\(.value)") | join(", "))",
    (.annotations | to_entries | sort_by({summary: 0, description: 1}[.key] // 2, .key)[]
        | "  \((.key + " " * 15)[:15])\(.value | gsub("\n"; "\n" + " " * 17))"),
    "  source         \(.generatorURL)"' <<<"$1"
  printf '\nAlerts of the CPU there: %s; %s\n' "$(jq length <<<"$1")" "$alertmanager/#/alerts"
}

inject_cpu() {
  local settle=60 limit=180 begin began score idle crossed='' alerts
  echo "learning what is normal for $settle s"
  sleep $settle
  idle=$(query 'anomaly_value{monitor="node",metric="idle"}')
  if jq -en --argjson i "${idle:-100}" '$i < 30' >/dev/null; then
    echo "warning: this host is busy already (idle $idle %), more load may be nothing new" >&2
  fi
  echo "loading every core"
  for ((i = 0; i < $(nproc); i++)); do
    (while :; do :; done) &
    load_pids+=($!)
  done
  begin=$SECONDS began=$(date +%s)
  while :; do
    score=$(query 'max(anomaly_score{monitor="node",metric=~"us|sy|idle"})')
    printf '%3ds  us: value %.1f  highest score of the CPU %.3f\n' $((SECONDS - begin)) \
      "$(query 'anomaly_value{monitor="node",metric="us"}')" "${score:-0}"
    if [ -z "$crossed" ] &&
      jq -en --argjson s "${score:-0}" --argjson t "$threshold" '$s >= $t' >/dev/null; then
      crossed=$((SECONDS - begin))
      echo "the score crossed $threshold after $crossed s"
    fi
    alerts=$(cpu_alerts "$began")
    if [ "$(jq length <<<"$alerts")" -gt 0 ]; then
      print_alerts "$alerts"
      return
    fi
    if [ $((SECONDS - begin)) -ge $limit ]; then
      echo "no alert of the CPU stood in Alertmanager within $limit s;" \
        "the score of $threshold was $([ -n "$crossed" ] && echo "reached after $crossed s" || echo 'not reached')" >&2
      exit 1
    fi
    sleep 2
  done
}

case $mode in
  run)
    echo "Ctrl-C stops everything."
    wait ;;
  check)
    wait_for_scores
    print_scores ;;
  inject)
    wait_for_scores
    print_scores
    inject_cpu ;;
esac
