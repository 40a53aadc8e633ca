#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/alerting/throttle.h"

#include <boost/test/unit_test.hpp>

#include "alerting_support.h"

namespace anomaly_exporter::alerting {
namespace {

BOOST_AUTO_TEST_SUITE(throttle_test)

BOOST_AUTO_TEST_CASE(the_example_of_the_specification_holds) {
  Throttle throttle;
  const auto sent = [&](const char* time, Level level = Level::Critical) {
    return throttle.admit("link", "bandwidth", level, at(time), minutes(5));
  };
  BOOST_TEST(sent("12:00:00"));
  BOOST_TEST(!sent("12:02:00"));
  BOOST_TEST(sent("12:02:00", Level::Warning));  // bandwidth warning is another matter
  BOOST_TEST(!sent("12:04:00"));
  BOOST_TEST(sent("12:05:01"));
  BOOST_TEST(!sent("12:05:02"));
}

BOOST_AUTO_TEST_CASE(metrics_and_monitors_are_apart) {
  Throttle throttle;
  BOOST_TEST(throttle.admit("a", "x", Level::Critical, at("12:00:00"), minutes(5)));
  BOOST_TEST(throttle.admit("a", "y", Level::Critical, at("12:00:01"), minutes(5)));
  BOOST_TEST(throttle.admit("b", "x", Level::Critical, at("12:00:01"), minutes(5)));
}

BOOST_AUTO_TEST_CASE(a_period_of_nothing_is_off) {
  Throttle throttle;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(throttle.admit("a", "x", Level::Info, at("12:00:01"), core::Duration(0)));
  }
}

BOOST_AUTO_TEST_CASE(a_clock_set_back_starts_the_period_anew) {
  Throttle throttle;
  BOOST_TEST(throttle.admit("a", "x", Level::Info, at("12:00:00"), minutes(5)));
  BOOST_TEST(throttle.admit("a", "x", Level::Info, at("11:00:00"), minutes(5)));
  BOOST_TEST(!throttle.admit("a", "x", Level::Info, at("11:04:59"), minutes(5)));
  BOOST_TEST(throttle.admit("a", "x", Level::Info, at("11:05:00"), minutes(5)));
}

BOOST_AUTO_TEST_CASE(a_period_goes_on_when_the_clock_is_set) {
  for (const int hours : {-1, 1}) {
    Throttle throttle;
    const auto step = std::chrono::hours(hours);
    BOOST_TEST(throttle.admit("a", "x", Level::Info, at("12:00:00"), minutes(5)));
    throttle.clock_stepped(step);
    BOOST_TEST(!throttle.admit("a", "x", Level::Info, at("12:04:59") + step, minutes(5)));
    BOOST_TEST(throttle.admit("a", "x", Level::Info, at("12:05:00") + step, minutes(5)));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
