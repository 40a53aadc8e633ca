#define BOOST_TEST_DYN_LINK
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/exposition/snapshot.h"
#include "pages.h"

namespace anomaly_exporter::exposition {
namespace {

constexpr int kTicks = 300;

std::shared_ptr<const MonitorSnapshot> tick_of(const std::string& monitor, int tick) {
  SnapshotBuilder builder(monitor);
  builder.entity({{"instance", "a"}});
  const auto value = static_cast<float>(tick);
  for (int m = 0; m < 5; ++m) builder.row(std::to_string(m), {.value = value});
  auto out = builder.build();
  out->evaluated = {tick};
  return out;
}

BOOST_AUTO_TEST_SUITE(snapshot_threads_test)

BOOST_AUTO_TEST_CASE(scrapes_see_whole_ticks_in_order_while_monitors_publish_and_a_reload_runs) {
  SnapshotStore store;
  store.publish(tick_of("a", 0));
  store.publish(tick_of("b", 0));
  std::atomic<int> publishers = 2;
  std::atomic<int> torn = 0;
  std::atomic<int> backwards = 0;
  std::atomic<int> scrapes = 0;
  const auto publish = [&](const std::string& monitor) {
    for (int tick = 1; tick <= kTicks; ++tick) store.publish(tick_of(monitor, tick));
    --publishers;
  };
  const auto scrape = [&] {
    std::int64_t newest_a = 0;
    do {
      const SnapshotStore::List list = store.load();
      for (const auto& snapshot : list) {
        for (const float value : snapshot->value) {
          if (value != static_cast<float>(snapshot->evaluated.ms)) ++torn;
        }
        if (snapshot->monitor != "a") continue;
        if (snapshot->evaluated.ms < newest_a) ++backwards;
        newest_a = snapshot->evaluated.ms;
      }
      if (page_of(Format::OpenMetrics, list).empty()) ++torn;
      ++scrapes;
    } while (publishers > 0);
  };
  {
    std::vector<std::jthread> threads;
    threads.emplace_back(publish, "a");
    threads.emplace_back(publish, "b");
    threads.emplace_back(scrape);
    threads.emplace_back(scrape);
    threads.emplace_back([&] {
      do {
        store.retain({"b", "a"});
      } while (publishers > 0);
    });
  }
  BOOST_TEST(torn == 0);
  BOOST_TEST(backwards == 0);
  BOOST_TEST(scrapes >= 2);
  BOOST_TEST(store.load().size() == 2U);
  for (const auto& snapshot : store.load()) BOOST_TEST(snapshot->evaluated.ms == kTicks);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
