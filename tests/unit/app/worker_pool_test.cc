#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/worker_pool.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <numeric>

namespace anomaly_exporter::app {
namespace {

BOOST_AUTO_TEST_SUITE(worker_pool_test)

BOOST_AUTO_TEST_CASE(every_item_is_done_once_by_a_worker_of_the_pool) {
  for (const unsigned workers : {1U, 2U, 5U}) {
    WorkerPool pool(workers);
    BOOST_TEST(pool.workers() == workers);
    for (const std::size_t items : {0UL, 1UL, 2UL, 1000UL}) {
      std::vector<std::atomic<int>> done(items);
      std::atomic<unsigned> highest{0};
      pool.run(items, [&](std::size_t i, unsigned worker) {
        ++done[i];
        if (worker > highest) highest = worker;
      });
      for (const auto& d : done) BOOST_TEST(d == 1);
      BOOST_TEST(highest < workers);
    }
  }
}

BOOST_AUTO_TEST_CASE(loops_of_several_callers_take_turns) {
  WorkerPool pool(3);
  std::atomic<std::size_t> sum{0};
  {
    std::vector<std::jthread> callers;
    for (int c = 0; c < 4; ++c) {
      callers.emplace_back([&] {
        for (int round = 0; round < 50; ++round) {
          std::vector<std::size_t> out(64);
          pool.run(out.size(), [&](std::size_t i, unsigned) { out[i] = i; });
          sum += std::accumulate(out.begin(), out.end(), std::size_t{0});
        }
      });
    }
  }
  BOOST_TEST(sum == 4U * 50 * (63 * 64 / 2));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
