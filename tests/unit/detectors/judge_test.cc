#include "anomaly_exporter/detectors/judge.h"

#define BOOST_TEST_DYN_LINK
#include <array>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <vector>

namespace anomaly_exporter::detectors {
namespace {

// Two metrics; lane 0 of the second is what the tests look at.
struct Fixture {
  std::vector<float> values =
      std::vector<float>(2 * kLanes, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> floor = std::vector<float>(2 * kLanes);
  std::array<LaneMask, 2> present{0, 1};
  Estimate estimate;
  VerdictColumns out;

  Fixture() {
    values[kLanes] = 12.0F;
    estimate.centre[0] = 10.0;
    estimate.spread[0] = 0.5;
    estimate.ready = 1;
    out.resize(2);
  }
  Outcome judged(LaneMask active = 1) {
    Tick tick;
    tick.metrics = 2;
    tick.active = active;
    tick.values = values;
    tick.present = present;
    tick.scale_floor = floor;
    judge(tick, 1, estimate, out);
    return out.outcome[kLanes];
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(judge_test, Fixture)

BOOST_AUTO_TEST_CASE(a_ready_row_gets_expectation_scale_and_raw) {
  BOOST_TEST((judged() == Outcome::Scored));
  BOOST_TEST(out.expected[kLanes] == 10.0F);
  BOOST_TEST(out.scale[kLanes] == 0.5F);
  BOOST_TEST(out.raw[kLanes] == 4.0);
  BOOST_TEST(out.share[kLanes] == 1.0F);
  BOOST_TEST((out.outcome[0] == Outcome::NoData));  // the other metric is not touched
}

BOOST_AUTO_TEST_CASE(the_scale_is_never_below_the_callers_floor) {
  floor[kLanes] = 2.0F;
  BOOST_TEST((judged() == Outcome::Scored));
  BOOST_TEST(out.raw[kLanes] == 1.0);
}

BOOST_AUTO_TEST_CASE(an_absent_row_is_no_data_however_ready) {
  present[1] = 0;
  out.outcome[kLanes] = Outcome::Scored;
  BOOST_TEST((judged() == Outcome::NoData));
}

BOOST_AUTO_TEST_CASE(a_row_that_is_not_ready_is_warming_up) {
  estimate.ready = 0;
  BOOST_TEST((judged() == Outcome::WarmingUp));
}

BOOST_AUTO_TEST_CASE(a_row_outside_active_keeps_what_it_had) {
  out.outcome[kLanes] = Outcome::Untrained;
  BOOST_TEST((judged(0) == Outcome::Untrained));
}

BOOST_AUTO_TEST_CASE(an_expectation_beyond_float_has_failed) {
  estimate.centre[0] = 4e38;
  BOOST_TEST((judged() == Outcome::Failed));
}

BOOST_AUTO_TEST_CASE(a_spread_beyond_float_has_failed) {
  estimate.spread[0] = 4e38;
  BOOST_TEST((judged() == Outcome::Failed));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
