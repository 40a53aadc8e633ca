#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "table_fixture.h"

namespace anomaly_exporter::series {
namespace {

SeriesTableOptions two_metrics() {
  SeriesTableOptions options;
  options.metrics = {"us", "fre"};
  options.group_by = {"instance"};
  return options;
}

/// One tick with one series per metric of the same entity.
void feed(TableFixture& f, const core::LabelsPtr& us, const core::LabelsPtr& fre) {
  f.begin();
  if (us != nullptr) f.place({f.at_tick(us)}, 0);
  if (fre != nullptr) f.place({f.at_tick(fre)}, 1);
  f.end();
}

const core::LabelsPtr kUs = labels(
    {{"__name__", "cpu"}, {"instance", "a"}, {"job", "node"}, {"mode", "user"}, {"rack", "r1"}});
const core::LabelsPtr kFre =
    labels({{"__name__", "memory"}, {"instance", "a"}, {"job", "node"}, {"rack", "r2"}});

}  // namespace

BOOST_AUTO_TEST_SUITE(series_table_outputs_test)

BOOST_AUTO_TEST_CASE(carries_the_labels_that_all_series_of_the_entity_share) {
  TableFixture f(two_metrics());
  feed(f, kUs, nullptr);
  BOOST_TEST(f.table.output_labels(0).text() ==
             R"({instance="a",job="node",mode="user",rack="r1"})");
  const auto generation = f.table.generation();
  feed(f, kUs, kFre);
  BOOST_TEST(f.table.generation() != generation);
  BOOST_TEST(f.table.output_labels(0).text() == R"({instance="a",job="node"})");
}

BOOST_AUTO_TEST_CASE(carries_the_chosen_labels_on_which_the_series_agree) {
  SeriesTableOptions options = two_metrics();
  options.labels = {"mode", "rack", "__name__", "nowhere", "instance"};
  TableFixture f(options);
  feed(f, kUs, kFre);
  BOOST_TEST(f.table.output_labels(0).text() == R"({instance="a",mode="user"})");
}

BOOST_AUTO_TEST_CASE(changed_options_hold_for_the_entities_that_are_there) {
  TableFixture f(two_metrics());
  feed(f, kUs, kFre);
  const auto generation = f.table.generation();
  SeriesTableOptions changed = TableFixture::with_defaults(two_metrics());
  changed.labels = {"mode"};
  changed.expire_after = std::chrono::seconds(20);
  f.table.reconfigure(changed);
  BOOST_TEST(f.table.output_labels(0).text() == R"({instance="a",mode="user"})");
  BOOST_TEST(f.table.generation() != generation);
  for (int i = 0; i < 3; ++i) feed(f, nullptr, nullptr);
  BOOST_TEST(f.table.entities() == 0U);
}

BOOST_AUTO_TEST_CASE(an_empty_choice_carries_the_key_alone) {
  SeriesTableOptions options = two_metrics();
  options.labels.emplace();
  TableFixture f(options);
  feed(f, kUs, kFre);
  BOOST_TEST(f.table.output_labels(0).text() == R"({instance="a"})");
}

BOOST_AUTO_TEST_CASE(labels_named_like_ours_are_renamed) {
  TableFixture f;
  f.tick({labels({{"monitor", "m"}, {"metric", "x"}, {"detector", "d"}, {"le", "0.5"}})});
  BOOST_TEST(f.table.output_labels(0).text() ==
             R"({exported_detector="d",exported_metric="x",exported_monitor="m",le="0.5"})");
  TableFixture alerts;
  alerts.tick({labels({{"severity", "error"}, {"alertname", "a"}, {"scope", "s"}})});
  BOOST_TEST(alerts.table.output_labels(0).text() ==
             R"({exported_alertname="a",exported_scope="s",exported_severity="error"})");
}

BOOST_AUTO_TEST_CASE(renamed_labels_avoid_names_that_exist) {
  TableFixture f;
  f.tick(
      {labels({{"monitor", "1"}, {"exported_monitor", "2"}, {"exported_exported_monitor", "3"}})});
  BOOST_TEST(f.table.output_labels(0).text() ==
             R"({exported_exported_exported_monitor="1",exported_exported_monitor="3",)"
             R"(exported_monitor="2"})");
}

BOOST_AUTO_TEST_CASE(of_two_entities_with_equal_outputs_the_first_is_published) {
  SeriesTableOptions options;
  options.expire_after = std::chrono::seconds(30);
  TableFixture f(options);
  const auto first = labels({{"exported_monitor", "x"}});
  const auto second = labels({{"monitor", "x"}});
  f.tick({first});
  f.tick({first, second, host("a")});
  BOOST_TEST(f.table.is_output(0));
  BOOST_TEST(!f.table.is_output(f.entity(second)));
  BOOST_TEST(f.table.is_output(f.entity(host("a"))));
  BOOST_TEST(!f.table.is_output(17));  // nobody
  BOOST_TEST(f.value(second).has_value());
  BOOST_TEST(f.dropped(DropReason::LabelCollision) == 1U);
  const auto remarks = f.table.take_remarks();
  BOOST_REQUIRE_EQUAL(remarks.size(), 1U);
  BOOST_TEST(remarks[0].find(R"({monitor="x"})") != std::string::npos);
  f.tick({first, second});
  BOOST_TEST(f.dropped(DropReason::LabelCollision) == 2U);  // it still is not published
  BOOST_TEST(f.table.take_remarks().empty());

  // When the first leaves, the second takes its place.
  const auto generation = f.table.generation();
  for (int i = 0; i < 4; ++i) f.tick({second});
  BOOST_TEST(f.table.is_output(f.entity(second)));
  BOOST_TEST(f.table.generation() != generation);
}

BOOST_AUTO_TEST_CASE(restored_entities_collide_too) {
  TableFixture f;
  BOOST_TEST(f.table.restore_entity(*labels({{"metric", "x"}})).has_value());
  BOOST_TEST(f.table.restore_entity(*labels({{"exported_metric", "x"}})).has_value());
  BOOST_TEST(f.table.is_output(0));
  BOOST_TEST(!f.table.is_output(1));
}

BOOST_AUTO_TEST_CASE(at_most_a_hundred_remarks_wait_and_they_stay_short) {
  SeriesTableOptions options;
  options.group_by = {"nowhere"};  // one entity, everything else a duplicate
  TableFixture f(options);
  std::vector<LabelledSample> answer;
  for (int i = 0; i < 300; ++i) {
    answer.push_back(
        f.at_tick(labels({{"instance", std::to_string(i)}, {"long", std::string(2000, 'x')}})));
  }
  f.begin();
  f.place(answer);
  f.end();
  const auto remarks = f.table.take_remarks();
  BOOST_TEST(remarks.size() == 100U);
  for (const auto& remark : remarks) BOOST_REQUIRE_LE(remark.size(), 800U);
  BOOST_TEST(f.dropped(DropReason::DuplicateSeries) == 299U);
  f.begin();  // those that found no room are told later, the others not again
  f.place(answer);
  f.end();
  BOOST_TEST(f.table.take_remarks().size() == 100U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
