#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/ensemble/budget_map.h"

namespace anomaly_exporter::ensemble {
namespace {

constexpr double kAnchor = 4;
const double kLogP0 = std::log(1e-4);

}  // namespace

BOOST_AUTO_TEST_SUITE(budget_map_test)

BOOST_AUTO_TEST_CASE(rises_past_a_level_are_counted_once) {
  RiseHistogram seen;
  double before = 0;
  for (const double score : {0.0, 3.0, 5.0, 5.0, 1.0, 5.0, 0.0}) {
    seen.add(before, score);
    before = score;
  }
  const auto rises = seen.rises();
  BOOST_TEST(seen.ticks() == 7U);
  BOOST_TEST(rises[ScoreHistogram::bin_of(2.0)] == 2U);
  BOOST_TEST(rises[ScoreHistogram::bin_of(4.0)] == 2U);
  BOOST_TEST(rises[ScoreHistogram::bin_of(0.5)] == 1U);
  BOOST_TEST(rises[ScoreHistogram::bin_of(8.0)] == 0U);
}

BOOST_AUTO_TEST_CASE(adding_histograms_adds_their_rises) {
  RiseHistogram a, b, both;
  a.add(0, 3);
  b.add(1, 9);
  both.add(0, 3);
  both.add(1, 9);
  a.add(b);
  BOOST_TEST((a.rises() == both.rises()));
  BOOST_TEST(a.ticks() == 2U);
}

BOOST_AUTO_TEST_CASE(without_a_past_the_anchor_is_the_alarm) {
  BudgetMap map(kAnchor, kLogP0);
  BOOST_TEST(map.confidence(0) == 0.0);
  BOOST_TEST(map.confidence(kAnchor) == 0.6, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(map.confidence(kAnchor / 10) < 0.2);
  double before = -1;
  for (double score = 0; score < 1e5; score = score * 1.1 + 0.01) {
    BOOST_TEST(map.confidence(score) > before);
    before = map.confidence(score);
  }
}

BOOST_AUTO_TEST_CASE(one_entity_teaches_nothing) {
  BudgetMap map(kAnchor, kLogP0);
  RiseHistogram seen;
  for (int i = 0; i < 1'000'000; ++i) seen.add(0, i % 2 == 0 ? 50 : 0);
  map.learn(seen);
  map.refit(1);
  BOOST_TEST(map.confidence(kAnchor) == 0.6, boost::test_tools::tolerance(1e-12));
}

// Independent scores: the number of rises past the alarm must be what the budget allows.
BOOST_AUTO_TEST_CASE(many_entities_bring_the_alarm_to_the_budget) {
  for (const double scale : {0.05, 1.0, 30.0}) {
    core::Rng rng(3);
    BudgetMap map(kAnchor, kLogP0);
    RiseHistogram seen;
    double before = 0;
    const auto next = [&] { return scale * rng.exponential(); };
    for (int i = 0; i < 3'000'000; ++i) {
      const double score = next();
      seen.add(before, score);
      before = score;
    }
    map.learn(seen);
    map.refit(100);
    BOOST_TEST(map.learned_share() > 0.95);
    std::size_t alarms = 0;
    bool is_on = false;
    for (int i = 0; i < 1'000'000; ++i) {
      const bool is_alarm = map.confidence(next()) >= 0.6;
      alarms += is_alarm && !is_on ? 1 : 0;
      is_on = is_alarm;
    }
    BOOST_TEST(alarms > 67U, "scale " << scale << ": " << alarms << " alarms, 100 allowed");
    BOOST_TEST(alarms < 150U, "scale " << scale << ": " << alarms << " alarms, 100 allowed");
  }
}

BOOST_AUTO_TEST_CASE(the_map_stays_strictly_monotone_when_it_has_learned) {
  core::Rng rng(4);
  BudgetMap map(kAnchor, kLogP0);
  RiseHistogram seen;
  for (int i = 0; i < 1'000'000; ++i) seen.add(0, rng.exponential());
  map.learn(seen);
  map.refit(50);
  double before = -1;
  for (double score = 0; score < 1e4; score = score * 1.05 + 0.001) {
    BOOST_REQUIRE(map.confidence(score) > before);
    before = map.confidence(score);
  }
}

BOOST_AUTO_TEST_CASE(restored_it_gives_the_same_map) {
  BudgetMap map(kAnchor, kLogP0);
  RiseHistogram seen;
  core::Rng rng(5);
  for (int i = 0; i < 1'000'000; ++i) seen.add(0, rng.exponential());
  map.learn(seen);
  map.refit(50);
  core::StateWriter out;
  map.save(out);
  BudgetMap read(kAnchor, kLogP0);
  core::StateReader in(out.bytes());
  BOOST_REQUIRE(read.restore(in).ok());
  read.refit(50);
  for (const double score : {0.1, 1.0, 7.0, 300.0}) {
    BOOST_TEST(read.confidence(score) == map.confidence(score));
  }
}

BOOST_AUTO_TEST_CASE(damaged_bytes_are_refused) {
  BudgetMap map(kAnchor, kLogP0);
  core::StateWriter out;
  map.save(out);
  std::string newer = out.bytes();
  newer[0] = 7;
  std::string negative = out.bytes();
  negative[8] = static_cast<char>(0xbf);
  for (const std::string& bytes : {newer, negative, out.bytes().substr(0, 100)}) {
    core::StateReader in(bytes);
    BOOST_TEST(!map.restore(in).ok());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::ensemble
