#define BOOST_TEST_DYN_LINK
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>
#include <prometheus/text_serializer.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "page_parser.h"
#include "pages.h"

namespace anomaly_exporter::exposition {
namespace {

const std::string kHostile = "C:\\dir \"quoted\"\nsecond line {a=\"b\"} # \xC3\xA9";

const std::string kHostileHelp = "Samples processed.\nSecond \"line\" \\ end.";

/// A registry with every type, hostile label values and awkward numbers.
std::vector<prometheus::MetricFamily> own_metrics(const std::string& help = "Samples processed.") {
  prometheus::Registry registry;
  auto& counters = prometheus::BuildCounter()
                       .Name("anomaly_exporter_samples_processed_total")
                       .Help(help)
                       .Register(registry);
  counters.Add({{"monitor", "node"}}).Increment(123'456'789);
  counters.Add({{"monitor", kHostile}}).Increment(0.1);
  auto& gauges =
      prometheus::BuildGauge().Name("anomaly_exporter_source_up").Help("Up.").Register(registry);
  gauges.Add({}).Set(1);
  gauges.Add({{"source", "nan"}}).Set(std::numeric_limits<double>::quiet_NaN());
  gauges.Add({{"source", "inf"}}).Set(-std::numeric_limits<double>::infinity());
  gauges.Add({{"source", "tiny"}}).Set(5e-324);
  auto& histograms = prometheus::BuildHistogram()
                         .Name("anomaly_exporter_detection_latency_seconds")
                         .Help("Latency.")
                         .Register(registry);
  auto& histogram = histograms.Add(
      {{"stage", "score"}, {"origin", "sample"}},
      prometheus::Histogram::BucketBoundaries{0.0001, 0.01, 0.5, 1, 60, 250'000, 1e7});
  for (const double seconds : {0.0005, 0.02, 0.7, 3.0, 100.0, 1e8}) histogram.Observe(seconds);
  auto& summaries = prometheus::BuildSummary()
                        .Name("anomaly_exporter_wait_seconds")
                        .Help("Wait.")
                        .Register(registry);
  auto& summary = summaries.Add({}, prometheus::Summary::Quantiles{{0.5, 0.05}, {1.0, 0.001}});
  for (int i = 0; i < 10; ++i) summary.Observe(i);
  auto out = registry.Collect();
  prometheus::MetricFamily untyped;
  untyped.name = "anomaly_exporter_untyped";
  untyped.help = "Untyped.";
  untyped.metric.resize(1);
  untyped.metric[0].untyped.value = 2.5;
  untyped.metric[0].timestamp_ms = 1'700'000'000'123;
  out.push_back(untyped);
  return out;
}

ParsedPage only_own(Format format) {
  ExpositionOptions options;
  options.families.clear();
  return parse_page(page_of(format, {}, own_metrics(), options));
}

bool is_bound(const std::string& label) { return label == "le" || label == "quantile"; }

bool same_number(double a, double b) {
  // prometheus-cpp prints 16 digits, one less than it takes.
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-15 * std::abs(a);
}

BOOST_AUTO_TEST_SUITE(own_families_test)

BOOST_AUTO_TEST_CASE(text_page_says_the_same_as_the_text_serializer_of_prometheus_cpp) {
  const ParsedPage ours = only_own(Format::Text);
  const ParsedPage oracle = parse_page(prometheus::TextSerializer().Serialize(own_metrics()));
  BOOST_TEST(ours.error == "");
  BOOST_TEST(oracle.error == "");
  BOOST_REQUIRE(ours.families.size() == 5U);
  BOOST_REQUIRE(oracle.families.size() == ours.families.size());
  for (std::size_t f = 0; f < ours.families.size(); ++f) {
    const auto& a = ours.families[f];
    const auto& b = oracle.families[f];
    BOOST_TEST_CONTEXT(a.name) {
      BOOST_TEST(a.name == b.name);
      BOOST_TEST(a.type == b.type);
      // prometheus-cpp leaves line feeds in help texts out of its escaping; ours are compared
      // below.
      if (f != 0) BOOST_TEST(a.help == b.help);
      BOOST_REQUIRE(a.samples.size() == b.samples.size());
      for (const auto& sample : a.samples) {
        std::size_t matches = 0;
        for (const auto& other : b.samples) {
          bool is_same = sample.name == other.name && sample.timestamp == other.timestamp &&
                         same_number(sample.value, other.value) &&
                         sample.labels.size() == other.labels.size();
          for (const auto& [name, value] : sample.labels) {
            const auto found = other.labels.find(name);
            is_same = is_same && found != other.labels.end() &&
                      (found->second == value ||
                       (is_bound(name) &&
                        core::parse_number(value) == core::parse_number(found->second)));
          }
          matches += is_same ? 1 : 0;
        }
        BOOST_TEST(matches == 1U);
      }
    }
  }
}

/// prometheus-cpp does not escape help texts, so that it cannot be asked about these.
BOOST_AUTO_TEST_CASE(help_texts_read_back_in_both_formats) {
  const ExpositionOptions none{.families = {}};
  const auto own = own_metrics(kHostileHelp);
  const std::string text = page_of(Format::Text, {}, own, none);
  const std::string open = page_of(Format::OpenMetrics, {}, own, none);
  for (const std::string& page : {text, open}) {
    const ParsedPage parsed = parse_page(page);
    BOOST_TEST(parsed.error == "");
    BOOST_TEST(parsed.families[0].help == kHostileHelp);
  }
  BOOST_TEST(text.starts_with(
      R"(# HELP anomaly_exporter_samples_processed_total Samples processed.\nSecond "line" \\ end.)"));
  BOOST_TEST(open.starts_with(
      R"(# HELP anomaly_exporter_samples_processed Samples processed.\nSecond \"line\" \\ end.)"));
}

BOOST_AUTO_TEST_CASE(openmetrics_says_the_same_as_text_in_its_own_spelling) {
  const ParsedPage text = only_own(Format::Text);
  const ParsedPage open = only_own(Format::OpenMetrics);
  BOOST_TEST(open.error == "");
  BOOST_TEST(open.ended);
  BOOST_TEST(!text.ended);
  BOOST_REQUIRE(open.families.size() == text.families.size());
  BOOST_TEST(open.families[0].name == "anomaly_exporter_samples_processed");
  BOOST_TEST(open.families[0].type == "counter");
  BOOST_TEST(open.families[0].samples[0].name == "anomaly_exporter_samples_processed_total");
  BOOST_TEST(open.families[2].unit == "seconds");
  BOOST_TEST(text.families[2].unit == "");
  BOOST_TEST(open.families[4].type == "unknown");
  BOOST_TEST(open.families[4].samples[0].timestamp == "1700000000.123");
  for (std::size_t f = 0; f < text.families.size(); ++f) {
    BOOST_REQUIRE(open.families[f].samples.size() == text.families[f].samples.size());
    for (std::size_t s = 0; s < text.families[f].samples.size(); ++s) {
      const auto& a = text.families[f].samples[s];
      const auto& b = open.families[f].samples[s];
      BOOST_TEST(a.name == b.name);
      BOOST_TEST((a.value == b.value || std::isnan(a.value)));
    }
  }
}

BOOST_AUTO_TEST_CASE(bounds_are_spelled_as_other_programs_spell_them) {
  const auto bounds = [](const ParsedPage& page) {
    std::vector<std::string> out;
    for (const auto& sample : page.family("anomaly_exporter_detection_latency_seconds")->samples) {
      if (sample.name.ends_with("_bucket")) out.push_back(sample.labels.at("le"));
    }
    return out;
  };
  const std::vector<std::string> text = {"0.0001", "0.01",   "0.5",   "1",
                                         "60",     "250000", "1e+07", "+Inf"};
  const std::vector<std::string> open = {"0.0001", "0.01",     "0.5",   "1.0",
                                         "60.0",   "250000.0", "1e+07", "+Inf"};
  BOOST_TEST(bounds(only_own(Format::Text)) == text, boost::test_tools::per_element());
  BOOST_TEST(bounds(only_own(Format::OpenMetrics)) == open, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_counter_without_the_suffix_gets_it_where_the_format_demands_it) {
  prometheus::MetricFamily family;
  family.name = "requests";
  family.help = "Requests.";
  family.type = prometheus::MetricType::Counter;
  family.metric.resize(1);
  const ExpositionOptions none{.families = {}};
  BOOST_TEST(page_of(Format::Text, {}, {family}, none) ==
             "# HELP requests Requests.\n# TYPE requests counter\nrequests 0\n");
  BOOST_TEST(page_of(Format::OpenMetrics, {}, {family}, none) ==
             "# HELP requests Requests.\n# TYPE requests counter\nrequests_total 0\n# EOF\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
