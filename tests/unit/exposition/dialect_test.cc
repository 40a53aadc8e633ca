#include "anomaly_exporter/exposition/dialect.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "page_parser.h"
#include "pages.h"

namespace anomaly_exporter::exposition {
namespace {

using Flag = MonitorSnapshot::Flag;
using LabelMap = std::map<std::string, std::string>;
constexpr Format kBoth[] = {Format::Text, Format::OpenMetrics};

ExpositionOptions only(const std::string& dialect) {
  ExpositionOptions options;
  options.families = {};
  options.dialects = {dialect};
  return options;
}

ParsedPage parsed(Format format, const SnapshotStore::List& snapshots,
                  const ExpositionOptions& options,
                  const std::vector<prometheus::MetricFamily>& own = {}) {
  ParsedPage page = parse_page(page_of(format, snapshots, own, options));
  BOOST_TEST(page.error == "");
  BOOST_TEST(page.ended == (format == Format::OpenMetrics));
  return page;
}

const ParsedPage::Family& family(const ParsedPage& page, std::string_view name) {
  const ParsedPage::Family* found = page.family(name);
  BOOST_REQUIRE_MESSAGE(found != nullptr, name);
  return *found;
}

double value_of(const ParsedPage::Family& of, const LabelMap& labels) {
  for (const auto& sample : of.samples) {
    if (sample.labels == labels) return sample.value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string refusal(std::vector<std::string> families, std::vector<std::string> dialects,
                    const std::string& name = "$VAR") {
  ExpositionOptions options;
  options.families = std::move(families);
  options.dialects = std::move(dialects);
  options.vmanomaly_name = name;
  const auto status = options.validate();
  return status.ok() ? "" : status.error().message;
}

prometheus::MetricFamily counter(const std::string& name, std::vector<LabelMap> labels,
                                 const std::vector<double>& values) {
  prometheus::MetricFamily out;
  out.name = name;
  out.type = prometheus::MetricType::Counter;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto& metric = out.metric.emplace_back();
    for (const auto& [key, value] : labels[i]) metric.label.push_back({key, value});
    metric.counter.value = values[i];
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(dialect_test)

BOOST_AUTO_TEST_CASE(vmanomaly_has_its_five_families_with_its_labels) {
  SnapshotBuilder builder("node-exporter");
  builder.entity({{"instance", "a"}, {"job", "n"}})
      .row("page_faults", {.score = 0, .value = 9, .expected = 5, .lower = 4, .upper = 6});
  auto snapshot = builder.build();
  snapshot->interval = std::chrono::seconds(10);
  const LabelMap labels{{"for", "page_faults"},      {"preset", "node-exporter"},
                        {"model_alias", "ensemble"}, {"scheduler_alias", "10s"},
                        {"instance", "a"},           {"job", "n"}};
  for (const Format format : kBoth) {
    const ParsedPage page = parsed(format, {snapshot}, only("vmanomaly"));
    BOOST_TEST(page.families.size() == 5U);
    const std::pair<const char*, double> want[] = {
        {"anomaly_score", 0}, {"y", 9}, {"yhat", 5}, {"yhat_lower", 4}, {"yhat_upper", 6}};
    for (const auto& [name, value] : want) {
      BOOST_TEST(family(page, name).type == "gauge");
      BOOST_TEST(value_of(family(page, name), labels) == value, name);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_score_of_vmanomaly_reaches_one_exactly_at_the_threshold) {
  for (const double threshold : {0.05, 0.5, 0.6, 0.9, 0.999}) {
    BOOST_TEST(limit_score(0, threshold) == 0);
    BOOST_TEST(limit_score(threshold, threshold) >= 1);
    BOOST_TEST(limit_score(std::nextafter(threshold, 0), threshold) < 1);
    double before = 0;
    for (int i = 0; i <= 1000; ++i) {
      const double now = limit_score(i / 1000.0, threshold);
      BOOST_TEST(now >= before);
      BOOST_TEST(std::isfinite(now));
      before = now;
    }
  }
  // 1 - 0.4^x is the calibration's confidence of a value x times as rare as the budget allows.
  BOOST_TEST(limit_score(1 - std::pow(0.4, 2.5), 0.6) == 2.5F, boost::test_tools::tolerance(1e-6F));
}

BOOST_AUTO_TEST_CASE(vmanomaly_uses_the_threshold_of_each_monitor) {
  SnapshotBuilder builder("m");
  builder.entity({}).row("x", {.score = 0.5F});
  auto snapshot = builder.build();
  const auto score = [&] {
    const ParsedPage page = parsed(Format::Text, {snapshot}, only("vmanomaly"));
    return family(page, "anomaly_score").samples.at(0).value;
  };
  BOOST_TEST(score() < 1);
  snapshot->threshold = 0.4;
  BOOST_TEST(score() > 1);
}

BOOST_AUTO_TEST_CASE(the_score_of_vmanomaly_is_above_its_limit_while_the_alarm_stands) {
  SnapshotBuilder builder("m");
  builder.entity({}).row("x", {.score = 0.3F});
  auto snapshot = builder.build();
  const auto score = [&] {
    const ParsedPage page = parsed(Format::Text, {snapshot}, only("vmanomaly"));
    return family(page, "anomaly_score").samples.at(0).value;
  };
  BOOST_TEST(score() < 1);
  snapshot->severity.at(0) = 2;
  BOOST_TEST(score() > 1);
  BOOST_TEST(score() < 1.001);
  snapshot->score.at(0) = 0.9F;
  BOOST_TEST(score() > 2);
}

BOOST_AUTO_TEST_CASE(names_of_vmanomaly_follow_the_template) {
  SnapshotBuilder builder("m");
  builder.entity({}, 0.1F).row("x", {});
  ExpositionOptions options;  // with our own anomaly_score beside it
  options.dialects = {"vmanomaly"};
  options.vmanomaly_name = "vmanomaly_$VAR";
  BOOST_TEST(options.validate().ok());
  const ParsedPage page = parsed(Format::OpenMetrics, {builder.build()}, options);
  BOOST_TEST(family(page, "vmanomaly_yhat_upper").samples.size() == 1U);
  BOOST_TEST(family(page, "vmanomaly_anomaly_score").samples.size() == 1U);
  BOOST_TEST(family(page, "anomaly_score").samples.size() == 1U);
}

BOOST_AUTO_TEST_CASE(promql_has_its_three_records_as_strategy_ensemble) {
  SnapshotBuilder builder("node");
  builder.entity({{"instance", "a"}}).row("us", {.value = 9, .lower = 4, .upper = 6});
  builder.entity({{"anomaly_name", "api"}, {"anomaly_strategy", "ensemble"}}).row("us", {});
  builder.entity({{"anomaly_strategy", "adaptive"}}).row("us", {});
  for (const Format format : kBoth) {
    const ParsedPage page = parsed(format, {builder.build()}, only("promql"));
    BOOST_TEST(page.families.size() == 3U);
    const LabelMap own{{"monitor", "node"},
                       {"metric", "us"},
                       {"instance", "a"},
                       {"anomaly_name", "node_us"},
                       {"anomaly_strategy", "ensemble"}};
    BOOST_TEST(value_of(family(page, "anomaly:level"), own) == 9);
    BOOST_TEST(value_of(family(page, "anomaly:lower_band"), own) == 4);
    BOOST_TEST(value_of(family(page, "anomaly:upper_band"), own) == 6);
    const LabelMap named{{"monitor", "node"},
                         {"metric", "us"},
                         {"anomaly_name", "api"},
                         {"anomaly_strategy", "ensemble"}};
    BOOST_TEST(value_of(family(page, "anomaly:level"), named) == 10);
    const LabelMap other{{"monitor", "node"},
                         {"metric", "us"},
                         {"anomaly_name", "node_us"},
                         {"exported_anomaly_strategy", "adaptive"},
                         {"anomaly_strategy", "ensemble"}};
    BOOST_TEST(value_of(family(page, "anomaly:level"), other) == 10);
  }
}

BOOST_AUTO_TEST_CASE(labels_that_a_dialect_sets_itself_are_renamed) {
  SnapshotBuilder builder("m");
  const std::string hostile = "x,for=\"y\\";
  builder.entity({{"for", hostile}, {"exported_for", "b"}, {"preset", "p"}}).row("x", {});
  const ParsedPage page = parsed(Format::Text, {builder.build()}, only("vmanomaly"));
  const LabelMap& labels = family(page, "y").samples.at(0).labels;
  BOOST_TEST(labels.at("for") == "x");
  BOOST_TEST(labels.at("exported_for") == "b");
  BOOST_TEST(labels.at("exported_exported_for") == hostile);
  BOOST_TEST(labels.at("exported_preset") == "p");
}

BOOST_AUTO_TEST_CASE(hostile_names_pass_through_both_dialects) {
  const std::string hostile = "a\"},metric=\"b\\\n";
  SnapshotBuilder builder(hostile);
  builder.entity({{"path", hostile}}).row(hostile, {});
  const ParsedPage page = parsed(Format::OpenMetrics, {builder.build()}, only("vmanomaly"));
  BOOST_TEST(family(page, "y").samples.at(0).labels.at("preset") == hostile);
  BOOST_TEST(family(page, "y").samples.at(0).labels.at("for") == hostile);
  const ParsedPage second = parsed(Format::OpenMetrics, {builder.build()}, only("promql"));
  BOOST_TEST(family(second, "anomaly:level").samples.at(0).labels.at("anomaly_name") ==
             hostile + "_" + hostile);
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_defined_have_no_line) {
  SnapshotBuilder builder("m");
  builder.entity({})
      .row("missing", {.flags = Flag::kMissing})
      .row("warming_up", {.flags = Flag::kHasValue});
  const ParsedPage page = parsed(Format::Text, {builder.build()}, only("vmanomaly"));
  BOOST_TEST(family(page, "anomaly_score").samples.empty());
  BOOST_TEST(family(page, "y").samples.size() == 1U);
  BOOST_TEST(family(page, "yhat_lower").samples.empty());
  auto nothing = std::make_shared<MonitorSnapshot>();
  for (const std::string_view dialect : kDialects) {
    parsed(Format::OpenMetrics, {nothing}, only(std::string(dialect)));
  }
}

BOOST_AUTO_TEST_CASE(dwcp_sums_over_monitors_and_speaks_of_its_seven_metrics_only) {
  const auto anomalies = counter(
      "anomaly_exporter_anomalies_total",
      {{{"monitor", "a"},
        {"metric", "latency"},
        {"severity", "critical"},
        {"detector", "ensemble"}},
       {{"monitor", "b"},
        {"metric", "latency"},
        {"severity", "critical"},
        {"detector", "ensemble"}},
       {{"monitor", "b"}, {"metric", "us"}, {"severity", "critical"}, {"detector", "ensemble"}}},
      {2, 3, 100});
  const auto processed = counter("anomaly_exporter_samples_processed_total",
                                 {{{"monitor", "a"}}, {{"monitor", "other"}}}, {140, 1000});
  prometheus::MetricFamily latency;
  latency.name = "anomaly_exporter_detection_latency_seconds";
  latency.type = prometheus::MetricType::Histogram;
  for (const char* stage : {"score", "publish"}) {
    auto& metric = latency.metric.emplace_back();
    metric.label = {{"origin", "tick"}, {"stage", stage}};
    metric.histogram.sample_count = stage[0] == 'p' ? 7 : 1;
    metric.histogram.bucket = {{metric.histogram.sample_count, 60}};
  }
  SnapshotBuilder first("a", {"zscore", "mad"});
  first.entity({{"cluster", "c1"}}).row("latency", {.score = 0.5F, .confidence = {0.25F}});
  first.entity({{"cluster", "c2"}}).row("latency", {.score = 0.75F, .confidence = {0.125F}});
  first.entity({{"cluster", "c3"}}).row("us", {.score = 1, .confidence = {1}});
  auto snapshot = first.build();
  snapshot->metrics.resize(7);
  snapshot->metrics[0].name = "latency";

  for (const Format format : kBoth) {
    const ParsedPage page =
        parsed(format, {snapshot}, only("dwcp"), {anomalies, processed, latency});
    const bool is_text = format == Format::Text;
    const auto& detected =
        family(page, is_text ? "dwcp_anomalies_detected_total" : "dwcp_anomalies_detected");
    BOOST_TEST(detected.type == "counter");
    BOOST_TEST(detected.samples.size() == 1U);
    const LabelMap key{
        {"metric_name", "latency"}, {"severity", "critical"}, {"model_type", "ensemble"}};
    BOOST_TEST(detected.samples[0].name == "dwcp_anomalies_detected_total");
    BOOST_TEST(value_of(detected, key) == 5);
    const auto& confidence = family(page, "dwcp_anomaly_confidence");
    BOOST_TEST(confidence.type == "gauge");
    BOOST_TEST(confidence.samples.size() == 2U);
    BOOST_TEST(value_of(confidence, {{"metric_name", "latency"}, {"model_type", "ensemble"}}) ==
               0.75);
    BOOST_TEST(value_of(confidence, {{"metric_name", "latency"}, {"model_type", "zscore"}}) ==
               0.25);
    const auto& histogram = family(page, "dwcp_anomaly_detection_latency_seconds");
    BOOST_TEST(histogram.type == "histogram");
    for (const auto& sample : histogram.samples) {
      if (sample.name.ends_with("_count")) {
        BOOST_TEST(sample.value == 7);
        BOOST_TEST(sample.labels.empty());
      }
    }
    const auto& vectors =
        family(page, is_text ? "dwcp_metrics_processed_total" : "dwcp_metrics_processed");
    BOOST_TEST(vectors.type == "counter");
    BOOST_TEST(value_of(vectors, {}) == 20);
  }
}

BOOST_AUTO_TEST_CASE(two_owners_of_a_name_are_refused_with_the_way_out) {
  BOOST_TEST(refusal({"anomaly_score"}, {"vmanomaly"}) ==
             "dialects[0]: \"vmanomaly\" serves \"anomaly_score\", and so does families; leave "
             "anomaly_score out of families, or set vmanomaly_name, like vmanomaly_$VAR");
  BOOST_TEST(refusal({"anomaly_severity"}, {"vmanomaly"}) == "");
  BOOST_TEST(refusal({"anomaly_severity"}, {"dwcp", "promql", "vmanomaly"}) == "");
  BOOST_TEST(refusal({}, {"dwcp", "dwcp"}) == "dialects[1]: \"dwcp\" is named twice");
  BOOST_TEST(refusal({}, {"netdata"}) ==
             "dialects[0]: \"netdata\" is not one of dwcp, vmanomaly, promql");
}

BOOST_AUTO_TEST_CASE(a_template_that_makes_no_names_is_refused) {
  BOOST_TEST(refusal({}, {}, "score") ==
             "vmanomaly_name: \"score\" does not hold $VAR once; write it like vmanomaly_$VAR");
  BOOST_TEST(refusal({}, {}, "$VAR$VAR").find("once") != std::string::npos);
  BOOST_TEST(refusal({}, {}, "a-$VAR").find("does not make metric names") != std::string::npos);
  BOOST_TEST(refusal({}, {}, "9$VAR").find("does not make metric names") != std::string::npos);
  BOOST_TEST(refusal({}, {}, "process_$VAR").find("like our own") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lines_are_counted_as_they_are_written) {
  SnapshotBuilder builder("m", {"zscore", "mad"});
  builder.entity({}).row("latency", {.confidence = {0.5F, 0.5F}});
  const std::size_t per_series[] = {0, 5, 3};
  for (std::size_t i = 0; i < std::size(kDialects); ++i) {
    const ExpositionOptions options = only(std::string(kDialects[i]));
    const DialectLines lines = dialect_lines(options, 2);
    BOOST_TEST(lines.per_series == per_series[i]);
    std::size_t samples = 0;
    for (const auto& f : parsed(Format::Text, {builder.build()}, options).families) {
      samples += f.samples.size();
    }
    if (lines.per_metric == 0) BOOST_TEST(samples == lines.per_series);
  }
  BOOST_TEST(dialect_lines(only("dwcp"), 4).per_metric == 20U);
}

BOOST_AUTO_TEST_CASE(what_is_served_is_known_so_that_it_is_not_read_back) {
  ExpositionOptions options;
  options.families = {"anomaly_severity"};
  options.dialects = {"promql"};
  const auto served = served_families(options);
  BOOST_TEST(served.size() == 4U);
  const auto own = own_families(options);
  BOOST_TEST(own.size() == std::size(kFamilies) + 3);
  BOOST_TEST((std::find(own.begin(), own.end(), "anomaly:level") != own.end()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
