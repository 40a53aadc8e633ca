#define BOOST_TEST_DYN_LINK
#include "presets.h"

#include <boost/test/unit_test.hpp>

#include "anomaly_exporter/sources/selector_parser.h"
#include "promql_scan.h"

namespace anomaly_exporter::config {
namespace {

const MetricConfig& metric_of(const Preset& preset, const std::string& name) {
  for (const MetricConfig& metric : preset.metrics) {
    if (metric.request.metric == name) return metric;
  }
  BOOST_FAIL("no metric " + name);
  return preset.metrics.front();
}

std::vector<std::string> names_of(const Preset& preset) {
  std::vector<std::string> names;
  for (const MetricConfig& metric : preset.metrics) names.push_back(metric.request.metric);
  return names;
}

/// Those that put label matchers into selectors of their own.
std::vector<std::string> selecting_presets() {
  std::vector<std::string> names = preset_names();
  std::erase(names, "data_quality");
  return names;
}

BOOST_AUTO_TEST_SUITE(presets_test)

BOOST_AUTO_TEST_CASE(node_has_the_eight_features_on_both_systems) {
  const std::vector<std::string> want{"us", "sy", "idle", "avm", "fre", "tps", "ipkts", "opkts"};
  BOOST_TEST(names_of(make_preset("node", "linux", false, "")) == want,
             boost::test_tools::per_element());
  BOOST_TEST(names_of(make_preset("node", "aix", false, "")) == want,
             boost::test_tools::per_element());
  BOOST_TEST(make_preset("node", "linux", true, "").metrics.size() == 13U);
  BOOST_TEST(make_preset("node", "aix", true, "").metrics.size() == 12U);
}

BOOST_AUTO_TEST_CASE(dwcp_has_the_seven_metrics_by_cluster_and_instance) {
  const std::vector<std::string> want{"bandwidth", "latency",      "packet_loss", "jitter",
                                      "cpu_usage", "memory_usage", "error_rate"};
  for (const char* variant : {"default", "novacron"}) {
    const Preset preset = make_preset("dwcp", variant, false, "");
    BOOST_TEST(names_of(preset) == want, boost::test_tools::per_element());
    BOOST_TEST(preset.group_by.size() == 2U);
    BOOST_TEST(preset.group_by[0] == "cluster");
  }
}

BOOST_AUTO_TEST_CASE(dwcp_carries_the_limits_of_the_specification) {
  const Preset preset = make_preset("dwcp", "novacron", false, "");
  const MetricConfig& bandwidth = metric_of(preset, "bandwidth");
  BOOST_TEST(bandwidth.significance.valid_min == 80);
  BOOST_TEST(bandwidth.significance.valid_max == 120);
  BOOST_TEST(bandwidth.critical.below == 50);
  BOOST_TEST(bandwidth.critical.above == 200);
  const struct {
    const char* name;
    double least, most, critical;
  } rows[] = {{"latency", 8, 15, 50},       {"packet_loss", 0, 0.1, 2},
              {"jitter", 0.5, 2, 10},       {"cpu_usage", 40, 70, 90},
              {"memory_usage", 50, 80, 95}, {"error_rate", 0, 0.01, 0.1}};
  for (const auto& row : rows) {
    const MetricConfig& metric = metric_of(preset, row.name);
    BOOST_TEST(metric.significance.valid_min == row.least);
    BOOST_TEST(metric.significance.valid_max == row.most);
    BOOST_TEST(metric.critical.above == row.critical);
  }
}

/// Every selector of every preset gets the user's matchers; without any, no trace is left.
BOOST_AUTO_TEST_CASE(matchers_go_into_every_selector) {
  for (const std::string& name : selecting_presets()) {
    for (const std::string& variant : preset_variants(name)) {
      const Preset with = make_preset(name, variant, true, "job=\"x\"");
      const Preset without = make_preset(name, variant, true, "");
      BOOST_TEST(sources::parse_selector(with.probe_selector).ok());
      BOOST_TEST(sources::parse_selector(without.probe_selector).ok());
      BOOST_TEST(with.probe_selector.find("job=\"x\"") != std::string::npos);
      for (std::size_t i = 0; i < with.metrics.size(); ++i) {
        const std::string& text = with.metrics[i].request.text;
        const std::string& plain = without.metrics[i].request.text;
        std::size_t selectors = 0, matchers = 0;
        for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1))
          ++selectors;
        for (std::size_t at = text.find("job=\"x\"}"); at != std::string::npos;
             at = text.find("job=\"x\"}", at + 1))
          ++matchers;
        BOOST_TEST(selectors == matchers, text);
        BOOST_TEST(selectors >= 1U);
        BOOST_TEST(plain.find("$matchers") == std::string::npos, plain);
        BOOST_TEST(plain.find("{}") == std::string::npos, plain);
        BOOST_TEST(scan_promql(text).fault == "");
        BOOST_TEST(scan_promql(plain).fault == "");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_preset_metric_has_valid_settings_and_a_unit) {
  for (const std::string& name : selecting_presets()) {
    for (const std::string& variant : preset_variants(name)) {
      for (const MetricConfig& metric : make_preset(name, variant, true, "").metrics) {
        BOOST_TEST(metric.significance.validate().ok());
        BOOST_TEST(metric.critical.validate().ok());
        BOOST_TEST(metric.unit != "");
        BOOST_TEST((metric.significance.min_deviation_absolute > 0 ||
                    metric.significance.min_deviation_relative > 0));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_error_rate_of_novacron_sums_both_sides_by_the_same_labels) {
  const Preset preset = make_preset("dwcp", "novacron", false, "");
  const std::string& text = metric_of(preset, "error_rate").request.text;
  BOOST_TEST(text ==
             "100 * (sum by (cluster, instance) (rate(dwcp_amst_errors_total[$rate_window])) or 0 "
             "* sum by (cluster, instance) (rate(dwcp_amst_streams_total[$rate_window]))) / sum by "
             "(cluster, instance) (rate(dwcp_amst_streams_total[$rate_window]))");
}

BOOST_AUTO_TEST_CASE(every_sum_of_a_preset_is_by_the_labels_of_group_by) {
  const std::vector<std::string> group_by{"cluster", "node"};
  for (const std::string& name : selecting_presets()) {
    for (const std::string& variant : preset_variants(name)) {
      const Preset preset = make_preset(name, variant, true, "", group_by);
      BOOST_TEST(preset.group_by == group_by, boost::test_tools::per_element());
      for (const MetricConfig& metric : preset.metrics) {
        const std::string& text = metric.request.text;
        for (std::size_t at = text.find(" by ("); at != std::string::npos;
             at = text.find(" by (", at + 1)) {
          BOOST_TEST(text.compare(at, 19, " by (cluster, node)") == 0, text);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(user_behaviour_has_rates_and_their_failures_by_the_wanted_labels) {
  const std::vector<std::string> want{"login_rate",       "login_failure_rate",
                                      "access_rate",      "access_denial_rate",
                                      "transaction_rate", "transaction_failure_rate"};
  const Preset preset = make_preset("user_behaviour", "default", false, "app=\"shop\"");
  BOOST_TEST(names_of(preset) == want, boost::test_tools::per_element());
  BOOST_TEST(metric_of(preset, "login_failure_rate").request.text ==
             "sum by (job) (rate(user_logins_total{result=\"failure\",app=\"shop\"}"
             "[$rate_window])) or 0 * sum by (job) (rate(user_logins_total{app=\"shop\"}"
             "[$rate_window]))");
  const Preset grouped = make_preset("user_behaviour", "default", false, "",
                                     std::vector<std::string>{"region", "app"});
  BOOST_TEST(metric_of(grouped, "login_rate").request.text ==
             "sum by (region, app) (rate(user_logins_total[$rate_window]))");
  BOOST_TEST(grouped.group_by.size() == 2U);
}

BOOST_AUTO_TEST_CASE(data_quality_has_its_dimensions_of_any_selector) {
  const DataQuality watched{.selector = "orders{job=\"shop\"}",
                            .agrees_with = "ledger_orders",
                            .tolerance_percent = 2,
                            .valid_min = 0,
                            .valid_max = 500};
  const Preset preset = make_data_quality(watched, {"job"});
  const std::vector<std::string> want{"completeness", "validity",    "volume",
                                      "staleness",    "cardinality", "consistency"};
  BOOST_TEST(names_of(preset) == want, boost::test_tools::per_element());
  BOOST_TEST(metric_of(preset, "cardinality").request.text ==
             "count by (job) (orders{job=\"shop\"})");
  BOOST_TEST(metric_of(preset, "validity").request.text.find(">= 0 <= 500") != std::string::npos);
  BOOST_TEST(metric_of(preset, "consistency").request.text.find("sum by (job) (ledger_orders)") !=
             std::string::npos);
  BOOST_TEST(metric_of(preset, "consistency").significance.valid_max == 2);
  for (const MetricConfig& metric : preset.metrics) {
    BOOST_TEST(scan_promql(metric.request.text).fault == "");
    BOOST_TEST(metric.significance.validate().ok());
    BOOST_TEST(metric.unit != "");
  }
  const Preset alone = make_data_quality({.selector = "orders"}, {});
  BOOST_TEST(alone.metrics.size() == 5U);
  BOOST_TEST(metric_of(alone, "validity").request.text.find(">= -1e308 <= 1e308") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
