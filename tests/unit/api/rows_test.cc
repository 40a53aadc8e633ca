#include "anomaly_exporter/api/rows.h"

#include "fake_snapshots.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::api {
namespace {

using exposition::MonitorSnapshot;
using exposition::SnapshotStore;
using support::fake_snapshot;

BOOST_AUTO_TEST_SUITE(rows_test)

BOOST_AUTO_TEST_CASE(label_text_is_read_back_as_it_was_written) {
  const auto labels = parse_label_text(R"(a="x,y=\"z\"\\\n","with.dot"="1",b="")");
  BOOST_REQUIRE_EQUAL(labels.size(), 3U);
  BOOST_TEST(labels[0].name == "a");
  BOOST_TEST(labels[0].value == "x,y=\"z\"\\\n");
  BOOST_TEST(labels[1].name == "with.dot");
  BOOST_TEST(labels[2].value == "");
}

BOOST_AUTO_TEST_CASE(broken_label_text_ends_the_list) {
  BOOST_TEST(parse_label_text("").empty());
  BOOST_TEST(parse_label_text("a").empty());
  BOOST_TEST(parse_label_text("a=").empty());
  BOOST_TEST(parse_label_text("a=\"x").empty());
  BOOST_TEST(parse_label_text("a=\"x\\").empty());
  BOOST_TEST(parse_label_text("a=\"1\" b=\"2\"").size() == 1U);
}

BOOST_AUTO_TEST_CASE(highest_scores_come_first_and_rows_without_one_last) {
  const auto a = fake_snapshot("a", {{.labels = "i=\"1\""}, {.labels = "i=\"2\"", .score = 0.2F}});
  const auto b = fake_snapshot("b", {{.labels = "i=\"3\"", .score = 0.9F}});
  const SelectedRows selected = select_rows({a, b}, {});
  BOOST_TEST(selected.matched == 3U);
  BOOST_REQUIRE_EQUAL(selected.rows.size(), 3U);
  BOOST_TEST(selected.rows[0].snapshot->monitor == "b");
  BOOST_TEST(selected.rows[1].index == 1U);
  BOOST_TEST(!selected.rows[2].is_scored());
}

BOOST_AUTO_TEST_CASE(filters_narrow_the_rows_and_the_limit_cuts_them) {
  const auto a = fake_snapshot("a", {{.labels = "i=\"1\"", .score = 0.1F},
                                     {.labels = "i=\"1\"", .metric = 1, .score = 0.7F},
                                     {.labels = "i=\"2\""}});
  const auto b = fake_snapshot("b", {{.labels = "i=\"1\"", .score = 0.9F}});
  RowFilter filter;
  filter.monitor = "a";
  BOOST_TEST(select_rows({a, b}, filter).matched == 3U);
  filter.metric = "idle";
  BOOST_TEST(select_rows({a, b}, filter).matched == 1U);
  filter = {};
  filter.min_score = 0.5;
  BOOST_TEST(select_rows({a, b}, filter).matched == 2U);
  filter.limit = 1;
  BOOST_TEST(select_rows({a, b}, filter).matched == 2U);
  BOOST_REQUIRE_EQUAL(select_rows({a, b}, filter).rows.size(), 1U);
  BOOST_TEST(select_rows({a, b}, filter).rows[0].snapshot->monitor == "b");
}

BOOST_AUTO_TEST_CASE(a_snapshot_before_its_first_tick_has_no_rows) {
  const auto empty = std::make_shared<MonitorSnapshot>();
  BOOST_TEST(row_count(*empty) == 0U);
  BOOST_TEST(select_rows({empty}, {}).rows.empty());
}

BOOST_AUTO_TEST_CASE(a_row_without_a_score_says_why) {
  const auto s =
      fake_snapshot("a", {{.labels = "i=\"1\"", .score = 0.1F},
                          {.labels = "i=\"2\""},
                          {.labels = "i=\"3\"", .extra_flags = MonitorSnapshot::kMissing}});
  const auto reason = [&](std::size_t i) { return Row{s.get(), i}.reason(); };
  BOOST_TEST(reason(0) == "");
  BOOST_TEST(reason(1) == "warming up: fewer samples so far than the detectors need");
  BOOST_TEST(reason(2) == "the series had samples before and has none now");
  s->source_up = false;
  BOOST_TEST(reason(2) == "the series had samples before and has none now; its source is down");
}

BOOST_AUTO_TEST_CASE(severity_is_a_word_and_an_unknown_one_is_the_highest) {
  const auto s = fake_snapshot("a", {{.labels = "", .score = 0.1F, .severity = 0},
                                     {.labels = "", .score = 0.1F, .severity = 2},
                                     {.labels = "", .score = 0.1F, .severity = 9},
                                     {.labels = "", .severity = 3}});
  BOOST_TEST((Row{s.get(), 0}.severity()) == "none");
  BOOST_TEST((Row{s.get(), 1}.severity()) == "warning");
  BOOST_TEST((Row{s.get(), 2}.severity()) == "critical");
  BOOST_TEST((Row{s.get(), 3}.severity()) == "critical");  // a crossed limit needs no score
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
