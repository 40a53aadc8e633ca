#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using support::contains;
using support::fake_snapshot;

struct LandingFixture : support::HandlerFixture {
  std::string page(const std::string& query = "") {
    const Response response = get("/", query);
    BOOST_TEST(response.status == 200);
    BOOST_TEST(response.content_type == "text/html; charset=utf-8");
    return response.body;
  }
};

BOOST_FIXTURE_TEST_SUITE(landing_page_test, LandingFixture)

BOOST_AUTO_TEST_CASE(says_that_nothing_was_evaluated_yet) {
  BOOST_TEST(contains(page(), "No monitor has been evaluated so far"));
}

BOOST_AUTO_TEST_CASE(loads_nothing_from_elsewhere_and_runs_no_script) {
  snapshots.publish(fake_snapshot("node", {{.labels = "i=\"1\"", .score = 0.9F}}));
  const std::string html = page();
  for (const char* part : {"http:", "https:", "<script", "src=", "@import", "url("}) {
    BOOST_TEST(!contains(html, part), part);
  }
}

BOOST_AUTO_TEST_CASE(answers_why_there_is_no_score) {
  const auto s = fake_snapshot("node", {{.labels = "i=\"1\""}, {.labels = "i=\"2\""}});
  s->source_up = false;
  s->not_ready = "backfill at 40 %";
  s->metrics[0].last_error = "connection refused";
  s->remarks = {"interval is shorter than the scrape interval"};
  snapshots.publish(s);
  const std::string html = page();
  BOOST_TEST(contains(html, "<b>node</b>: backfill at 40 %"));
  BOOST_TEST(contains(html, "source prom down"));
  BOOST_TEST(contains(html, "connection refused"));
  BOOST_TEST(contains(html, "no series; existing jobs: node, prometheus"));
  BOOST_TEST(contains(html, "2 warming up: fewer samples so far than the detectors need"));
  BOOST_TEST(contains(html, "No series has a score. The monitors below say why."));
  BOOST_TEST(contains(html, "interval is shorter than the scrape interval"));
  BOOST_TEST(contains(html, "evaluated 3s ago"));
}

BOOST_AUTO_TEST_CASE(shows_the_twenty_highest_scores_with_value_and_band) {
  std::vector<support::FakeRow> rows;
  for (int i = 0; i < 25; ++i) {
    rows.push_back({.labels = "instance=\"host" + std::to_string(i) + "\"",
                    .score = 0.01F * static_cast<float>(i + 1),
                    .severity = 3,
                    .value = 12'345'678.0F});
  }
  snapshots.publish(fake_snapshot("node", rows));
  const std::string html = page();
  BOOST_TEST(contains(html, "instance=host24<"));
  BOOST_TEST(contains(html, "instance=host5<"));
  BOOST_TEST(!contains(html, "instance=host4<"));
  BOOST_TEST(contains(html, "0.250"));
  BOOST_TEST(contains(html, "12.35 M"));
  BOOST_TEST(contains(html, "20.25"));
  BOOST_TEST(contains(html, "10 to 30.5"));
  BOOST_TEST(contains(html, "pill critical"));
}

BOOST_AUTO_TEST_CASE(an_alarm_without_a_score_stands_first) {
  snapshots.publish(fake_snapshot("node", {{.labels = "instance=\"scored\"", .score = 0.9F},
                                           {.labels = "instance=\"young\"", .severity = 3},
                                           {.labels = "instance=\"calm\""}}));
  const std::string html = page();
  BOOST_TEST(contains(html, "<b>1</b><span class=\"soft small\">abnormal now"));
  const std::size_t young = html.find("instance=young<"), scored = html.find("instance=scored<");
  BOOST_REQUIRE(young != std::string::npos);
  BOOST_TEST(young < scored);
  BOOST_TEST(!contains(html, "instance=calm<"));
  BOOST_TEST(contains(html, "<td class=\"number\">&ndash;</td>"));
}

BOOST_AUTO_TEST_CASE(hostile_texts_never_become_markup) {
  const std::string evil = "\"><script>alert(1)</script><img src=x onerror='x'>";
  const auto s = fake_snapshot(
      "node", {{.labels = support::hostile_label_text(), .score = 0.9F, .severity = 2}});
  s->monitor = s->source = s->not_ready = evil;
  s->metrics[0] = {evil, evil, 1, evil, evil};
  s->detectors[0] = evil;
  s->remarks = {evil};
  snapshots.publish(s);
  const std::string html = page();
  BOOST_TEST(!contains(html, "<script"));
  BOOST_TEST(!contains(html, "<img"));
  BOOST_TEST(contains(html, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
}

BOOST_AUTO_TEST_CASE(long_texts_are_cut_between_characters) {
  const auto s = fake_snapshot("node", {});
  s->metrics[0].last_error = "x";
  for (int i = 0; i < 1000; ++i) s->metrics[0].last_error += "\xE2\x82\xAC";
  snapshots.publish(s);
  const std::string html = page();
  BOOST_TEST(contains(html, "\xE2\x82\xAC&hellip;"));
  BOOST_TEST(!contains(html, "\xEF\xBF\xBD"));
  BOOST_TEST(html.size() < 20'000U);
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_do_not_break_the_page) {
  const auto s = fake_snapshot("node", {{.labels = "i=\"1\"", .score = 0.9F}});
  s->lower[0] = -std::numeric_limits<float>::infinity();
  s->upper[0] = std::numeric_limits<float>::infinity();
  snapshots.publish(s);
  BOOST_TEST(!contains(page(), "\"nan\""));
  BOOST_TEST(!contains(page(), "\"inf\""));
}

BOOST_AUTO_TEST_CASE(the_refresh_can_be_paused) {
  BOOST_TEST(contains(page(), "http-equiv=\"refresh\""));
  BOOST_TEST(!contains(page("refresh=0"), "http-equiv"));
}

BOOST_AUTO_TEST_CASE(links_are_relative_and_follow_the_telemetry_path) {
  options.telemetry_path = "/own/metrics";
  BOOST_TEST(contains(page(), "href=\"own/metrics\""));
  BOOST_TEST(!contains(page(), "href=\"/"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
