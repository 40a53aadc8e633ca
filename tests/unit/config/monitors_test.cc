#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "config_test_support.h"

namespace anomaly_exporter::config {
namespace {

using Kind = sources::MetricRequest::Kind;

MonitorConfig first_monitor(const std::string& monitor, const std::string& more = "") {
  const auto config = parsed(file_with(monitor, more));
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  return config->monitors.at(0);
}

BOOST_AUTO_TEST_SUITE(monitors_test)

BOOST_AUTO_TEST_CASE(a_preset_needs_nothing_else) {
  const MonitorConfig monitor = first_monitor("  - preset: node\n");
  BOOST_TEST(monitor.name == "node");
  BOOST_TEST(monitor.source == "prom");
  BOOST_TEST(monitor.metrics.size() == 8U);
  BOOST_TEST(monitor.group_by.value().at(0) == "job");
  BOOST_TEST(monitor.interval.count() == 10'000);
  BOOST_TEST(!monitor.metrics[0].has_rate_window);
  BOOST_TEST(monitor.probe_selector == "node_memory_MemFree_bytes");
}

BOOST_AUTO_TEST_CASE(monitors_start_from_the_settings_above_them) {
  const MonitorConfig monitor = first_monitor(
      "  - preset: node\n    window: 300\n    detectors: {zscore: {threshold: 4}}\n"
      "    ensemble: {weights: {zscore: 0.6, iqr: 0.4}}\n    severity: {warning_score: 0.8}\n",
      "global: {interval: 5s, offset: 1s, window: 500, calibration: 1h, backfill: 1d,\n"
      "         expire_after: 10m, accept_shift_after: 20m}\n"
      "detectors: {zscore: {window: 50}}\n"
      "ensemble: {threshold: 0.7, alarm_budget: 2/day}\n"
      "severity: {critical_sigmas: 6}\n");
  BOOST_TEST(monitor.interval.count() == 5'000);
  BOOST_TEST(monitor.offset.count() == 1'000);
  BOOST_TEST(monitor.window == 300U);
  BOOST_TEST((monitor.calibration == std::chrono::hours(1)));
  BOOST_TEST((monitor.backfill == std::chrono::hours(24)));
  BOOST_TEST((monitor.expire_after == std::chrono::minutes(10)));
  BOOST_TEST((monitor.accept_shift_after == std::chrono::minutes(20)));
  BOOST_TEST(monitor.detectors.zscore.window == 50U);
  BOOST_TEST(monitor.detectors.zscore.threshold == 4);
  BOOST_TEST(monitor.ensemble.threshold == 0.7);
  BOOST_TEST(monitor.ensemble.alarm_budget.alarms == 2);
  BOOST_TEST((monitor.ensemble.alarm_budget.per == std::chrono::hours(24)));
  BOOST_TEST_REQUIRE(monitor.ensemble.weights.size() == 2U);
  BOOST_TEST(monitor.ensemble.weights[1].detector == "iqr");
  BOOST_TEST(monitor.severity.warning_score == 0.8);
  BOOST_TEST(monitor.severity.critical_sigmas == 6);
}

BOOST_AUTO_TEST_CASE(settings_above_hold_wherever_they_stand_in_the_file) {
  const auto config = parsed(file_with("  - preset: node\n") + "global: {interval: 7s}\n");
  BOOST_TEST_REQUIRE(config.ok());
  BOOST_TEST(config->monitors.at(0).interval.count() == 7'000);
}

BOOST_AUTO_TEST_CASE(a_preset_metric_is_overridden_key_by_key) {
  const MonitorConfig monitor = first_monitor(
      "  - preset: dwcp\n    metrics:\n"
      "      bandwidth: {min_deviation: 5%, valid_range: [10, null], critical: {below: 5}}\n"
      "      latency: {query: 'my_latency'}\n");
  const MetricConfig& bandwidth = monitor.metrics.at(0);
  BOOST_TEST(bandwidth.request.text == "dwcp_bandwidth_mbps");
  BOOST_TEST(bandwidth.significance.min_deviation_absolute == 0);
  BOOST_TEST(bandwidth.significance.min_deviation_relative == 0.05);
  BOOST_TEST(bandwidth.significance.valid_min == 10);
  BOOST_TEST(std::isinf(bandwidth.significance.valid_max));
  BOOST_TEST(bandwidth.critical.below == 5);
  BOOST_TEST(bandwidth.critical.above == 200);
  const MetricConfig& latency = monitor.metrics.at(1);
  BOOST_TEST(latency.request.text == "my_latency");
  BOOST_TEST(latency.critical.above == 50);
  BOOST_TEST(latency.unit == "ms");
}

BOOST_AUTO_TEST_CASE(metrics_of_the_users_own_follow_those_of_the_preset) {
  const MonitorConfig monitor = first_monitor(
      "  - preset: node\n    metrics: {temp: {query: 'max by (job, instance) "
      "(node_hwmon_temp_celsius)', direction: above, unit: celsius}}\n");
  BOOST_TEST_REQUIRE(monitor.metrics.size() == 9U);
  BOOST_TEST(monitor.metrics[8].request.metric == "temp");
  BOOST_TEST((monitor.metrics[8].significance.direction == ensemble::Direction::Above));
}

BOOST_AUTO_TEST_CASE(the_presets_selector_reaches_its_queries) {
  const MonitorConfig monitor =
      first_monitor("  - {preset: node, selector: '{job=\"a\",dc!=\"b\"}'}\n");
  BOOST_TEST(monitor.metrics.at(4).request.text ==
             "node_memory_MemFree_bytes{job=\"a\",dc!=\"b\"} / 1048576");
}

BOOST_AUTO_TEST_CASE(a_rate_window_goes_to_what_uses_one) {
  const MonitorConfig monitor = first_monitor(
      "  - name: m\n    rate_window: 2m\n    metrics:\n"
      "      a: {selector: 'x_total{c=\"d\"}', as: rate}\n"
      "      b: {selector: 'y'}\n"
      "      c: {query: 'rate(z_total[$rate_window])', rate_window: 1m}\n"
      "      d: {query: 'rate(z_total[5m])'}\n");
  BOOST_TEST(monitor.metrics[0].has_rate_window);
  BOOST_TEST((monitor.metrics[0].request.rate_window == std::chrono::minutes(2)));
  BOOST_TEST((monitor.metrics[0].request.as == sources::As::Rate));
  BOOST_TEST(!monitor.metrics[1].has_rate_window);
  BOOST_TEST((monitor.metrics[2].request.rate_window == std::chrono::minutes(1)));
  BOOST_TEST(!monitor.metrics[3].has_rate_window);
  BOOST_TEST(monitor.probe_selector == "x_total{c=\"d\"}");
}

BOOST_AUTO_TEST_CASE(a_query_gives_the_selector_that_tells_the_scrape_interval) {
  const MonitorConfig monitor = first_monitor(
      "  - {name: m, metrics: {a: {query: 'sum(rate(z_total{k=\"v\"}[$rate_window]))'}}}\n");
  BOOST_TEST(monitor.probe_selector == "z_total{k=\"v\"}");
  BOOST_TEST(!monitor.metrics[0].has_rate_window);
}

BOOST_AUTO_TEST_CASE(own_families_may_be_allowed) {
  BOOST_TEST(complaint(file_with("  - {name: m, metrics: {a: {query: 'max(anomaly_score)'}}}\n")) !=
             "");
  BOOST_TEST(first_monitor("  - {name: m, allow_own_metrics: true, metrics: {a: {query: "
                           "'max(anomaly_score)'}}}\n")
                 .allow_own_metrics);
}

BOOST_AUTO_TEST_CASE(labels_and_group_by_are_optional_lists) {
  const MonitorConfig with =
      first_monitor("  - {name: m, group_by: [], labels: [dc], metrics: {a: {query: up}}}\n");
  BOOST_TEST(with.group_by.value().empty());
  BOOST_TEST(with.labels.value().at(0) == "dc");
  const MonitorConfig without = first_monitor("  - {name: m, metrics: {a: {query: up}}}\n");
  BOOST_TEST(!without.group_by.has_value());
  BOOST_TEST(!without.labels.has_value());
}

BOOST_AUTO_TEST_CASE(a_detector_that_does_not_vote_may_have_a_longer_window) {
  BOOST_TEST(
      complaint(file_with("  - {preset: node, window: 100, ensemble: {companions: [mad]}}\n")) ==
      "t.yml:4: monitors[0].detectors.mad.window: 256 is not within 10 to 100");
  BOOST_TEST(complaint(file_with(
                 "  - {preset: node, window: 100, ensemble: {weights: {zscore: 1}}}\n")) == "");
}

BOOST_AUTO_TEST_CASE(a_model_belongs_to_the_queries_that_it_was_fitted_to) {
  const std::string base = "  - preset: node\n";
  const auto parameters = [&](const std::string& change) {
    return model_parameters(first_monitor(base + change), "isolation_forest");
  };
  BOOST_TEST(parameters("") == parameters("    severity: {warning_sigmas: 4}\n"));
  BOOST_TEST(parameters("") != parameters("    metrics: {us: {query: x}}\n"));
  BOOST_TEST(parameters("") != parameters("    group_by: [instance]\n"));
}

BOOST_AUTO_TEST_CASE(the_state_key_changes_with_what_the_state_depends_on) {
  const std::string base = "  - preset: node\n";
  const std::string key = first_monitor(base).state_key();
  BOOST_TEST(first_monitor(base).state_key() == key);
  BOOST_TEST(first_monitor(base + "    severity: {warning_sigmas: 4}\n").state_key() == key);
  BOOST_TEST(first_monitor(base + "    expire_after: 2h\n").state_key() == key);
  for (const char* change :
       {"    name: other\n", "    interval: 5s\n", "    window: 999\n", "    variant: aix\n",
        "    detectors: {mad: {threshold: 4}}\n", "    group_by: [instance]\n",
        "    rate_window: 1m\n", "    metrics: {us: {query: x}}\n",
        "    detectors: {zscore: {window: 90}}\n", "    ensemble: {weights: {zscore: 1}}\n"}) {
    BOOST_TEST(first_monitor(base + change).state_key() != key, change);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
