#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "table_fixture.h"

namespace anomaly_exporter::series {
namespace {

/// Expires after 30 s, that is, at the fourth tick without a sample.
SeriesTableOptions short_lived() {
  SeriesTableOptions options;
  options.expire_after = std::chrono::seconds(30);
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(series_table_expiry_test)

BOOST_AUTO_TEST_CASE(an_entity_unseen_for_long_is_removed) {
  TableFixture f(short_lived());
  f.tick({host("a"), host("b")});
  for (int i = 0; i < 3; ++i) {
    f.tick({host("b")});
    BOOST_TEST(f.table.entities() == 2U);
  }
  const auto generation = f.table.generation();
  f.tick({host("b")});
  BOOST_TEST(f.table.entities() == 1U);
  BOOST_TEST(f.table.series() == 1U);
  BOOST_TEST(f.table.live(0) == 0b10U);
  BOOST_TEST(f.table.known(0, 0) == 0b10U);
  BOOST_TEST(!f.table.last_seen(0).has_value());
  BOOST_TEST(f.budget.total() == 1U);
  BOOST_TEST(f.table.capacity() == 2U);
  BOOST_TEST(f.table.generation() != generation);
}

/// Ticks of an entity of two metrics.
struct TwoMetrics : TableFixture {
  TwoMetrics() : TableFixture(options()) {}
  static SeriesTableOptions options() {
    SeriesTableOptions o = short_lived();
    o.metrics = {"us", "sy"};
    return o;
  }
  void both() {
    begin();
    place(at_tick({host("a")}), 0);
    place(at_tick({host("a")}), 1);
    end();
  }
};

BOOST_FIXTURE_TEST_CASE(one_series_keeps_the_entity_while_the_other_is_forgotten, TwoMetrics) {
  both();
  for (int i = 0; i < 3; ++i) {
    tick({host("a")});
    BOOST_TEST(table.known(0, 1) == 1U);
  }
  const auto generation = table.generation();
  tick({host("a")});  // the fourth without it, as for a whole entity
  BOOST_TEST(table.known(0, 0) == 1U);
  BOOST_TEST(table.known(0, 1) == 0U);
  BOOST_TEST(!table.last_seen(row_of(0, 1, 2)).has_value());
  BOOST_TEST(table.series() == 1U);
  BOOST_TEST(budget.total() == 1U);
  BOOST_TEST(table.generation() != generation);
  const auto changes = table.take_changes();
  BOOST_TEST(changes.removed.empty());
  BOOST_TEST(changes.forgotten == std::vector<Row>{row_of(0, 1, 2)},
             boost::test_tools::per_element());
  both();  // it returns
  BOOST_TEST(table.known(0, 1) == 1U);
  BOOST_TEST(budget.total() == 2U);
  BOOST_TEST(table.entities() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_series_that_returns_in_time_is_not_forgotten, TwoMetrics) {
  for (int round = 0; round < 5; ++round) {
    both();
    for (int i = 0; i < 3; ++i) tick({host("a")});
  }
  BOOST_TEST(table.known(0, 1) == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_source_that_is_down_forgets_no_single_series, TwoMetrics) {
  both();
  for (int i = 0; i < 100; ++i) tick({host("a")}, false);  // the other query failed
  BOOST_TEST(table.known(0, 1) == 1U);
}

BOOST_AUTO_TEST_CASE(series_that_bring_only_unusable_samples_expire) {
  TableFixture f(short_lived());
  f.tick({host("a")});
  for (int i = 0; i < 4; ++i) {
    f.begin();
    f.place({{host("a"), {f.now, std::nan("")}}});
    f.end();
  }
  BOOST_TEST(f.table.entities() == 0U);
}

BOOST_AUTO_TEST_CASE(a_source_that_is_down_expires_nothing) {
  TableFixture f(short_lived());
  f.tick({host("a"), host("b")});
  for (int i = 0; i < 100; ++i) f.tick({}, false);
  BOOST_TEST(f.table.entities() == 2U);
  // When it is back, the clock of expiry goes on where it stood.
  f.tick({host("a")});
  BOOST_TEST(f.table.entities() == 2U);
  for (int i = 0; i < 4; ++i) f.tick({host("a")});
  BOOST_TEST(f.table.entities() == 1U);
}

BOOST_AUTO_TEST_CASE(a_source_that_fails_now_and_then_does_not_stop_expiry) {
  TableFixture f(short_lived());
  f.tick({host("a")});
  for (int i = 0; i < 20; ++i) f.tick({}, i % 3 != 0);
  BOOST_TEST(f.table.entities() == 0U);
}

BOOST_AUTO_TEST_CASE(a_clock_set_back_expires_nothing) {
  TableFixture f(short_lived());
  f.tick({host("a"), host("b")});
  f.now = f.now - std::chrono::hours(2);
  f.tick({host("a")});
  f.tick({host("a"), host("b")});
  BOOST_TEST(f.table.entities() == 2U);
}

BOOST_AUTO_TEST_CASE(freed_numbers_are_used_again_lowest_first) {
  TableFixture f(short_lived());
  f.tick({host("a"), host("b"), host("c"), host("d")});
  for (int i = 0; i < 4; ++i) f.tick({host("b")});
  BOOST_TEST(f.table.live(0) == 0b0010U);
  f.tick({host("b"), host("x"), host("y")});
  BOOST_TEST(f.entity(host("x")) == 0U);
  BOOST_TEST(f.entity(host("y")) == 2U);
  f.tick({host("b"), host("z"), host("zz")});
  BOOST_TEST(f.entity(host("z")) == 3U);
  BOOST_TEST(f.entity(host("zz")) == 4U);
}

BOOST_AUTO_TEST_CASE(a_returning_entity_starts_afresh) {
  TableFixture f(short_lived());
  const auto a = host("a");
  f.begin();
  f.place({f.at_tick(a, 1)});
  f.end();
  f.begin();
  f.place({f.at_tick(a, 5)});
  f.end();
  BOOST_TEST(f.table.last_seen(0).has_value());
  for (int i = 0; i < 4; ++i) f.tick({});
  BOOST_TEST(f.table.entities() == 0U);
  f.tick({a});
  BOOST_TEST(f.entity(a) == 0U);
}

BOOST_AUTO_TEST_CASE(changes_are_told_once_and_in_order) {
  TableFixture f(short_lived());
  const auto check = [&](const std::vector<Entity>& removed, const std::vector<Entity>& admitted) {
    const auto changes = f.table.take_changes();
    BOOST_TEST(changes.removed == removed, boost::test_tools::per_element());
    BOOST_TEST(changes.admitted == admitted, boost::test_tools::per_element());
  };
  f.tick({host("b"), host("a"), host("c")});
  check({}, {0, 1, 2});
  check({}, {});
  for (int i = 0; i < 4; ++i) f.tick({host("b")});
  check({0, 2}, {});
  f.tick({host("b"), host("d")});
  check({}, {0});
  // Admitted and gone before anybody asked: nothing lives there any more.
  f.tick({host("b"), host("e")});
  for (int i = 0; i < 4; ++i) f.tick({host("b")});
  check({0, 2}, {});
}

BOOST_AUTO_TEST_CASE(restored_entities_wait_for_their_series) {
  TableFixture f(short_lived());
  const auto a = host("a");
  BOOST_TEST(f.table.restore_entity(*host("b")).value() == 0U);
  BOOST_TEST(f.table.restore_entity(*a).value() == 1U);
  BOOST_TEST(f.table.restore_entity(*a).value() == 1U);  // again
  BOOST_TEST(f.table.entities() == 2U);
  BOOST_TEST(f.table.series() == 0U);
  BOOST_TEST(f.budget.total() == 2U);
  BOOST_TEST(f.table.output_labels(1).text() == R"({instance="a"})");
  BOOST_TEST(f.table.take_changes().admitted.size() == 2U);
  f.tick({a});
  BOOST_TEST(f.entity(a) == 1U);
  BOOST_TEST(f.budget.total() == 2U);
  for (int i = 0; i < 4; ++i) f.tick({a});
  BOOST_TEST(f.table.entities() == 1U);  // b never came
  BOOST_TEST(f.budget.total() == 1U);
}

BOOST_AUTO_TEST_CASE(a_restored_entity_uses_its_place_even_when_the_table_is_full) {
  TableFixture f({}, {.series = 2});
  BOOST_TEST(f.table.restore_entity(*host("z")).has_value());
  f.tick({host("a"), host("b"), host("z")});
  BOOST_TEST(f.value(host("z")).has_value());
  BOOST_TEST(f.value(host("a")).has_value());
  BOOST_TEST(!f.value(host("b")).has_value());
  BOOST_TEST(!f.table.restore_entity(*host("c")).has_value());
}

BOOST_AUTO_TEST_CASE(entities_can_be_restored_to_their_numbers) {
  TableFixture f({}, {.series = 100});
  BOOST_TEST(f.table.restore_entity(*host("a"), 70).value() == 70U);
  BOOST_TEST(f.table.restore_entity(*host("b"), 3).value() == 3U);
  BOOST_TEST(!f.table.restore_entity(*host("c"), 3).has_value());    // taken
  BOOST_TEST(!f.table.restore_entity(*host("c"), 100).has_value());  // beyond the limit
  BOOST_TEST(!f.table.restore_entity(*host("c"), 4'000'000'000U).has_value());
  BOOST_TEST(f.table.capacity() == 71U);
  BOOST_TEST(f.table.live(1) == bit(6));
  f.tick({host("a"), host("b"), host("n")});
  BOOST_TEST(f.entity(host("a")) == 70U);
  BOOST_TEST(f.entity(host("n")) == 0U);
}

BOOST_AUTO_TEST_CASE(keys_of_other_labels_are_not_restored) {
  SeriesTableOptions options;
  options.group_by = {"job"};
  TableFixture f(options);
  BOOST_TEST(!f.table.restore_entity(*labels({{"job", "x"}, {"instance", "a"}})).has_value());
  BOOST_TEST(!f.table.restore_entity(*labels({{"__name__", "x"}})).has_value());
  BOOST_TEST(f.table.restore_entity(*labels({{"job", "x"}})).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
