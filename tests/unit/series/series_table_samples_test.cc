#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "anomaly_exporter/core/number_text.h"
#include "table_fixture.h"

namespace anomaly_exporter::series {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Refusal {
  const char* name;
  double value;
  core::Duration age;  // of the sample against the tick
  DropReason want;
};
const Refusal kRefusals[] = {
    {"stale marker", core::stale_marker(), {}, DropReason::StaleMarker},
    {"NaN", std::nan(""), {}, DropReason::NotFinite},
    {"+Inf", kInfinity, {}, DropReason::NotFinite},
    {"-Inf", -kInfinity, {}, DropReason::NotFinite},
    {"beyond float", 3.5e38, {}, DropReason::TooLarge},
    {"beyond float, negative", -1e300, {}, DropReason::TooLarge},
    {"too old by a millisecond", 1, std::chrono::milliseconds(300'001), DropReason::TooOld},
    {"before all time", 1, core::Duration(1'700'000'000'000 + (std::int64_t{1} << 62U)),
     DropReason::TooOld},
    {"an hour ahead", 1, std::chrono::hours(-1), DropReason::InFuture},
    {"ahead by a millisecond too much", 1, std::chrono::milliseconds(-10'001),
     DropReason::InFuture},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(series_table_samples_test)

BOOST_AUTO_TEST_CASE(samples_that_cannot_be_used_are_absent_and_counted) {
  for (const Refusal& c : kRefusals) {
    BOOST_TEST_CONTEXT(c.name) {
      TableFixture f;
      const auto a = host("a");
      f.begin();  // as a new series it is not even admitted
      f.place({{a, {f.now - c.age, c.value}}});
      f.end();
      BOOST_TEST(f.table.entities() == 0U);
      BOOST_TEST(f.dropped(c.want) == 1U);
      f.tick({a});
      f.begin();
      f.place({{a, {f.now - c.age, c.value}}, f.at_tick(host("b"))});
      f.end();
      BOOST_TEST(!f.value(a).has_value());
      BOOST_TEST(f.value(host("b")).has_value());
      BOOST_TEST(f.dropped(c.want) == 2U);
      f.tick({a});
      BOOST_TEST(f.value(a).has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(samples_at_the_edge_of_the_tolerance_are_used) {
  TableFixture f;
  const auto a = host("a");
  f.begin();
  f.place({{a, {f.now - std::chrono::minutes(5), 1}}});
  f.end();
  BOOST_TEST(f.value(a).has_value());
  f.begin();
  f.place({{a, {f.now + std::chrono::seconds(10), std::numeric_limits<float>::max()}}});
  f.end();
  BOOST_TEST(f.value(a).value() == std::numeric_limits<float>::max());
}

BOOST_AUTO_TEST_CASE(the_same_scrape_read_again_is_used_and_counted) {
  TableFixture f;
  const auto a = host("a");
  const core::Timestamp scrape = f.now - std::chrono::seconds(3);
  for (int i = 0; i < 3; ++i) {
    f.begin();
    f.place({{a, {scrape, 7}}});
    f.end();
    BOOST_TEST(f.value(a).value() == 7.0F);
  }
  BOOST_TEST(f.dropped(DropReason::DuplicateSample) == 2U);
}

BOOST_AUTO_TEST_CASE(a_sample_older_than_the_newest_of_its_row_is_refused) {
  TableFixture f;
  const auto a = host("a");
  f.tick({a});
  f.begin();
  f.place({{a, {f.now - std::chrono::seconds(11), 5}}});
  f.end();
  BOOST_TEST(!f.value(a).has_value());
  BOOST_TEST(f.dropped(DropReason::OutOfOrder) == 1U);
}

BOOST_AUTO_TEST_CASE(a_clock_set_back_does_not_silence_the_series) {
  TableFixture f;
  const auto a = host("a");
  f.tick({a});
  f.now = f.now - std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) {
    f.tick({a});
    BOOST_TEST(f.value(a).has_value());
  }
  BOOST_TEST(f.dropped(DropReason::OutOfOrder) == 0U);
  BOOST_TEST(f.table.entities() == 1U);
}

BOOST_AUTO_TEST_CASE(an_out_of_order_series_does_not_take_a_row_over) {
  SeriesTableOptions options;
  options.group_by = {"instance"};
  TableFixture f(options);
  const auto owner = labels({{"instance", "a"}, {"pod", "2"}});
  const auto leftover = labels({{"instance", "a"}, {"pod", "1"}});
  f.tick({owner});
  f.begin();
  f.place({{leftover, {f.now - std::chrono::minutes(2), 1}}});
  f.end();
  BOOST_TEST(f.dropped(DropReason::OutOfOrder) == 1U);
  f.tick({owner});
  BOOST_TEST(f.value(owner).has_value());
}

BOOST_AUTO_TEST_CASE(a_missing_label_set_is_counted_as_invalid) {
  TableFixture f;
  f.begin();
  f.place({{nullptr, {f.now, 1}}, f.at_tick(host("a"))});
  f.end();
  BOOST_TEST(f.dropped(DropReason::InvalidLabels) == 1U);
  BOOST_TEST(f.table.entities() == 1U);
  BOOST_TEST(!f.table.find(0, nullptr).has_value());
}

BOOST_AUTO_TEST_CASE(label_sets_beyond_the_limits_are_refused) {
  TableFixture f({}, {.labels_per_series = 3, .label_value_bytes = 10});
  f.tick({labels({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}})});
  BOOST_TEST(f.dropped(DropReason::LabelLimit) == 1U);
  f.tick({labels({{"a", "12345678901"}})});
  BOOST_TEST(f.dropped(DropReason::LabelLimit) == 2U);
  f.tick({labels({{"a2345678901", "1"}})});
  BOOST_TEST(f.dropped(DropReason::LabelLimit) == 3U);
  BOOST_TEST(f.table.entities() == 0U);
  f.tick({labels({{"a", "1"}, {"b", "2"}, {"c", "1234567890"}})});
  BOOST_TEST(f.table.entities() == 1U);
}

BOOST_AUTO_TEST_CASE(families_of_our_own_do_not_come_in) {
  SeriesTableOptions options;
  const auto ours = labels({{"__name__", "anomaly_score"}, {"instance", "a"}});
  TableFixture open(options);
  open.tick({ours});
  BOOST_TEST(open.table.entities() == 1U);
  options.own_families = {"anomaly_score", "anomaly_value"};
  TableFixture closed(options);
  closed.tick({ours, labels({{"__name__", "anomaly_scores_of_others"}, {"instance", "a"}})});
  BOOST_TEST(closed.table.entities() == 1U);
  BOOST_TEST(closed.dropped(DropReason::OwnOutput) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
