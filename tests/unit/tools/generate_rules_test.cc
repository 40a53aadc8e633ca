#include "anomaly_exporter/tools/generate_rules.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <string>

namespace anomaly_exporter::tools {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

config::Config config_of(const std::string& monitors) {
  auto config = config::parse_config(
      "sources: [{name: prom, url: \"http://localhost:9090\"}]\nmonitors:\n" + monitors, "test");
  BOOST_REQUIRE_MESSAGE(config.ok(), (config.ok() ? "" : config.error().message));
  return std::move(config).value();
}

std::string rules_of(const config::Config& config) {
  const auto rules = anomaly_rules({.config = &config});
  BOOST_REQUIRE(rules.ok());
  return *rules;
}

const char* const kCheckout = R"(
  - name: checkout
    interval: 15s
    group_by: [service]
    metrics: {latency: {query: latency, unit: seconds}}
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(generate_rules_test)

BOOST_AUTO_TEST_CASE(a_configuration_gets_a_group_per_monitor_with_its_interval) {
  const auto config = config_of(std::string(kCheckout) + "  - {preset: dwcp, interval: 30s}\n");
  const std::string rules = rules_of(config);
  BOOST_TEST(contains(rules, "- name: \"anomaly_checkout\"\n    interval: 15s\n"));
  BOOST_TEST(contains(rules, "- name: \"anomaly_dwcp\"\n    interval: 30s\n"));
  BOOST_TEST(contains(rules, "expr: anomaly_severity{monitor=\"checkout\"} == 3"));
}

BOOST_AUTO_TEST_CASE(templates_ask_by_exactly_the_labels_of_group_by) {
  const std::string rules = rules_of(config_of(kCheckout));
  BOOST_TEST(contains(rules, R"({{ $s = printf "%s,service=%q" $s $labels.service }})"));
  BOOST_TEST(!contains(rules, "$labels.instance"));
}

BOOST_AUTO_TEST_CASE(a_label_named_like_ours_is_called_as_on_our_outputs) {
  const std::string rules =
      rules_of(config_of("  - {name: m, group_by: [metric], metrics: {a: {query: a}}}\n"));
  BOOST_TEST(contains(rules, "$labels.exported_metric"));
}

BOOST_AUTO_TEST_CASE(units_and_thresholds_are_those_of_the_monitor) {
  const std::string rules = rules_of(config_of(kCheckout));
  BOOST_TEST(contains(rules, R"({{ if eq $labels.metric "latency" }}{{ $unit = " seconds" }})"));
  BOOST_TEST(contains(rules, "an alarm from 0.6, a warning from 0.7 and 3 sigma"));
}

BOOST_AUTO_TEST_CASE(rules_over_severities_have_no_hold_of_their_own) {
  const std::string rules = *anomaly_rules({});
  std::size_t alerts = 0, holds = 0;
  for (std::size_t at = 0; (at = rules.find("- alert: ", at)) != std::string::npos; ++at) ++alerts;
  for (std::size_t at = 0; (at = rules.find("        for: ", at)) != std::string::npos; ++at)
    ++holds;
  BOOST_TEST(alerts == 7U);
  BOOST_TEST(holds == 1U);  // AnomalySeriesMissing
}

BOOST_AUTO_TEST_CASE(a_configuration_that_does_not_expose_severities_has_no_rules) {
  auto config = config_of(kCheckout);
  config.exposition.families = {"anomaly_score"};
  const auto rules = anomaly_rules({.config = &config});
  BOOST_REQUIRE(!rules.ok());
  BOOST_TEST(rules.error().message == "exposition.families: the rules need anomaly_severity");
}

BOOST_AUTO_TEST_CASE(the_addresses_of_runbooks_and_dashboards_can_be_chosen) {
  const std::string rules = *anomaly_rules({.runbook_url_base = "https://wiki/run",
                                            .dashboard_url = "https://g/d/x?var-host={instance}"});
  BOOST_TEST(contains(rules, "runbook_url: \"https://wiki/run/AnomalyCritical.md\""));
  BOOST_TEST(contains(rules, "https://g/d/x?var-host={{ $labels.instance | urlquery }}"));
  BOOST_TEST(!contains(rules, "graphLink"));
}

BOOST_AUTO_TEST_CASE(a_monitor_is_late_after_three_missed_ticks_and_a_minute_at_least) {
  const auto config =
      config_of(std::string(kCheckout) +
                "  - {name: slow, interval: 5m, offset: 10s, metrics: {a: {query: a}}}\n");
  const std::string rules = exporter_rules({.config = &config});
  BOOST_TEST(contains(rules, "timestamp_seconds{monitor=\"checkout\"} > 60 "));
  BOOST_TEST(contains(rules, "timestamp_seconds{monitor=\"slow\"} > 1210 "));
}

BOOST_AUTO_TEST_CASE(a_source_that_is_down_is_told_for_each_monitor_that_reads_it) {
  const auto config = config_of(kCheckout);
  const std::string rules = exporter_rules({.config = &config});
  BOOST_TEST(
      contains(rules,
               "anomaly_exporter_monitor_interval_seconds{monitor=\"checkout\"} and on (job, "
               "instance, source) anomaly_exporter_source_up{source=\"prom\"} == 0"));
}

BOOST_AUTO_TEST_CASE(incidents_inhibit_by_every_set_of_labels_that_members_may_share) {
  const auto config =
      config_of("  - {name: m, group_by: [rack, host], metrics: {a: {query: a}}}\n");
  const std::string rules = inhibit_rules(&config);
  for (const char* scope : {"\"monitor\"", "\"host\"", "\"rack\"", "\"host/rack\""}) {
    BOOST_TEST(contains(rules, std::string("scope=") + scope), scope);
  }
  BOOST_TEST(contains(rules, "equal: [monitor, metric, host, rack]"));
  BOOST_TEST(contains(rules, "equal: [monitor, host, rack]"));
}

BOOST_AUTO_TEST_CASE(an_exporter_that_is_down_holds_back_the_failures_of_its_own_webhook) {
  BOOST_TEST(contains(inhibit_rules(nullptr),
                      "  - source_matchers: [alertname=\"AnomalyExporterDown\"]\n"
                      "    target_matchers: [alertname=\"AnomalyNotificationsFailing\", "
                      "integration=\"webhook\"]\n"));
}

BOOST_AUTO_TEST_CASE(inhibition_tells_apart_what_external_labels_do) {
  auto config = config_of("  - {name: m, group_by: [host], metrics: {a: {query: a}}}\n");
  config.alerting.external_labels = {{"site", "berlin"}};
  const std::string rules = inhibit_rules(&config);
  BOOST_TEST(contains(rules, "equal: [monitor, metric, host, site]"));
  BOOST_TEST(contains(rules, "equal: [monitor, site]"));
  BOOST_TEST(contains(rules, "equal: [monitor, site, host]"));
}

BOOST_AUTO_TEST_CASE(inhibition_says_what_it_cannot_know) {
  const std::string rules = inhibit_rules(nullptr);
  BOOST_TEST(!contains(rules, "# Monitor"));
  const auto config = config_of(
      "  - {name: all, metrics: {a: {query: a}}}\n"
      "  - {name: many, group_by: [a, b, c, d], metrics: {a: {query: a}}}\n");
  const std::string warned = inhibit_rules(&config);
  BOOST_TEST(contains(warned, "# Monitor all has no group_by"));
  BOOST_TEST(contains(warned, "# Monitor many: incidents whose members share some labels"));
}

BOOST_AUTO_TEST_CASE(labels_that_an_alert_has_of_its_own_are_renamed) {
  for (const char* label : {"severity", "alertname", "scope"}) {
    const auto config = config_of("  - {name: m, group_by: [" + std::string(label) +
                                  "], metrics: {a: {query: a}}}\n");
    BOOST_TEST(contains(rules_of(config), "$labels.exported_" + std::string(label)));
  }
}

BOOST_AUTO_TEST_CASE(names_of_dialects_are_results_too) {
  auto config = config_of(kCheckout);
  config.exposition.dialects = {"promql", "dwcp"};
  const std::string job = scrape_config(config, "anomalies", "localhost:10097");
  BOOST_TEST(contains(job, "|anomaly:level"));
  BOOST_TEST(!contains(job, "dwcp_"));
}

BOOST_AUTO_TEST_CASE(a_scrape_is_as_frequent_as_the_fastest_monitor) {
  const auto config = config_of(std::string(kCheckout) + "  - {preset: dwcp, interval: 5s}\n");
  const std::string job = scrape_config(config, "anomalies", "10.0.0.1:10097");
  BOOST_TEST(contains(job, "scrape_interval: 5s\n  scrape_timeout: 5s\n"));
  BOOST_TEST(contains(job, "- job_name: \"anomalies\"\n  honor_labels: true\n"));
  BOOST_TEST(contains(job, R"();10\\.0\\.0\\.1:10097")"));
}

BOOST_AUTO_TEST_CASE(what_ticks_rarely_is_read_every_minute_all_the_same) {
  const auto config = config_of("  - {name: slow, interval: 30m, metrics: {a: {query: a}}}\n");
  BOOST_TEST(contains(rules_of(config), "- name: \"anomaly_slow\"\n    interval: 1m\n"));
  auto alone = config;
  alone.global.interval = std::chrono::minutes(30);
  BOOST_TEST(contains(scrape_config(alone, "a", "b:1"), "scrape_interval: 1m\n"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::tools
