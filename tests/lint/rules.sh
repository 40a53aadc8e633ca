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

# Who is told of what: labels of an alert, and the receiver it must reach.
routes() { # configuration
  while read -r receiver labels; do
    # shellcheck disable=SC2086  # the labels are words
    amtool config routes test --config.file="$1" --verify.receivers="$receiver" $labels >/dev/null ||
      { echo "$1: $labels does not reach $receiver"; exit 1; }
  done <<'TABLE'
log alertname=AnomalyInfo severity=info monitor=node metric=us
log alertname=AnomalyIncident severity=info monitor=dwcp
log alertname=AnomalyExporterOversampled severity=info monitor=node
log alertname=SomethingElse
chat alertname=AnomalyWarning severity=warning monitor=node metric=us
chat alertname=AnomalySeriesMissing severity=warning monitor=node
chat alertname=AnomalyIncident severity=warning monitor=dwcp
chat alertname=AnomalyExporterReloadFailed severity=warning
page alertname=AnomalyCritical severity=critical monitor=node metric=us
page alertname=AnomalyIncident severity=critical monitor=dwcp cluster=c1
page alertname=AnomalyExporterDown severity=critical
page alertname=AnomalyNotificationsFailing severity=critical integration=slack
TABLE
}
for file in config/alertmanager.yml config/compose_alertmanager.yml; do
  amtool check-config "$file"
  routes "$file"
done
