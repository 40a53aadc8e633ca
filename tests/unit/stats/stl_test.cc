#include "anomaly_exporter/stats/stl.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/stats/stl_plan.h"

namespace anomaly_exporter::stats {
namespace {

struct Reference {
  StlOptions options;
  std::vector<double> values, seasonal, trend;  // components NaN where not recorded
};

double number(const std::string& text) { return text.empty() ? std::nan("") : std::stod(text); }

/// What statsmodels makes of a few series (tests/data/reference/stl.py).
std::vector<Reference> references() {
  std::ifstream file(AE_TEST_DATA "/reference/stl.csv");
  std::vector<Reference> out;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::string a, b, c, d;
    std::getline(cells, a, ',');
    std::getline(cells, b, ',');
    std::getline(cells, c, ',');
    if (a == "series") {
      std::getline(cells, d, ',');
      Reference& r = out.emplace_back();
      r.options.period = std::stoul(c);
      r.options.inner = std::stoul(d);
    } else {
      out.back().values.push_back(number(a));
      out.back().seasonal.push_back(number(b));
      out.back().trend.push_back(number(c));
    }
  }
  return out;
}

double amplitude(const std::vector<double>& values) {
  const auto [least, most] = std::ranges::minmax(values);
  return most - least;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isnan(a[i])) largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

struct Fast {
  std::vector<float> seasonal, trend;
};

Fast fast(const std::vector<double>& values, const StlOptions& options, core::CpuLevel level) {
  auto plan = StlPlan::create(values.size(), options);
  BOOST_REQUIRE(plan.ok());
  const std::vector<float> in(values.begin(), values.end());
  std::vector<float> scratch(plan->scratch_size());
  Fast out{std::vector<float>(in.size()), std::vector<float>(in.size())};
  plan->decompose(in, scratch, out.seasonal, out.trend, level);
  return out;
}

std::vector<double> wave(std::size_t samples, std::size_t period, double level,
                         std::uint64_t seed) {
  core::Rng rng(seed);
  std::vector<double> values(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    const double phase =
        2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(period);
    const double value = level + 30 * std::sin(phase) + 5 * rng.normal();
    values[i] = static_cast<double>(static_cast<float>(value));
  }
  return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stl_test)

BOOST_AUTO_TEST_CASE(equals_statsmodels_within_a_millionth_of_the_amplitude) {
  const auto cases = references();
  BOOST_REQUIRE(cases.size() == 4U);
  for (const Reference& r : cases) {
    const auto got = stl_decompose(r.values, r.options);
    BOOST_REQUIRE(got.ok());
    const double limit = 1e-6 * amplitude(r.values);
    BOOST_TEST(largest_difference(r.seasonal, got->seasonal) < limit);
    BOOST_TEST(largest_difference(r.trend, got->trend) < limit);
    BOOST_TEST(amplitude(got->seasonal) > 30.0);
  }
}

BOOST_AUTO_TEST_CASE(the_filters_equal_the_steps_within_1e_5_of_the_amplitude) {
  struct Case {
    std::size_t samples, period, seasonal, inner;
    double level;
  };
  for (const Case& c : {Case{1000, 60, 7, 5, 100}, Case{672, 48, 7, 2, 1e4}, Case{96, 48, 7, 2, 0},
                        Case{100, 7, 7, 5, 0}, Case{50, 2, 7, 2, 0}, Case{672, 336, 7, 2, -50},
                        Case{671, 333, 7, 2, 0}, Case{100, 5, 35, 2, 0}, Case{9, 4, 3, 3, 0}}) {
    const StlOptions options{.period = c.period, .seasonal = c.seasonal, .inner = c.inner};
    const auto values = wave(c.samples, c.period, c.level, 7 + c.samples);
    const auto want = stl_decompose(values, options);
    BOOST_REQUIRE(want.ok());
    const Fast got = fast(values, options, core::detected_cpu_level());
    const double limit = 1e-5 * amplitude(values) + 1e-7 * std::abs(c.level);
    const std::vector<double> seasonal(got.seasonal.begin(), got.seasonal.end());
    const std::vector<double> trend(got.trend.begin(), got.trend.end());
    BOOST_TEST_CONTEXT(c.samples << " samples, period " << c.period) {
      BOOST_TEST(largest_difference(want->seasonal, seasonal) < limit);
      BOOST_TEST(largest_difference(want->trend, trend) < limit);
    }
  }
}

BOOST_AUTO_TEST_CASE(both_compilations_give_equal_bits) {
  for (const std::size_t period : {7U, 48U, 60U}) {
    const auto values = wave(611, period, 20, period);
    const StlOptions options{.period = period, .inner = 3};
    const Fast base = fast(values, options, core::CpuLevel::Base);
    const Fast best = fast(values, options, core::detected_cpu_level());
    BOOST_TEST(base.seasonal == best.seasonal);
    BOOST_TEST(base.trend == best.trend);
  }
}

BOOST_AUTO_TEST_CASE(a_straight_line_is_all_trend) {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) values.push_back(5.0 + 0.25 * i);
  const auto got = stl_decompose(values, {.period = 20});
  BOOST_REQUIRE(got.ok());
  for (std::size_t i = 0; i < values.size(); ++i) {
    BOOST_REQUIRE_SMALL(got->seasonal[i], 1e-9);
    BOOST_REQUIRE_SMALL(got->trend[i] - values[i], 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(the_default_lengths_are_those_of_the_paper) {
  const StlOptions o = StlOptions{.period = 60}.resolved();
  BOOST_TEST(o.trend == 115U);
  BOOST_TEST(o.low_pass == 61U);
  BOOST_TEST(StlOptions{.period = 7}.resolved().low_pass == 9U);
}

BOOST_AUTO_TEST_CASE(refuses_options_that_make_no_sense) {
  const std::vector<double> values(100);
  for (const StlOptions& bad :
       {StlOptions{.period = 1}, StlOptions{.period = 51}, StlOptions{.period = 10, .seasonal = 4},
        StlOptions{.period = 10, .seasonal = 1}, StlOptions{.period = 10, .trend = 9},
        StlOptions{.period = 10, .trend = 12}, StlOptions{.period = 10, .low_pass = 12},
        StlOptions{.period = 10, .low_pass = 9}, StlOptions{.period = 10, .inner = 0},
        StlOptions{.period = 10, .inner = 101}}) {
    BOOST_TEST(!stl_decompose(values, bad).ok());
    BOOST_TEST(!StlPlan::create(values.size(), bad).ok());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
