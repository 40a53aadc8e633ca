#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/training_set.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "anomaly_exporter/app/engine.h"
#include "app_support.h"
#include "fake_trainable.h"

namespace anomaly_exporter::app {
namespace {

constexpr core::Duration kStep = std::chrono::seconds(10);

struct Fixture {
  support::ManualClock clock;
  Engine engine{1, clock};
  core::Timestamp start = {1'700'000'000'000};
  support::FakeSource source{{"a", "b", "c"},
                             [this](const std::string& e, const std::string& m,
                                    core::Timestamp t) -> std::optional<double> {
                               if (t < start) return std::nullopt;
                               if (t == spike && e == "b" && m == "x") return 1e6;
                               return 50 + noise(e, m, t);
                             }};
  core::Timestamp spike{0};

  core::Timestamp tick_time(int k) const { return start + kStep * k; }
  void run(TestMonitor& monitor, int ticks, IncidentLog* log = nullptr) {
    for (int k = 0; k < ticks; ++k) {
      (void)engine.tick(*monitor, source, tick_time(k), {});
      if (log != nullptr) log->observe(*monitor);
    }
  }
  TrainingData read(const TrainingPlan& plan) {
    return read_training_data(plan, source, 6, {}, nullptr).value();
  }
};

std::size_t absent(const detectors::TrainingPart& part) {
  return static_cast<std::size_t>(
      std::count_if(part.values.begin(), part.values.end(), [](float v) { return std::isnan(v); }));
}

BOOST_FIXTURE_TEST_SUITE(training_set_test, Fixture)

BOOST_AUTO_TEST_CASE(a_plan_takes_every_entity_and_the_whole_history_where_limits_allow) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  run(monitor, 5);
  const auto plan = plan_training(*monitor, tick_time(4) + core::Duration(123),
                                  {.history = std::chrono::hours(1)}, nullptr);
  BOOST_REQUIRE(plan.has_value());
  BOOST_TEST(plan->parts.size() == 3U);
  BOOST_TEST(plan->ticks() == 360U);
  BOOST_TEST(plan->last.ms == tick_time(4).ms);
}

BOOST_AUTO_TEST_CASE(limits_take_entities_first_and_then_the_range) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  run(monitor, 2);
  TrainingLimits limits{
      .history = std::chrono::hours(1), .values = 2 * 360 * 2, .entities = 3, .least_entities = 1};
  auto plan = plan_training(*monitor, start, limits, nullptr);
  BOOST_TEST(plan->parts.size() == 2U);
  BOOST_TEST(plan->ticks() == 360U);
  limits.values = 100;
  plan = plan_training(*monitor, start, limits, nullptr);
  BOOST_TEST(plan->parts.size() == 1U);
  BOOST_TEST(plan->ticks() == 50U);
  limits.least_entities = 8;
  plan = plan_training(*monitor, start, limits, nullptr);
  BOOST_TEST(plan->parts.size() == 3U);
  BOOST_TEST(plan->ticks() == 16U);
  limits.read_samples = 60;  // six series
  plan = plan_training(*monitor, start, limits, nullptr);
  BOOST_TEST(plan->ticks() == 10U);
}

BOOST_AUTO_TEST_CASE(a_monitor_without_entities_has_no_plan) {
  TestMonitor monitor(trainable_config({"x"}));
  BOOST_TEST(!plan_training(*monitor, start, {}, nullptr).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_read_stands_where_it_belongs) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  run(monitor, 200);
  const auto plan = plan_training(*monitor, tick_time(199), {.history = kStep * 100}, nullptr);
  const TrainingData data = read(*plan);
  BOOST_TEST(data.vectors == 300U);
  BOOST_TEST(data.values == 600U);
  BOOST_TEST(data.first.ms == tick_time(100).ms);
  BOOST_TEST(data.last.ms == tick_time(199).ms);
  for (const auto& [key, index] : plan->parts) {
    const auto& part = data.set.parts[index];
    const std::string name(*key.value("instance"));
    for (int k = 0; k < 100; ++k) {
      const auto at = static_cast<std::size_t>(k) * 2;
      BOOST_TEST(part.values[at] == static_cast<float>(50 + noise(name, "x", tick_time(100 + k))));
      BOOST_TEST(part.values[at + 1] ==
                 static_cast<float>(50 + noise(name, "y", tick_time(100 + k))));
    }
  }
}

BOOST_AUTO_TEST_CASE(ticks_before_the_first_value_are_dropped) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  run(monitor, 120);
  const auto plan =
      plan_training(*monitor, tick_time(119), {.history = std::chrono::hours(24)}, nullptr);
  const TrainingData data = read(*plan);
  BOOST_TEST(data.vectors == 360U);
  for (const auto& part : data.set.parts) {
    BOOST_TEST(part.first.ms == start.ms);
    BOOST_TEST(part.ticks == 120U);
    BOOST_TEST(part.values.size() == 240U);
  }
}

BOOST_AUTO_TEST_CASE(entities_outside_the_sample_are_not_kept) {
  TestMonitor monitor(trainable_config({"x"}));
  run(monitor, 20);
  const auto plan =
      plan_training(*monitor, tick_time(19), {.history = kStep * 20, .entities = 1}, nullptr);
  const TrainingData data = read(*plan);
  BOOST_REQUIRE(data.set.parts.size() == 1U);
  BOOST_TEST(data.vectors == 20U);
}

BOOST_AUTO_TEST_CASE(a_refused_metric_stays_empty_and_an_outage_is_an_error) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  run(monitor, 20);
  const auto plan = plan_training(*monitor, tick_time(19), {.history = kStep * 20}, nullptr);
  source.refuse("y");
  const TrainingData data = read(*plan);
  BOOST_TEST(data.problems.size() == 1U);
  BOOST_TEST(data.values == 60U);
  source.set_up(false);
  const auto down = read_training_data(*plan, source, 6, {}, nullptr);
  BOOST_REQUIRE(!down.ok());
  BOOST_TEST((down.error().code == core::ErrorCode::Unavailable));
}

BOOST_AUTO_TEST_CASE(reading_stops_when_it_is_told) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  run(monitor, 20);
  const auto plan = plan_training(*monitor, tick_time(19), {.history = kStep * 20}, nullptr);
  const int before = source.backfills;
  const auto stopped = read_training_data(*plan, source, 6, {}, [](double) { return false; });
  BOOST_TEST(!stopped.ok());
  BOOST_TEST(source.backfills - before == 1);
}

BOOST_AUTO_TEST_CASE(a_wide_source_is_read_in_pieces_and_nothing_is_lost) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  run(monitor, 5);
  const auto plan = plan_training(*monitor, tick_time(999), {.history = kStep * 1000}, nullptr);
  const int before = source.backfills;
  // 40,000 series: pieces of 100 ticks.
  const auto data = read_training_data(*plan, source, 40'000, {}, nullptr);
  BOOST_REQUIRE(data.ok());
  BOOST_TEST(source.backfills - before == 2 * 10);
  BOOST_TEST(data->vectors == 3000U);
}

BOOST_AUTO_TEST_CASE(values_scored_anomalous_are_cut_and_counted) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  IncidentLog log;
  spike = tick_time(150);
  run(monitor, 200, &log);
  const auto plan = plan_training(*monitor, tick_time(199), {.history = kStep * 200}, &log);
  BOOST_TEST(plan->scored_since.ms == start.ms);
  const TrainingData data = read(*plan);
  BOOST_TEST(data.cut >= 1U);
  for (const auto& part : data.set.parts) {
    for (const float v : part.values) BOOST_TEST(!(v > 1000));
  }
}

BOOST_AUTO_TEST_CASE(without_scores_values_far_off_are_cut_in_a_metric_that_moves) {
  TrainingData data;
  data.set = noise_set(1, 500, 2);
  data.set.parts[0].values[2 * 100] = 1e5F;
  cut_incidents(data, {}, {});
  BOOST_TEST(data.cut == 1U);
  BOOST_TEST(absent(data.set.parts[0]) == 1U);
  BOOST_TEST(std::isnan(data.set.parts[0].values[2 * 100]));
  BOOST_TEST(data.values == 999U);
}

BOOST_AUTO_TEST_CASE(a_judged_value_that_was_found_normal_stays) {
  TrainingData data;
  data.set = noise_set(1, 500, 1);
  data.set.parts[0].values[100] = 1e5F;
  data.set.parts[0].values[300] = 1e5F;
  cut_incidents(data, {}, data.set.parts[0].first + kStep * 200);
  BOOST_TEST(data.cut == 1U);
  BOOST_TEST(std::isnan(data.set.parts[0].values[100]));
  BOOST_TEST(data.set.parts[0].values[300] == 1e5F);
}

BOOST_AUTO_TEST_CASE(a_metric_that_rarely_moves_keeps_its_bursts) {
  TrainingData data;
  data.set.metrics = 1;
  data.set.interval = kStep;
  detectors::TrainingPart part;
  part.first = start;
  part.ticks = 500;
  part.values.assign(500, 0.0F);
  part.values[77] = 9000;
  data.set.parts.push_back(part);
  cut_incidents(data, {}, {});
  BOOST_TEST(data.cut == 0U);
}

BOOST_AUTO_TEST_CASE(what_happens_often_is_no_incident) {
  TrainingData data;
  data.set = noise_set(1, 500, 1);
  for (std::size_t k = 0; k < 500; k += 10) data.set.parts[0].values[k] += 1e4F;
  cut_incidents(data, {}, {});
  BOOST_TEST(data.cut == 0U);
}

BOOST_AUTO_TEST_CASE(ranges_are_inclusive_and_of_one_metric_or_all) {
  TrainingData data;
  data.set = noise_set(2, 100, 2);
  const core::Timestamp first = data.set.parts[0].first;
  const std::vector<Incident> incidents{
      {.part = 0, .metric = 1, .first = first + kStep * 10, .last = first + kStep * 12},
      {.part = 1, .metric = std::nullopt, .first = first - kStep, .last = first},
      {.part = 1, .metric = 0, .first = first - kStep * 9, .last = first - kStep},
      {.part = 9, .metric = 0, .first = first, .last = first}};
  cut_incidents(data, incidents, {});
  BOOST_TEST(data.cut == 5U);
  BOOST_TEST(absent(data.set.parts[0]) == 3U);
  BOOST_TEST(std::isnan(data.set.parts[0].values[2 * 12 + 1]));
  BOOST_TEST(absent(data.set.parts[1]) == 2U);
  BOOST_TEST(data.vectors == 199U);
}

BOOST_AUTO_TEST_CASE(rows_of_a_table_lie_on_the_grid_and_later_ones_are_unseen) {
  sources::CsvTable table;
  table.metrics = {"a", "b"};
  for (const int s : {0, 10, 11, 29, 60}) {
    table.times.push_back(start + std::chrono::seconds(s));
    table.values.push_back(s);
    table.values.push_back(s == 10 ? std::nan("") : 100 + s);
  }
  const std::vector<std::optional<std::size_t>> columns{1, std::nullopt, 0};
  const TrainingData data = table_training_data(table, 4, columns, kStep, {}, 7);
  BOOST_REQUIRE(data.set.parts.size() == 1U);
  const auto& part = data.set.parts[0];
  BOOST_TEST(data.set.metrics == 3U);
  BOOST_TEST(data.set.seed == 7U);
  BOOST_TEST(part.ticks == 4U);
  BOOST_TEST(part.values[0] == 100.0F);
  BOOST_TEST(part.values[2] == 0.0F);
  BOOST_TEST(std::isnan(part.values[3]));
  BOOST_TEST(part.values[5] == 10.0F);  // the second row on this tick, 11 s, does not count
  BOOST_TEST(std::isnan(part.values[8]));
  BOOST_TEST(part.values[11] == 29.0F);
  BOOST_TEST(data.vectors == 3U);
}

BOOST_AUTO_TEST_CASE(the_newest_rows_of_a_long_table_are_kept) {
  sources::CsvTable table;
  table.metrics = {"a"};
  for (int k = 0; k < 100; ++k) {
    table.times.push_back(start + kStep * k);
    table.values.push_back(k);
  }
  const std::vector<std::optional<std::size_t>> columns{0};
  const TrainingData data = table_training_data(table, 90, columns, kStep, {.values = 30}, 1);
  BOOST_TEST(data.set.parts[0].ticks == 30U);
  BOOST_TEST(data.set.parts[0].values.back() == 89.0F);
  BOOST_TEST(data.first.ms == (start + kStep * 60).ms);
}

BOOST_AUTO_TEST_CASE(the_head_of_a_set_is_the_first_share_of_every_part) {
  const auto set = noise_set(2, 100, 3);
  const auto head = head_of(set, 0.8);
  BOOST_REQUIRE(head.parts.size() == 2U);
  BOOST_TEST(head.parts[1].ticks == 80U);
  BOOST_TEST(head.parts[1].values.size() == 240U);
  BOOST_TEST(head.parts[1].values[239] == set.parts[1].values[239]);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
