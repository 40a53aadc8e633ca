#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/series/series_table.h"

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "table_fixture.h"

namespace anomaly_exporter::series {
namespace {

SeriesTableOptions grouped(std::vector<std::string> metrics = {"us"}) {
  SeriesTableOptions options;
  options.metrics = std::move(metrics);
  options.group_by = {"job", "instance"};
  return options;
}

core::LabelsPtr cpu(const std::string& instance, const std::string& mode,
                    const std::string& name = "node_cpu") {
  return labels({{"__name__", name}, {"job", "node"}, {"instance", instance}, {"mode", mode}});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(series_table_test)

BOOST_AUTO_TEST_CASE(places_values_of_known_and_new_series_by_row) {
  TableFixture f;
  const auto a = host("a");
  const auto b = host("b");
  f.begin();
  f.place({f.at_tick(b, 2), f.at_tick(a, 1)});
  f.end();
  BOOST_TEST(f.value(a).value() == 1.0F);
  BOOST_TEST(f.value(b).value() == 2.0F);
  BOOST_TEST(f.out.newest_sample.ms == f.now.ms - 10'000);
  BOOST_TEST(f.table.entities() == 2U);
  BOOST_TEST(f.table.series() == 2U);
  BOOST_TEST(f.table.capacity() == 2U);
  BOOST_TEST(f.table.live(0) == 0b11U);

  f.begin();
  BOOST_TEST(f.out.newest_sample.ms == 0);
  f.place({f.at_tick(a, 3)});
  f.end();
  BOOST_TEST(f.value(a).value() == 3.0F);
  BOOST_TEST(!f.value(b).has_value());
  BOOST_TEST(f.table.known(0, 0) == 0b11U);
  BOOST_TEST((f.table.last_seen(0) == f.now - TableFixture::kInterval));
  BOOST_TEST((f.table.last_seen(1) == f.now - 2 * TableFixture::kInterval));
  BOOST_TEST(!f.table.last_seen(5).has_value());
  BOOST_TEST(!f.table.last_seen(100'000).has_value());
}

BOOST_AUTO_TEST_CASE(metrics_of_one_entity_share_its_lane) {
  TableFixture f(grouped({"us", "sy", "fre"}));
  const auto us = cpu("a", "user");
  const auto fre = labels({{"__name__", "node_memory"}, {"job", "node"}, {"instance", "a"}});
  f.begin();
  f.place({f.at_tick(us, 1)}, 0);
  f.place({f.at_tick(fre, 2)}, 2);
  f.end();
  BOOST_TEST(f.table.entities() == 1U);
  BOOST_TEST(f.table.series() == 2U);
  BOOST_TEST(f.table.find(0, us).value() == row_of(0, 0, 3));
  BOOST_TEST(f.table.find(2, fre).value() == row_of(0, 2, 3));
  BOOST_TEST(!f.table.find(1, fre).has_value());
  BOOST_TEST(f.table.known(0, 1) == 0U);
  const std::vector<std::size_t> want = {1, 0, 1};
  BOOST_TEST(std::vector<std::size_t>(f.table.series_per_metric().begin(),
                                      f.table.series_per_metric().end()) == want,
             boost::test_tools::per_element());
  BOOST_TEST(f.table.key(0).text() == R"({instance="a",job="node"})");
}

BOOST_AUTO_TEST_CASE(the_metric_name_never_names_an_entity) {
  for (const bool is_grouped : {false, true}) {
    SeriesTableOptions options;
    options.metrics = {"x", "y"};
    if (is_grouped) options.group_by = {"__name__", "instance"};
    TableFixture f(options);
    f.begin();
    f.place({f.at_tick(labels({{"__name__", "x"}, {"instance", "a"}}))}, 0);
    f.place({f.at_tick(labels({{"__name__", "y"}, {"instance", "a"}}))}, 1);
    f.end();
    BOOST_TEST(f.table.entities() == 1U);
    BOOST_TEST(f.table.key(0).text() == R"({instance="a"})");
    BOOST_TEST(f.table.output_labels(0).text() == R"({instance="a"})");
  }
}

BOOST_AUTO_TEST_CASE(a_series_without_labels_is_an_entity_too) {
  TableFixture f;
  f.tick({labels({})});
  BOOST_TEST(f.table.entities() == 1U);
  BOOST_TEST(f.table.key(0).empty());
}

BOOST_AUTO_TEST_CASE(one_pointer_may_serve_several_metrics) {
  TableFixture f(grouped({"us", "sy"}));
  const auto shared = labels({{"job", "node"}, {"instance", "a"}});
  f.begin();
  f.place({f.at_tick(shared, 1)}, 0);
  f.place({f.at_tick(shared, 2)}, 1);
  f.end();
  BOOST_TEST(f.value(shared, 0).value() == 1.0F);
  BOOST_TEST(f.value(shared, 1).value() == 2.0F);
}

BOOST_AUTO_TEST_CASE(equal_labels_under_a_new_pointer_are_the_same_series) {
  TableFixture f;
  for (int i = 0; i < 5; ++i) {
    f.tick({host("a"), host("b")});
    BOOST_TEST(f.table.series() == 2U);
    BOOST_TEST(f.value(host("a")).has_value());
  }
  const auto generation = f.table.generation();
  f.tick({host("b"), host("a")});
  BOOST_TEST(f.table.generation() == generation);
  BOOST_TEST(f.dropped(DropReason::DuplicateSeries) == 0U);
}

BOOST_AUTO_TEST_CASE(the_order_of_an_answer_does_not_matter) {
  std::vector<core::LabelsPtr> series;
  for (int i = 0; i < 150; ++i) {  // every third is a duplicate of another
    series.push_back(cpu("host" + std::to_string(i % 100), i < 100 ? "user" : "other"));
  }
  std::mt19937 random(3);
  TableFixture first(grouped(), {.series = 80});
  TableFixture second(grouped(), {.series = 80});
  for (TableFixture* f : {&first, &second}) {
    std::shuffle(series.begin(), series.end(), random);
    f->begin();
    std::vector<LabelledSample> answer;
    for (const auto& one : series) answer.push_back(f->at_tick(one, double(one->hash() % 1000)));
    f->place(answer);
    f->end();
  }
  BOOST_TEST(first.table.capacity() == second.table.capacity());
  for (Entity e = 0; e < first.table.capacity(); ++e) {
    BOOST_TEST(first.table.key(e).text() == second.table.key(e).text());
    BOOST_TEST(first.table.output_labels(e).text() == second.table.output_labels(e).text());
  }
  BOOST_TEST(first.out.values == second.out.values, boost::test_tools::per_element());
  BOOST_TEST(first.out.present == second.out.present, boost::test_tools::per_element());
  for (const DropReason reason : {DropReason::DuplicateSeries, DropReason::SeriesLimit}) {
    BOOST_TEST(first.dropped(reason) == second.dropped(reason));
    BOOST_TEST(first.dropped(reason) > 0U);
  }
}

BOOST_AUTO_TEST_CASE(new_series_are_numbered_in_label_order) {
  TableFixture f;
  const auto c = host("c");
  f.tick({c, host("a"), host("b")});
  BOOST_TEST(f.entity(host("a")) == 0U);
  BOOST_TEST(f.entity(c) == 2U);
  f.tick({c, host("0")});  // later arrivals come after
  BOOST_TEST(f.entity(host("0")) == 3U);
}

BOOST_AUTO_TEST_CASE(of_two_new_series_of_an_entity_the_first_in_label_order_is_used) {
  TableFixture f(grouped());
  const auto idle = cpu("a", "idle");
  const auto user = cpu("a", "user");
  f.begin();
  f.place({f.at_tick(user, 1), f.at_tick(idle, 2)});
  f.end();
  BOOST_TEST(f.value(idle).value() == 2.0F);
  BOOST_TEST(!f.table.find(0, user).has_value());
  BOOST_TEST(f.dropped(DropReason::DuplicateSeries) == 1U);
  const auto remarks = f.table.take_remarks();
  BOOST_REQUIRE_EQUAL(remarks.size(), 1U);
  BOOST_TEST(remarks[0].find(R"(mode="user")") != std::string::npos);
  BOOST_TEST(remarks[0].find(R"(mode="idle")") != std::string::npos);
  f.tick({user, idle});
  BOOST_TEST(f.dropped(DropReason::DuplicateSeries) == 2U);
  BOOST_TEST(f.table.take_remarks().empty());  // said once
}

BOOST_AUTO_TEST_CASE(the_owner_of_a_row_keeps_it_while_it_is_there) {
  TableFixture f(grouped());
  const auto idle = cpu("a", "idle");
  const auto user = cpu("a", "user");
  f.tick({user});
  f.tick({idle, user});  // idle comes first in every order
  BOOST_TEST(f.value(user).has_value());
  const auto generation = f.table.generation();
  f.tick({idle});  // now the owner is away
  BOOST_TEST(f.value(idle).has_value());
  BOOST_TEST(!f.table.find(0, user).has_value());
  BOOST_TEST(f.table.generation() != generation);
  BOOST_TEST(f.table.entities() == 1U);
  f.tick({idle, user});
  BOOST_TEST(f.value(idle).has_value());
}

BOOST_AUTO_TEST_CASE(an_ended_owner_gives_way_in_the_same_tick) {
  TableFixture f(grouped());
  const auto before = cpu("a", "before");
  const auto after = cpu("a", "after");
  f.tick({before});
  f.begin();
  f.place({{before, {f.now, core::stale_marker()}}, f.at_tick(after, 5)});
  f.end();
  BOOST_TEST(f.value(after).value() == 5.0F);
  BOOST_TEST(f.dropped(DropReason::DuplicateSeries) == 0U);
}

BOOST_AUTO_TEST_CASE(the_same_label_set_twice_in_one_answer_is_a_duplicate) {
  TableFixture f;
  const auto a = host("a");
  for (int i = 0; i < 2; ++i) {  // as newcomer, then as known series
    f.begin();
    f.place({f.at_tick(a, 1), f.at_tick(a, 2)});
    f.end();
    BOOST_TEST(f.value(a).value() == 1.0F);
  }
  BOOST_TEST(f.dropped(DropReason::DuplicateSeries) == 2U);
}

BOOST_AUTO_TEST_CASE(rows_follow_the_layout_over_block_borders) {
  TableFixture f(grouped({"us", "sy"}));
  std::vector<LabelledSample> answer;
  for (int i = 100; i < 300; ++i) answer.push_back(f.at_tick(cpu(std::to_string(i), "user"), i));
  f.begin();
  f.place(answer, 1);
  f.end();
  BOOST_TEST(f.table.capacity() == 200U);
  for (int i = 100; i < 300; ++i) {
    const auto entity = static_cast<Entity>(i - 100);
    const Row row = f.table.find(1, cpu(std::to_string(i), "user")).value();
    BOOST_REQUIRE_EQUAL(row, row_of(entity, 1, 2));
    BOOST_REQUIRE_EQUAL(f.out.values[row], static_cast<float>(i));
  }
  BOOST_TEST(f.out.present.size() == 8U);
  BOOST_TEST(f.out.present[0] == 0U);
  BOOST_TEST(f.out.present[1] == ~LaneMask{0});
  BOOST_TEST(f.table.live(3) == 0xffU);
}

BOOST_AUTO_TEST_CASE(a_steady_state_takes_no_memory) {
  TableFixture f;
  std::vector<core::LabelsPtr> series;
  for (int i = 0; i < 1000; ++i) series.push_back(host(std::to_string(i)));
  const auto run = [&] {
    std::vector<LabelledSample> answer;
    for (const auto& one : series) answer.push_back(f.at_tick(one));
    f.begin();
    f.place(answer);
    f.end();
  };
  run();
  const std::size_t bytes = f.table.memory_bytes();
  const float* values = f.out.values.data();
  for (int i = 0; i < 20; ++i) run();
  BOOST_TEST(f.table.memory_bytes() == bytes);
  BOOST_TEST(f.out.values.data() == values);
}

BOOST_AUTO_TEST_CASE(gives_its_places_back_when_it_goes) {
  SeriesBudget budget({.series = 10});
  DropCounters drops;
  {
    SeriesTableOptions options;
    options.source = "prom";
    options.metrics = {"us"};
    SeriesTable table(options, budget, drops);
    TickValues out;
    table.begin({1000}, out);
    table.place(0, std::vector<LabelledSample>{{host("a"), {{1000}, 1}}}, out);
    table.end({1000}, true);
    BOOST_TEST(table.restore_entity(*host("b")).has_value());
    BOOST_TEST(budget.of_source("prom") == 2U);
  }
  BOOST_TEST(budget.total() == 0U);
}

BOOST_AUTO_TEST_CASE(random_runs_agree_with_a_naive_model) {
  // Model: one entity per host; a host seen in a tick has its value there; capacity is the largest
  // number of hosts alive at once.
  SeriesTableOptions options;
  options.expire_after = std::chrono::seconds(40);
  TableFixture f(options, {.series = 20});
  std::mt19937 random(5);
  std::set<std::string> names_alive;
  for (int tick = 0; tick < 400; ++tick) {
    f.begin();
    std::vector<LabelledSample> answer;
    std::set<std::string> names;
    while (names.size() < random() % 12) names.insert(std::to_string(random() % 40));
    for (const auto& name : names) answer.push_back(f.at_tick(host(name), std::stod(name)));
    std::shuffle(answer.begin(), answer.end(), random);
    f.place(answer);
    f.end();
    std::size_t present = 0;
    for (const LaneMask word : f.out.present)
      present += static_cast<std::size_t>(std::popcount(word));
    std::size_t placed = 0;
    for (const auto& one : answer) {
      const auto value = f.value(one.labels);
      if (!value) continue;
      ++placed;
      BOOST_REQUIRE_EQUAL(*value, static_cast<float>(one.sample.value));
    }
    BOOST_REQUIRE_EQUAL(placed, present);
    BOOST_REQUIRE_LE(f.table.entities(), 20U);
    BOOST_REQUIRE_EQUAL(f.table.entities(), f.budget.total());
    BOOST_REQUIRE_EQUAL(f.table.entities(),
                        static_cast<std::size_t>(std::popcount(f.table.live(0))));
    BOOST_REQUIRE_LE(f.table.capacity(), 20U);
    BOOST_REQUIRE_GE(placed, std::min<std::size_t>(names.size(), 1));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
