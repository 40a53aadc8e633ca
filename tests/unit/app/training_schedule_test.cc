#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/training_schedule.h"

#include <boost/test/unit_test.hpp>
#include <set>

namespace anomaly_exporter::app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::ModelOrigin;

constexpr core::Duration kTick = seconds(10);

BOOST_AUTO_TEST_SUITE(training_schedule_test)

struct Fixture {
  config::TrainingConfig config;
  TrainingSchedule schedule{"web", "forest", config};
  core::Timestamp t0{1'700'000'000'000};

  /// Hours after `from` until something is due, counted in tenths.
  double hours_until_due(core::Timestamp from, double drift = 0) const {
    for (int k = 0; k < 100'000; ++k) {
      if (schedule.due(from + minutes(6) * k, 1000, kTick, drift)) return k / 10.0;
    }
    return -1;
  }
};

BOOST_FIXTURE_TEST_CASE(the_first_time_is_as_soon_as_there_are_enough_samples, Fixture) {
  BOOST_TEST(!schedule.due(t0, 99, kTick, 0).has_value());
  BOOST_TEST((schedule.due(t0, 100, kTick, 0) == ModelOrigin::Schedule));
}

BOOST_FIXTURE_TEST_CASE(then_it_is_at_doublings_until_the_interval_is_reached, Fixture) {
  schedule.note_trained(t0, hours(10));
  BOOST_TEST(hours_until_due(t0) >= 10.0);
  BOOST_TEST(hours_until_due(t0) <= 11.1);
  schedule.note_trained(t0, hours(24 * 14));
  BOOST_TEST(hours_until_due(t0) >= 168.0);
  BOOST_TEST(hours_until_due(t0) <= 185.0);
  schedule.note_trained(t0, seconds(5));  // never sooner than another hundred ticks
  BOOST_TEST(hours_until_due(t0) >= 0.2);
}

BOOST_FIXTURE_TEST_CASE(data_that_grow_no_more_are_not_fitted_again_and_again, Fixture) {
  schedule.note_fitted(t0, t0 - hours(1), t0);
  BOOST_TEST(hours_until_due(t0) <= 1.2);
  schedule.note_fitted(t0 + hours(2), t0 - hours(1), t0 + hours(1));  // twice as long, fitted late
  BOOST_TEST(hours_until_due(t0 + hours(2)) <= 2.3);
  schedule.note_fitted(t0 + hours(3), t0 + hours(1), t0 + hours(3));  // all that can be had
  BOOST_TEST(hours_until_due(t0 + hours(3)) >= 168.0);
}

BOOST_FIXTURE_TEST_CASE(monitors_take_turns, Fixture) {
  std::set<double> times;
  for (const char* monitor : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    schedule = TrainingSchedule(monitor, "forest", config);
    schedule.note_trained(t0, hours(24 * 14));
    times.insert(hours_until_due(t0));
  }
  BOOST_TEST(times.size() >= 7U);
}

BOOST_FIXTURE_TEST_CASE(failures_are_tried_again_ever_more_rarely, Fixture) {
  schedule.note_failure(t0);
  BOOST_TEST(!schedule.due(t0 + minutes(9), 1000, kTick, 0).has_value());
  BOOST_TEST(schedule.due(t0 + minutes(12), 1000, kTick, 0).has_value());
  for (int i = 0; i < 3; ++i) schedule.note_failure(t0);
  BOOST_TEST(!schedule.due(t0 + minutes(79), 1000, kTick, 0).has_value());
  BOOST_TEST(schedule.due(t0 + minutes(90), 1000, kTick, 0).has_value());
  for (int i = 0; i < 100; ++i) schedule.note_failure(t0);
  BOOST_TEST(hours_until_due(t0) <= 185.0);
}

BOOST_FIXTURE_TEST_CASE(drift_brings_it_forward_but_not_at_once, Fixture) {
  schedule.note_trained(t0, hours(24 * 14));
  BOOST_TEST(!schedule.due(t0 + hours(20), 1000, kTick, 9).has_value());
  BOOST_TEST((schedule.due(t0 + hours(30), 1000, kTick, 0.25) == ModelOrigin::Drift));
  BOOST_TEST(!schedule.due(t0 + hours(30), 1000, kTick, 0.24).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_clock_set_back_does_not_fit_at_once, Fixture) {
  schedule.note_trained(t0, hours(24 * 14));
  BOOST_TEST(!schedule.due(t0 - hours(1000), 1000, kTick, 0).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
