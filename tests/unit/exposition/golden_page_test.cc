#define BOOST_TEST_DYN_LINK
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "anomaly_exporter/core/number_text.h"
#include "page_parser.h"
#include "pages.h"

namespace anomaly_exporter::exposition {
namespace {

using Flag = MonitorSnapshot::Flag;

/// Two monitors with everything that a page can hold, and own metrics of each type in use.
std::string golden_page(Format format) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  SnapshotBuilder node("node");
  node.entity({{"instance", "a:9100"}, {"job", "node"}}, 0.8125F)
      .row("us", {.score = 0.8125F,
                  .value = 97.5F,
                  .expected = 12.25F,
                  .lower = -kInfinity,
                  .upper = 20.1F,
                  .sigmas = 42.5F,
                  .severity = 2,
                  .confidence = {0.875F, 0.75F}})
      .row("fre", {.flags = Flag::kHasValue, .value = 1024})
      .row("tps", {.flags = Flag::kMissing});
  node.entity({{"instance", "b:9100"}, {"job", "node"}, {"rack", "r\"1\"\\\n"}}, 0.01F)
      .row("us", {.score = 0.01F, .confidence = {0.02F}});
  SnapshotBuilder dwcp("dwcp");
  dwcp.entity({{"cluster", "c1"}, {"instance", "n1"}})
      .row("bandwidth", {.flags = Flag::kHasValue, .value = 220, .severity = 3});

  std::vector<prometheus::MetricFamily> own(3);
  own[0].name = "anomaly_exporter_samples_processed_total";
  own[0].help = "Samples processed.";
  own[0].type = prometheus::MetricType::Counter;
  own[0].metric.resize(1);
  own[0].metric[0].label = {{"monitor", "node"}};
  own[0].metric[0].counter.value = 1234567;
  own[1].name = "anomaly_exporter_source_up";
  own[1].help = "Whether the last request to the source succeeded.";
  own[1].type = prometheus::MetricType::Gauge;
  own[1].metric.resize(1);
  own[1].metric[0].label = {{"source", "prom"}};
  own[1].metric[0].gauge.value = 1;
  own[2].name = "anomaly_exporter_detection_latency_seconds";
  own[2].help = "Time from sample to score.";
  own[2].type = prometheus::MetricType::Histogram;
  own[2].metric.resize(1);
  own[2].metric[0].label = {{"stage", "score"}};
  auto& histogram = own[2].metric[0].histogram;
  histogram.sample_count = 3;
  histogram.sample_sum = 1.75;
  histogram.bucket = {{1, 0.01}, {2, 1}, {3, std::numeric_limits<double>::infinity()}};
  return page_of(format, {node.build(), dwcp.build()}, own);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

/// Equal, or equal up to the last word, which is the same number spelled otherwise.
bool same_line(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const std::size_t at = a.rfind(' ');
  if (at == std::string::npos || a.starts_with('#') || b.rfind(' ') != at) return false;
  const auto x = core::parse_number(std::string_view(a).substr(at + 1));
  const auto y = core::parse_number(std::string_view(b).substr(at + 1));
  return a.compare(0, at, b, 0, at) == 0 && x && y && *x == *y;
}

void compare_with_golden(const std::string& page, const std::string& name) {
  const std::string path = std::string(AE_TEST_DATA "/golden/") + name;
  if (std::getenv("AE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << page;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  const auto want = lines_of(golden.str());
  const auto have = lines_of(page);
  BOOST_TEST(have.size() == want.size());
  for (std::size_t i = 0; i < std::min(have.size(), want.size()); ++i) {
    if (!same_line(have[i], want[i])) {
      BOOST_ERROR(name << ":" << i + 1 << ": " << have[i] << " instead of " << want[i]);
    }
  }
}

BOOST_AUTO_TEST_SUITE(golden_page_test)

BOOST_AUTO_TEST_CASE(text_page_is_as_reviewed) {
  compare_with_golden(golden_page(Format::Text), "metrics_page.txt");
}

BOOST_AUTO_TEST_CASE(openmetrics_page_is_as_reviewed) {
  compare_with_golden(golden_page(Format::OpenMetrics), "metrics_page.openmetrics.txt");
}

BOOST_AUTO_TEST_CASE(golden_pages_are_well_formed) {
  BOOST_TEST(parse_page(golden_page(Format::Text)).error == "");
  const ParsedPage open = parse_page(golden_page(Format::OpenMetrics));
  BOOST_TEST(open.error == "");
  BOOST_TEST(open.ended);
}

BOOST_AUTO_TEST_CASE(promtool_finds_nothing_to_complain_about,
                     *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                       return std::system("command -v promtool >/dev/null 2>&1") == 0;
                     })) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("anomaly_exporter_page." + std::to_string(::getpid()) + ".txt");
  std::ofstream(path) << golden_page(Format::Text);
  const std::string command = "promtool check metrics < " + path.string();
  BOOST_TEST(std::system(command.c_str()) == 0);
  std::filesystem::remove(path);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
