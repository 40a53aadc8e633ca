#!/usr/bin/env bash
# Rules, their tests and the configurations of Prometheus and Alertmanager, by their own tools.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/need.sh"
need promtool amtool
for rules in rules/*.yml; do
  case $rules in
    *_test.yml)
      promtool test rules "$rules"
      # A rule without a test is a rule nobody has seen fire.
      rule_file="${rules%_test.yml}.yml"
      grep -oP '(?<=alert: )\w+' "$rule_file" | while read -r alert; do
        grep -q "alertname: $alert" "$rules" || { echo "$rule_file: $alert has no test"; exit 1; }
      done ;;
    *)
      promtool check rules "$rules"
      [ -f "${rules%.yml}_test.yml" ] || { echo "$rules has no test"; exit 1; } ;;
  esac
done
promtool check config --syntax-only config/prometheus.yml
amtool check-config config/alertmanager.yml
