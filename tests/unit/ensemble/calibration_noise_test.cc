#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "anomaly_exporter/ensemble/calibration.h"
#include "noise.h"

namespace anomaly_exporter::ensemble {
namespace {

/// Seeded experiments with a stated rate of false alarms. The budget is p0 = 1e-4.
struct Family {
  const char* name;
  double (*score)(core::Rng&);
  double young_bound;  ///< alarms of a young map, in budgets
};

/// The tail of t3 is heavier than the prior's (t4): a map that has seen little cannot know.
constexpr Family kNoise[] = {
    {"normal", normal_score, 0.01}, {"laplace", laplace_score, 0.01}, {"t3", t3_score, 1.25}};

constexpr double kP0 = 1e-4;

/// Share of fresh samples that a map alarms on after it has learned from `samples`.
double alarm_share(const Family& family, int samples) {
  core::Rng rng(20'260'101);
  ScoreHistogram seen;
  for (int i = 0; i < samples; ++i) seen.add(family.score(rng));
  Calibration map({}, 3);
  map.learn(seen);
  map.refit();
  const double limit = map.raw_at(0.6, std::log(kP0));
  constexpr int kFresh = 4'000'000;
  int alarms = 0;
  for (int i = 0; i < kFresh; ++i) alarms += family.score(rng) >= limit ? 1 : 0;
  return static_cast<double>(alarms) / kFresh;
}

BOOST_AUTO_TEST_SUITE(calibration_noise_test)

/// Learned from a million samples, a hundred of which lie beyond the budget's point: within a
/// factor of 1.5 for every family.
BOOST_AUTO_TEST_CASE(a_grown_map_keeps_the_alarm_budget) {
  for (const Family& family : kNoise) {
    BOOST_TEST_CONTEXT(family.name) {
      const double share = alarm_share(family, 1'000'000);
      BOOST_TEST_MESSAGE(family.name << ": " << share / kP0 << " of the budget");
      BOOST_TEST(share < 1.5 * kP0);
      BOOST_TEST(share > kP0 / 1.5);
    }
  }
}

/// Far below the budget for light tails.
BOOST_AUTO_TEST_CASE(a_young_map_is_cautious) {
  for (const Family& family : kNoise) {
    for (const int samples : {0, 100, 1000}) {
      BOOST_TEST_CONTEXT(family.name << " after " << samples) {
        const double share = alarm_share(family, samples);
        BOOST_TEST_MESSAGE(family.name << " after " << samples << ": " << share / kP0);
        BOOST_TEST(share < family.young_bound * kP0);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::ensemble
