#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "contract/inputs.h"
#include "contract/rig.h"
#include "contract/verdict_checks.h"

// Statistical claims of docs/detectors.md, as seeded experiments with the default options.

namespace anomaly_exporter::contract {
namespace {

struct Rates {
  std::size_t judged = 0;
  std::size_t alarms = 0;
  [[nodiscard]] double ratio() const {
    return static_cast<double>(alarms) / static_cast<double>(judged);
  }
};

// Share of values at or above the detector's own threshold where nothing is wrong.
template <class Noise>
Rates false_alarms(std::string_view name, Noise noise) {
  constexpr std::size_t kMetrics = 8;
  constexpr std::int64_t kWarm = 400;
  constexpr std::int64_t kTicks = 1400;
  Rig rig(name, kMetrics, 1, detectors::DetectorOptions{}, 1000);
  core::Rng rng(31);
  Rates rates;
  for (std::int64_t t = 0; t < kTicks; ++t) {
    BlockInput input(kMetrics);
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) input.set(metric, lane, noise(rng));
    }
    const VerdictColumns& out = rig.tick(t, input);
    if (t < kWarm) continue;
    for (std::size_t i = 0; i < out.outcome.size(); ++i) {
      if (out.outcome[i] != Outcome::Scored) continue;
      ++rates.judged;
      rates.alarms += out.raw[i] >= rig.detector().threshold() ? 1U : 0U;
    }
  }
  return rates;
}

// Ticks, counted from 1, until a change of a long quiet series is found; lanes that did not find it
// within `limit` count as limit + 1. `offset(k)` is added at the k-th tick, counted from 0.
template <class Offset>
std::vector<std::size_t> ticks_to_find(std::string_view name, Offset offset, std::size_t limit) {
  Rig rig(name, 1, 1, detectors::DetectorOptions{}, 1000);
  core::Rng rng(32);
  std::vector<std::size_t> found(kLanes, limit + 1);
  constexpr std::int64_t kQuiet = 600;
  for (std::int64_t t = 0; t < kQuiet + static_cast<std::int64_t>(limit); ++t) {
    const auto k = static_cast<std::size_t>(std::max<std::int64_t>(t - kQuiet, 0));
    BlockInput input(1);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double change = t >= kQuiet ? offset(k) : 0.0;
      input.set(0, lane, static_cast<float>(50.0 + rng.normal() + change));
    }
    const VerdictColumns& out = rig.tick(t, input);
    if (t < kQuiet) continue;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (out.raw[lane] >= rig.detector().threshold()) found[lane] = std::min(found[lane], k + 1);
    }
  }
  return found;
}

struct Case {
  const char* name;
  double normal_least, normal_most;  // false alarms per value on normal noise
  double exponential_most;           // and on exponential noise, which is skewed
};

constexpr Case kCases[] = {
    {"zscore", 0.002, 0.005, 0.025},      {"mad", 0.0003, 0.0015, 0.06},
    {"iqr", 0.0, 0.00005, 0.015},         {"moving_average", 0.0003, 0.0015, 0.015},
    {"regression", 0.0003, 0.0015, 0.02}, {"seasonal_esd", 0.001, 0.0035, 0.06},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(detector_rates_test)

BOOST_AUTO_TEST_CASE(every_statistical_detector_has_stated_rates) {
  for (const std::string& name : statistical_names()) {
    BOOST_TEST(std::ranges::any_of(kCases, [&](const Case& c) { return name == c.name; }), name);
  }
}

BOOST_AUTO_TEST_CASE(false_alarms_stay_within_the_stated_rate) {
  for (const Case& c : kCases) {
    BOOST_TEST_CONTEXT(c.name) {
      const Rates normal = false_alarms(
          c.name, [](core::Rng& rng) { return static_cast<float>(20.0 + rng.normal()); });
      BOOST_TEST_MESSAGE(c.name << " normal noise: " << normal.ratio());
      BOOST_TEST(normal.judged == 512'000U);
      BOOST_TEST(normal.ratio() >= c.normal_least);
      BOOST_TEST(normal.ratio() <= c.normal_most);
      const Rates exponential = false_alarms(
          c.name, [](core::Rng& rng) { return static_cast<float>(rng.exponential()); });
      BOOST_TEST_MESSAGE(c.name << " exponential noise: " << exponential.ratio());
      BOOST_TEST(exponential.ratio() <= c.exponential_most);
    }
  }
}

BOOST_AUTO_TEST_CASE(spikes_of_ten_sigmas_are_found_at_once) {
  for (const Case& c : kCases) {
    BOOST_TEST_CONTEXT(c.name) {
      for (const double height : {10.0, -10.0}) {
        const auto found = ticks_to_find(
            c.name, [height](std::size_t k) { return k == 0 ? height : 0.0; }, 1);
        BOOST_TEST(std::ranges::count(found, 1U) == static_cast<std::ptrdiff_t>(kLanes));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(steps_of_six_sigmas_are_found_within_three_ticks) {
  for (const Case& c : kCases) {
    BOOST_TEST_CONTEXT(c.name) {
      for (const double height : {6.0, -6.0}) {
        const auto found = ticks_to_find(
            c.name, [height](std::size_t) { return height; }, 3);
        BOOST_TEST(std::ranges::count_if(found, [](std::size_t k) { return k <= 3; }) >= 62);
      }
    }
  }
}

// What each of them cannot see is stated as well, so that nobody relies on it.
BOOST_AUTO_TEST_CASE(a_slow_drift_is_not_found_by_any) {
  for (const Case& c : kCases) {
    BOOST_TEST_CONTEXT(c.name) {
      const auto found = ticks_to_find(
          c.name, [](std::size_t k) { return 0.002 * static_cast<double>(k); }, 20);
      BOOST_TEST(std::ranges::count_if(found, [](std::size_t k) { return k <= 20; }) <= 12);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::contract
