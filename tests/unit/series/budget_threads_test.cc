#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/series/series_limits.h"
#include "anomaly_exporter/series/windows.h"

namespace anomaly_exporter::series {

BOOST_AUTO_TEST_SUITE(budget_threads_test)

BOOST_AUTO_TEST_CASE(monitors_on_several_threads_never_exceed_the_limit) {
  SeriesBudget budget({.series = 100, .series_per_source = 60});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&budget, source = i % 2 == 0 ? "a" : "b"] {
        std::size_t held = 0;
        for (int step = 0; step < 5000; ++step) {
          if (budget.take(source)) ++held;
          if (step % 3 == 0 && held > 0) {
            budget.give_back(source);
            --held;
          }
          if (step % 1000 == 0) budget.set_options({.series = 100, .series_per_source = 60});
        }
      });
    }
  }
  BOOST_TEST(budget.total() == 100U);
  BOOST_TEST(budget.of_source("a") + budget.of_source("b") == 100U);
  BOOST_TEST(budget.of_source("a") <= 60U);
  BOOST_TEST(budget.of_source("b") <= 60U);
}

BOOST_AUTO_TEST_CASE(blocks_of_windows_are_written_by_their_own_threads) {
  constexpr std::size_t kMetrics = 2;
  Windows windows(kMetrics, 16);
  windows.resize(4 * kLanes);
  {
    std::vector<std::jthread> threads;
    for (std::size_t block = 0; block < 4; ++block) {
      threads.emplace_back([&windows, block] {
        for (TickIndex tick = 0; tick < 100; ++tick) {
          windows.open(block, tick, ~LaneMask{0});
          for (std::size_t lane = 0; lane < kLanes; ++lane) {
            windows.write(block, 1, lane, tick, static_cast<float>(block));
          }
          windows.mark_learned(block, 1, tick, ~LaneMask{0});
        }
      });
    }
  }
  for (std::size_t block = 0; block < 4; ++block) {
    const StripView strip = windows.strip(block, 1);
    for (std::size_t slot = 0; slot < strip.slots; ++slot) {
      BOOST_REQUIRE_EQUAL(strip.learned[slot], ~LaneMask{0});
      BOOST_REQUIRE_EQUAL(strip.values[slot * strip.stride + 63], static_cast<float>(block));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
