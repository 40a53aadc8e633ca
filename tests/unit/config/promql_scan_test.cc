#define BOOST_TEST_DYN_LINK
#include "promql_scan.h"

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

namespace anomaly_exporter::config {
namespace {

bool names_own_family(std::string_view text) {
  const auto names = scan_promql(text).names;
  return std::any_of(names.begin(), names.end(), is_own_family);
}

struct Case {
  const char* text;
  bool is_own;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.text; }

const Case kCases[] = {
    {"anomaly_score", true},
    {"max(anomaly_score{job=\"a\"})", true},
    {"sum by (job) (anomaly_exporter_series)", true},
    {"{__name__=\"anomaly_score\"}", true},
    {"{__name__=~\"up|anomaly_severity\"}", true},
    {"{\"anomaly_score\", job=\"a\"}", true},
    {"up + on (job) group_left (x) anomaly_value", true},
    {"up # comment\n + anomaly_value", true},
    {"anomaly_scores", false},
    {"my_anomaly_score", false},
    {"up{__name__!=\"anomaly_score\"}", false},
    {"up{anomaly_score=\"1\"}", false},
    {"up{job=\"anomaly_score\"}", false},
    {"label_replace(up, \"anomaly_score\", \"$1\", 'job', `(.*)`)", false},
    {"sum by (anomaly_score, job) (up)", false},
    {"sum(up) without (anomaly_score)", false},
    {"up # anomaly_score", false},
    {"up{job=\"\\\"\", x='anomaly_score'}", false},
    {"rate(up[5m]) offset 1h", false},
};

BOOST_AUTO_TEST_SUITE(promql_scan_test)

BOOST_DATA_TEST_CASE(own_families_are_found_where_a_metric_can_stand,
                     boost::unit_test::data::make(kCases), c) {
  BOOST_TEST(names_own_family(c.text) == c.is_own);
  BOOST_TEST(scan_promql(c.text).fault == "");
}

BOOST_AUTO_TEST_CASE(open_ends_are_faults) {
  BOOST_TEST(scan_promql("sum(up").fault == "has an open \"(\"");
  BOOST_TEST(scan_promql("sum(up]").fault == "has a \"]\" that closes nothing");
  BOOST_TEST(scan_promql("up)").fault == "has a \")\" that closes nothing");
  BOOST_TEST(scan_promql("up{a=\"b}").fault == "has an open string");
  BOOST_TEST(scan_promql("up{a=\"b\\").fault == "has an open string");
  BOOST_TEST(scan_promql("rate(up[$w])").fault == "holds the unknown placeholder $w");
}

BOOST_AUTO_TEST_CASE(ranged_selectors_and_the_rate_window_are_found) {
  const auto scan = scan_promql("rate(a:b_total{x=\"[\"} [$rate_window]) / rate(c[5m]) + d");
  BOOST_TEST(scan.uses_rate_window);
  BOOST_TEST_REQUIRE(scan.ranged_selectors.size() == 2U);
  BOOST_TEST(scan.ranged_selectors[0] == "a:b_total{x=\"[\"}");
  BOOST_TEST(scan.ranged_selectors[1] == "c");
  BOOST_TEST(scan_promql("delta({x=\"y\"}[1h])").ranged_selectors.at(0) == "{x=\"y\"}");
}

BOOST_AUTO_TEST_CASE(matchers_are_taken_from_braces_alone) {
  BOOST_TEST(matchers_of("{job=\"a\", instance =~ 'b.*',}").value() ==
             "job=\"a\",instance =~ 'b.*'");
  for (const char* bad : {"", "{}", "job=\"a\"", "up{job=\"a\"}", "{job=a}", "{job}", "{job=\"a\"",
                          "{job=\"a\"}[5m]", "{__name__=\"up\"}", "{job==\"a\"}", "{,}",
                          "{job=\"a\" x=\"b\"}", "{\"up\"}", "{a:b=\"c\"}"}) {
    BOOST_TEST(!matchers_of(bad).has_value(), bad);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
