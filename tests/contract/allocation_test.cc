#define BOOST_TEST_DYN_LINK
#include <atomic>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "contract/rig.h"
#include "contract/verdict_checks.h"
#include "unit/app/app_support.h"

// What costs memory at every tick costs time at every sample. This program counts what is asked of
// operator new.

namespace {

std::atomic<std::size_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const std::size_t least = bytes == 0 ? 1 : bytes;
  const std::size_t whole = (least + alignment - 1) / alignment * alignment;
  void* memory = alignment <= alignof(std::max_align_t) ? std::malloc(least)
                                                        : std::aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The array and nothrow forms come here by way of these.
void* operator new(std::size_t bytes) { return counted(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace anomaly_exporter::contract {
namespace {

constexpr std::size_t kMetrics = 3;

/// Noise with a spike, a step, a ramp and absent values in some lanes.
float value_at(std::int64_t t, std::size_t metric, std::size_t lane, core::Rng& rng) {
  double value = 100.0 + rng.normal();
  if (metric == 0 && t % 97 == 5 && lane % 7 == 0) value += 50;
  if (metric == 1 && t % 300 >= 150 && lane % 5 == 0) value += 20;
  if (metric == 2 && lane % 9 == 0) value += 0.1 * static_cast<double>(t % 200);
  return static_cast<float>(value);
}

const auto kEveryDetector = boost::unit_test::data::make(detector_names());

}  // namespace

BOOST_AUTO_TEST_SUITE(allocation_test)

BOOST_AUTO_TEST_CASE(counts_what_is_allocated) {
  const std::size_t before = allocations;
  auto* volatile memory = new int(7);
  delete memory;
  BOOST_TEST(allocations == before + 1);
}

BOOST_DATA_TEST_CASE(no_detector_allocates_once_it_is_warm, kEveryDetector, name) {
  // Past the refit of the forecaster at 1,024 rows: refits come whenever the rows have doubled.
  constexpr std::int64_t kWarm = 1100;
  constexpr std::int64_t kTicks = 1500;
  Rig rig(name, kMetrics, 1, detectors::DetectorOptions{}, 400);
  core::Rng rng(1);
  std::vector<std::size_t> found;
  std::size_t at_score = 0;
  std::size_t before = 0;
  for (std::int64_t t = 0; t < kTicks; ++t) {
    BlockInput input(kMetrics);
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if (rng.below(20) == 0) continue;
        const float value = value_at(t, metric, lane, rng);
        input.set(metric, lane, value, value < 110);
      }
    }
    if (t < kWarm) {
      rig.tick(t, input);
      continue;
    }
    VerdictColumns again;
    again.resize(kMetrics);
    rig.tick(t, input, 0, kAllLanes,
             [&](const detectors::Tick& tick, const detectors::LearnMask& mask) {
               before = allocations;
               rig.detector().score(tick, again);
               at_score += allocations - before;
               before = allocations;
               rig.detector().learn(tick, mask);
               const std::size_t learned = allocations - before;
               if (learned > 0) found.push_back(learned);
             });
  }
  BOOST_TEST(at_score == 0U);
  BOOST_TEST(found.size() == 0U,
             name << " allocated while learning at " << found.size() << " of 400 ticks");
}

// The counts that a tick returns are a few vectors; nothing is allocated for a series or a block.
BOOST_AUTO_TEST_CASE(a_tick_of_the_default_ensemble_allocates_nothing_for_a_series) {
  using namespace app;
  const auto allocated = [](std::size_t entities) {
    support::ManualClock clock;
    Engine engine(1, clock);
    auto config = test_config({"x", "y", "z"}, 256);
    TestMonitor monitor(config);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < entities; ++i) names.push_back("host" + std::to_string(i));
    core::Rng rng(5);
    std::int64_t now = 0;
    support::FakeSource source(names, [&](const std::string& entity, const std::string& metric,
                                          core::Timestamp) {
      const auto lane = entity.size() + static_cast<std::size_t>(entity.back());
      return rng.below(20) == 0 ? std::nullopt
                                : std::optional<double>(static_cast<double>(value_at(
                                      now, static_cast<std::size_t>(metric[0] - 'x'), lane, rng)));
    });
    std::vector<std::size_t> counts;
    for (; now < 900; ++now) {
      const core::Timestamp time = kStart + std::chrono::seconds(10) * now;
      (void)engine.discover(*monitor, source, time, {});
      const LaneSet lanes = Engine::all_lanes(*monitor);
      const std::size_t before = allocations;
      (void)engine.evaluate(*monitor, monitor->index + 1, time, lanes);
      if (now >= 600) counts.push_back(allocations - before);
    }
    BOOST_TEST(monitor->detectors.size() == 4U);
    BOOST_TEST(std::ranges::count(counts, counts.front()) ==
               static_cast<std::ptrdiff_t>(counts.size()));
    BOOST_TEST_MESSAGE(entities << " entities: " << counts.front() << " allocations per tick");
    return counts.front();
  };
  const std::size_t of_one = allocated(1);
  BOOST_TEST(of_one <= 16U);
  BOOST_TEST(allocated(200) == of_one);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::contract
