#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/tools/backtest.h"

namespace anomaly_exporter::tools {

namespace {

/// Noise with a deviation of 2 to 6 sigmas every 101 ticks, so that many lie near any threshold.
sources::CsvTable restless_series() {
  core::Rng rng(11);
  sources::CsvTable table;
  table.metrics = {"value"};
  for (std::size_t k = 0; k < 20'000; ++k) {
    double value = 50 + rng.normal();
    if (k % 101 == 100) value += 2 + 4 * rng.uniform();
    table.times.push_back({1'700'006'400'000 + static_cast<std::int64_t>(k) * 10'000});
    table.values.push_back(value);
  }
  return table;
}

/// The specified vote with the largest budget there is, one alarm in ten ticks: the detectors' own
/// thresholds decide, as in the specification, which knows no budget. With a small one the budget
/// decides, and theirs matter little.
config::MonitorConfig specified_vote() {
  auto settings = default_backtest_settings();
  settings.ensemble.method = ensemble::Method::Vote;
  settings.ensemble.weights = {{"zscore", 0.5}, {"mad", 0.5}};
  settings.ensemble.alarm_budget = {.alarms = 36, .per = std::chrono::hours(1)};
  return settings;
}

std::size_t alarms(const config::MonitorConfig& settings) {
  static const auto table = restless_series();
  const auto scores = score_table(table, settings);
  BOOST_REQUIRE(scores.ok());
  std::size_t count = 0;
  for (const double score : *scores) {
    if (score >= settings.ensemble.threshold) ++count;
  }
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tuning_advice_test)

BOOST_AUTO_TEST_CASE(a_threshold_of_0_7_gives_fewer_alarms) {
  auto quieter = specified_vote();
  quieter.ensemble.threshold = 0.7;
  BOOST_TEST(alarms(quieter) < alarms(specified_vote()));
}

BOOST_AUTO_TEST_CASE(a_zscore_threshold_of_3_5_gives_fewer_alarms) {
  auto quieter = specified_vote();
  quieter.detectors.zscore.threshold = 3.5;
  BOOST_TEST(alarms(quieter) < alarms(specified_vote()));
}

BOOST_AUTO_TEST_CASE(a_threshold_of_0_5_gives_more_alarms) {
  auto louder = specified_vote();
  louder.ensemble.threshold = 0.5;
  BOOST_TEST(alarms(louder) > alarms(specified_vote()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::tools
