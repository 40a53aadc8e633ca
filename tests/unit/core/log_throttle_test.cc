#define BOOST_TEST_DYN_LINK
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/core/logger.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(log_throttle_test)

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(lets_the_first_call_through_and_holds_back_the_rest_of_the_period) {
  support::ManualClock clock;
  LogThrottle throttle(1min, clock);
  BOOST_TEST(throttle.admit("down").value_or(99) == 0U);
  BOOST_TEST(!throttle.admit("down").has_value());
  clock.advance(59'999ms);
  BOOST_TEST(!throttle.admit("down").has_value());
  clock.advance(1ms);
  BOOST_TEST(throttle.admit("down").value_or(99) == 2U);
  clock.advance(1min);
  BOOST_TEST(throttle.admit("down").value_or(99) == 0U);
}

BOOST_AUTO_TEST_CASE(keys_do_not_hold_each_other_back) {
  support::ManualClock clock;
  LogThrottle throttle(1min, clock);
  BOOST_TEST(throttle.admit("a").has_value());
  BOOST_TEST(throttle.admit("b").has_value());
  BOOST_TEST(!throttle.admit("a").has_value());
}

BOOST_AUTO_TEST_CASE(a_wall_clock_that_jumps_changes_nothing) {
  support::ManualClock clock;
  LogThrottle throttle(1min, clock);
  BOOST_TEST(throttle.admit("a").has_value());
  clock.set(clock.now() + 24h);
  BOOST_TEST(!throttle.admit("a").has_value());
  clock.set(Timestamp{0});
  clock.advance(1min);
  BOOST_TEST(throttle.admit("a").has_value());
}

BOOST_AUTO_TEST_CASE(starts_over_when_its_table_is_full) {
  constexpr int kTableSize = 1024;
  support::ManualClock clock;
  LogThrottle throttle(1min, clock);
  for (int i = 0; i < kTableSize; ++i) BOOST_TEST(throttle.admit(std::to_string(i)).has_value());
  BOOST_TEST(!throttle.admit("0").has_value());
  BOOST_TEST(throttle.admit("one too many").has_value());
  BOOST_TEST(throttle.admit("0").value_or(99) == 0U);
}

BOOST_AUTO_TEST_CASE(exactly_one_of_many_threads_gets_through) {
  support::ManualClock clock;
  LogThrottle throttle(1min, clock);
  std::atomic<int> admitted = 0;
  {
    std::vector<std::jthread> callers;
    for (int t = 0; t < 4; ++t) {
      callers.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) admitted += throttle.admit("shared").has_value() ? 1 : 0;
      });
    }
  }
  BOOST_TEST(admitted == 1);
  clock.advance(1min);
  BOOST_TEST(throttle.admit("shared").value_or(0) == 3999U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
