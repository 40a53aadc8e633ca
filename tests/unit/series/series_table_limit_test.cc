#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "table_fixture.h"

namespace anomaly_exporter::series {
namespace {

std::string padded(int n) {
  const std::string digits = std::to_string(n);
  return std::string(6 - digits.size(), '0') + digits;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(series_table_limit_test)

BOOST_AUTO_TEST_CASE(ten_times_the_limit_leaves_the_admitted_series_unharmed) {
  constexpr int kLimit = 500;
  TableFixture f({}, {.series = kLimit});
  std::vector<core::LabelsPtr> all;
  for (int i = 0; i < 10 * kLimit; ++i) all.push_back(host(padded(i)));
  std::size_t bytes = 0;
  for (int tick = 0; tick < 5; ++tick) {
    std::vector<LabelledSample> answer;
    for (auto it = all.rbegin(); it != all.rend(); ++it) answer.push_back(f.at_tick(*it));
    f.begin();
    f.place(answer);
    f.end();
    if (tick == 0) bytes = f.table.memory_bytes();
    BOOST_TEST(f.table.entities() == kLimit);
    BOOST_TEST(f.table.capacity() == kLimit);
    BOOST_TEST(f.dropped(DropReason::SeriesLimit) == 9U * kLimit * static_cast<unsigned>(tick + 1));
    for (int i = 0; i < kLimit; ++i) {
      BOOST_REQUIRE(f.value(all[static_cast<std::size_t>(i)]).has_value());
    }
  }
  BOOST_TEST(f.table.memory_bytes() <= bytes + 100);  // the one remark
  const auto remarks = f.table.take_remarks();
  BOOST_REQUIRE_EQUAL(remarks.size(), 1U);
  BOOST_TEST(remarks[0].find(padded(kLimit)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(tables_of_one_source_share_its_limit) {
  SeriesBudget budget({.series = 100, .series_per_source = 3});
  DropCounters drops;
  SeriesTableOptions options;
  options.source = "prom";
  options.metrics = {"us"};
  SeriesTable one(options, budget, drops);
  SeriesTable two(options, budget, drops);
  TickValues out;
  const auto feed = [&](SeriesTable& table, const std::vector<std::string>& names) {
    std::vector<LabelledSample> answer;
    for (const auto& name : names) answer.push_back({host(name), {{1000}, 1}});
    table.begin({1000}, out);
    table.place(0, answer, out);
    table.end({1000}, true);
  };
  feed(one, {"a", "b"});
  feed(two, {"a", "b"});
  BOOST_TEST(one.series() == 2U);
  BOOST_TEST(two.series() == 1U);
  BOOST_TEST(drops.value(DropReason::SeriesLimit) == 1U);
}

BOOST_AUTO_TEST_CASE(the_entity_unseen_longest_makes_room) {
  TableFixture f({}, {.series = 3});
  f.tick({host("a"), host("b"), host("c")});
  f.tick({host("a"), host("b")});
  f.tick({host("a")});
  f.tick({host("a"), host("d")});  // c goes
  BOOST_TEST(f.entity(host("d")) == 2U);
  BOOST_TEST(f.table.entities() == 3U);
  f.tick({host("a"), host("e")});  // then b
  BOOST_TEST(f.entity(host("e")) == 1U);
  BOOST_TEST(!f.table.find(0, host("b")).has_value());
  BOOST_TEST(!f.table.find(0, host("c")).has_value());
  BOOST_TEST(f.value(host("a")).has_value());
  BOOST_TEST(f.dropped(DropReason::SeriesLimit) == 0U);
}

BOOST_AUTO_TEST_CASE(equally_unseen_entities_go_by_number) {
  TableFixture f({}, {.series = 3});
  f.tick({host("a"), host("b"), host("c")});
  for (int i = 0; i < 2; ++i) f.tick({});
  f.tick({host("x")});
  BOOST_TEST(f.entity(host("x")) == 0U);
  BOOST_TEST(f.entity(host("b")) == 1U);
}

BOOST_AUTO_TEST_CASE(an_entity_seen_in_the_last_tick_is_not_evicted) {
  SeriesTableOptions options;
  options.metrics = {"us", "sy"};
  TableFixture f(options, {.series = 2});
  f.begin();
  f.place({}, 0);
  f.place(f.at_tick({host("a"), host("b")}), 1);
  f.end();
  f.tick({}, true);  // nothing: a and b have missed one whole tick now
  f.begin();
  f.place(f.at_tick({host("c")}), 0);
  f.place(f.at_tick({host("a"), host("b")}), 1);
  f.end();
  BOOST_TEST(f.table.find(0, host("c")).has_value());  // took the place of a
  f.begin();
  f.place(f.at_tick({host("d")}), 0);  // c and b were there a tick ago
  f.place(f.at_tick({host("b")}), 1);
  f.end();
  BOOST_TEST(!f.table.find(0, host("d")).has_value());
  BOOST_TEST(f.value(host("b"), 1).has_value());
}

BOOST_AUTO_TEST_CASE(an_outage_of_the_source_makes_nobody_evictable) {
  TableFixture f({}, {.series = 2});
  f.tick({host("a"), host("b")});
  f.tick({host("a"), host("b")});
  for (int i = 0; i < 10; ++i) f.tick({}, false);
  f.tick({host("c")});
  BOOST_TEST(!f.table.find(0, host("c")).has_value());
  BOOST_TEST(f.table.entities() == 2U);
}

BOOST_AUTO_TEST_CASE(the_entity_that_wants_a_place_does_not_evict_itself) {
  SeriesTableOptions options;
  options.metrics = {"us", "sy"};
  TableFixture f(options, {.series = 1});
  f.tick({host("a")});
  f.tick({});
  f.tick({});
  f.begin();
  f.place(f.at_tick({host("a")}), 1);
  f.end();
  BOOST_TEST(f.table.entities() == 1U);
  BOOST_TEST(!f.table.find(1, host("a")).has_value());
  BOOST_TEST(f.dropped(DropReason::SeriesLimit) == 1U);
}

BOOST_AUTO_TEST_CASE(an_evicted_number_is_reported_as_removed_and_admitted) {
  TableFixture f({}, {.series = 2});
  f.tick({host("a"), host("b")});
  f.table.take_changes();
  f.tick({host("b")});
  f.tick({host("b"), host("c")});
  const auto changes = f.table.take_changes();
  BOOST_TEST(changes.removed == std::vector<Entity>{0}, boost::test_tools::per_element());
  BOOST_TEST(changes.admitted == std::vector<Entity>{0}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
