#include "anomaly_exporter/core/clock.h"

#define BOOST_TEST_DYN_LINK
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

#include "support/manual_clock.h"

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(clock_test)

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(monotonic_time_never_goes_back) {
  auto last = system_clock().monotonic();
  for (int i = 0; i < 1000; ++i) {
    const auto next = system_clock().monotonic();
    BOOST_REQUIRE((next >= last));
    last = next;
  }
}

BOOST_AUTO_TEST_CASE(the_time_of_day_is_in_milliseconds_since_the_epoch) {
  // Between the years 2020 and 2200, whatever the machine's clock says to the second.
  const Timestamp now = system_clock().now();
  BOOST_TEST(now.ms > 1'577'836'800'000);
  BOOST_TEST(now.ms < 7'258'118'400'000);
}

BOOST_AUTO_TEST_CASE(waits_at_least_as_long_as_told) {
  const auto before = system_clock().monotonic();
  BOOST_TEST(system_clock().wait_for(5ms, std::stop_token()));
  BOOST_TEST((system_clock().monotonic() - before >= 5ms));
}

BOOST_AUTO_TEST_CASE(waits_of_zero_and_less_return_at_once) {
  BOOST_TEST(system_clock().wait_for(0ms, std::stop_token()));
  BOOST_TEST(system_clock().wait_for(Duration::min(), std::stop_token()));
}

BOOST_AUTO_TEST_CASE(a_requested_stop_ends_the_wait_before_it_starts) {
  std::stop_source source;
  source.request_stop();
  BOOST_TEST(!system_clock().wait_for(Duration::max(), source.get_token()));
}

BOOST_AUTO_TEST_CASE(a_stop_from_another_thread_ends_the_longest_wait) {
  std::atomic<bool> is_waiting = false;
  std::atomic<bool> was_whole = true;
  std::jthread waiter([&](const std::stop_token& stop) {
    is_waiting = true;
    was_whole = system_clock().wait_for(Duration::max(), stop);
  });
  while (!is_waiting) std::this_thread::yield();
  waiter.request_stop();
  waiter.join();
  BOOST_TEST(!was_whole);
}

BOOST_AUTO_TEST_CASE(several_threads_wait_on_one_clock) {
  std::atomic<int> finished = 0;
  {
    std::vector<std::jthread> waiters;
    for (int i = 0; i < 4; ++i) {
      waiters.emplace_back([&] {
        if (system_clock().wait_for(1ms, std::stop_token())) ++finished;
      });
    }
  }
  BOOST_TEST(finished == 4);
}

BOOST_AUTO_TEST_CASE(the_manual_clock_moves_only_when_told) {
  support::ManualClock clock(Timestamp{1'000});
  const auto origin = clock.monotonic();
  BOOST_TEST(clock.now().ms == 1'000);
  BOOST_TEST(clock.wait_for(250ms, std::stop_token()));
  BOOST_TEST(clock.now().ms == 1'250);
  clock.set(Timestamp{10});
  BOOST_TEST(clock.now().ms == 10);
  BOOST_TEST((clock.monotonic() - origin == 250ms));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
