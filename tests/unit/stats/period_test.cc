#include "anomaly_exporter/stats/period.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <numbers>
#include <optional>
#include <vector>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::stats {
namespace {

constexpr std::size_t kDay = 48;
constexpr std::size_t kTrials = 400;

/// A series of two weeks: value by half hour.
using Draw = std::function<double(core::Rng&, std::size_t)>;

std::optional<std::size_t> search(core::Rng& rng, const Draw& draw, double missing = 0.1) {
  std::vector<float> values(kPeriodSamples);
  std::vector<std::uint8_t> present(kPeriodSamples);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(draw(rng, i));
    present[i] = rng.uniform() >= missing ? 1 : 0;
    if (present[i] == 0) values[i] = std::nanf("");
  }
  return find_period(values, present, kDay);
}

/// Share of trials in which a period within `slack` of `period` is found.
double share_found(std::size_t period, std::size_t slack, const Draw& draw,
                   std::size_t trials = 50) {
  core::Rng rng(period);
  std::size_t found = 0;
  for (std::size_t i = 0; i < trials; ++i) {
    const auto got = search(rng, draw);
    found += got && *got + slack >= period && *got <= period + slack ? 1U : 0U;
  }
  return static_cast<double>(found) / static_cast<double>(trials);
}

double false_finds(const Draw& draw) {
  core::Rng rng(99);
  std::size_t found = 0;
  for (std::size_t i = 0; i < kTrials; ++i) found += search(rng, draw) ? 1U : 0U;
  return static_cast<double>(found) / static_cast<double>(kTrials);
}

double wave(std::size_t i, std::size_t period) {
  return std::sin(2 * std::numbers::pi * static_cast<double>(i % period) /
                  static_cast<double>(period));
}

/// A job that runs during the first quarter of each period.
double job(std::size_t i, std::size_t period) { return 4 * (i % period) < period ? 2.0 : 0.0; }

}  // namespace

BOOST_AUTO_TEST_SUITE(period_test)

BOOST_AUTO_TEST_CASE(noise_has_no_season) {
  BOOST_TEST(false_finds([](core::Rng& rng, std::size_t) { return rng.normal(); }) <= 0.005);
  BOOST_TEST(false_finds([](core::Rng& rng, std::size_t) { return rng.exponential(); }) <= 0.005);
  double state = 0;
  const auto autoregressive = [&](double weight) {
    return false_finds([&state, weight](core::Rng& rng, std::size_t i) {
      state = (i == 0 ? 0.0 : weight * state) + rng.normal();
      return state;
    });
  };
  BOOST_TEST(autoregressive(0.9) <= 0.005);
  BOOST_TEST(autoregressive(1.0) <= 0.05);  // a random walk
}

BOOST_AUTO_TEST_CASE(a_constant_or_an_empty_series_has_no_season) {
  core::Rng rng(1);
  BOOST_TEST(!search(rng, [](core::Rng&, std::size_t) { return 1e6; }).has_value());
  BOOST_TEST(!search(
                  rng, [](core::Rng&, std::size_t) { return 1.0; }, 1.0)
                  .has_value());
  BOOST_TEST(!find_period({}, {}, kDay).has_value());
}

BOOST_AUTO_TEST_CASE(finds_the_day) {
  const auto daily = [](core::Rng& rng, std::size_t i) { return 2 * wave(i, 48) + rng.normal(); };
  BOOST_TEST(share_found(48, 0, daily) >= 0.95);
  const auto nightly = [](core::Rng& rng, std::size_t i) { return job(i, 48) + rng.normal(); };
  BOOST_TEST(share_found(48, 0, nightly) >= 0.95);
  double level = 0;
  const auto wandering = [&level](core::Rng& rng, std::size_t i) {
    level = i == 0 ? 0.0 : level + 0.1 * rng.normal();
    return level + 2 * wave(i, 48) + 0.5 * rng.normal();
  };
  BOOST_TEST(share_found(48, 0, wandering) >= 0.95);
}

BOOST_AUTO_TEST_CASE(finds_the_week_where_the_weekend_differs) {
  const auto weekly = [](core::Rng& rng, std::size_t i) {
    const bool weekend = i % 336 >= 240;
    return (weekend ? 0.5 : 3.0) * wave(i, 48) + (weekend ? -2.0 : 0.0) + 0.5 * rng.normal();
  };
  BOOST_TEST(share_found(336, 0, weekly) >= 0.9);
}

BOOST_AUTO_TEST_CASE(finds_half_days_and_odd_periods) {
  for (const std::size_t period : {3U, 7U, 10U, 13U, 24U, 35U, 62U}) {
    BOOST_TEST_CONTEXT(period) {
      const auto jobs = [period](core::Rng& rng, std::size_t i) {
        return 1.5 * job(i, period) + rng.normal();
      };
      BOOST_TEST(share_found(period, 0, jobs) >= 0.9);
      // The top of a long smooth wave is flat: a few samples off is what can be told.
      const auto waves = [period](core::Rng& rng, std::size_t i) {
        return 2 * wave(i, period) + rng.normal();
      };
      BOOST_TEST(share_found(period, period / 12, waves) >= 0.9);
    }
  }
}

BOOST_AUTO_TEST_CASE(finds_the_day_where_every_other_sample_is_absent) {
  core::Rng rng(4);
  std::vector<float> values(kPeriodSamples);
  std::vector<std::uint8_t> present(kPeriodSamples);
  for (std::size_t i = 0; i < values.size(); i += 2) {
    values[i] = static_cast<float>(40 * wave(i, kDay) + rng.normal());
    present[i] = 1;
  }
  BOOST_TEST((find_period(values, present, kDay) == std::optional<std::size_t>(kDay)));
}

BOOST_AUTO_TEST_CASE(two_days_are_enough_for_the_day) {
  core::Rng rng(3);
  std::vector<float> values(2 * kDay);
  const std::vector<std::uint8_t> present(2 * kDay, 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(5 * wave(i, kDay) + 0.5 * rng.normal());
  }
  BOOST_TEST((find_period(values, present, kDay) == std::optional<std::size_t>(kDay)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
