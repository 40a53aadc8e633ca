#include "anomaly_exporter/core/mutex.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(mutex_test)

class Counter {
 public:
  void add() {
    const MutexLock lock(mutex_);
    ++value_;
  }
  [[nodiscard]] int value() {
    const MutexLock lock(mutex_);
    return value_;
  }

 private:
  Mutex mutex_;
  int value_ AE_GUARDED_BY(mutex_) = 0;
};

BOOST_AUTO_TEST_CASE(no_increment_is_lost_between_threads) {
  Counter counter;
  {
    std::vector<std::jthread> adders;
    for (int t = 0; t < 4; ++t) {
      adders.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) counter.add();
      });
    }
  }
  BOOST_TEST(counter.value() == 40'000);
}

BOOST_AUTO_TEST_CASE(a_condition_variable_can_wait_on_it) {
  Mutex mutex;
  std::condition_variable_any changed;
  bool is_ready = false;
  std::jthread setter([&] {
    const std::unique_lock lock(mutex);
    is_ready = true;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return is_ready; });
  BOOST_TEST(is_ready);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
