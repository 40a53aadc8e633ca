#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "anomaly_exporter/tools/backtest.h"
#include "anomaly_exporter/tools/noise_series.h"

namespace anomaly_exporter::tools {

namespace {

std::vector<double> draw(NoiseFamily family, std::size_t ticks, std::size_t lane = 0) {
  NoiseStream stream(family, 7, 0);
  std::vector<float> lanes(64);
  std::vector<double> values;
  for (std::size_t k = 0; k < ticks; ++k) {
    stream.next(lanes);
    values.push_back(static_cast<double>(lanes[lane]));
  }
  return values;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size()))];
}

NoiseOptions small_run(unsigned threads) {
  return {.families = {NoiseFamily::Normal, NoiseFamily::Poisson},
          .settings = default_backtest_settings(),
          .series_weeks = 20,
          .interval = std::chrono::minutes(10),
          .entities = 100,
          .burn_in = std::chrono::hours(72),
          .seed = 3,
          .threads = threads};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(noise_series_test)

// Quantiles of the distributions, from their textbook forms (R: qnorm, qt, qexp, qlnorm, qpois).
struct Want {
  NoiseFamily family;
  double q, value, tolerance;
};
constexpr Want kWants[] = {
    {NoiseFamily::Normal, 0.5, 0, 0.02},
    {NoiseFamily::Normal, 0.975, 1.959964, 0.04},
    {NoiseFamily::Laplace, 0.25, -0.693147, 0.03},
    {NoiseFamily::Laplace, 0.975, 2.995732, 0.1},
    {NoiseFamily::StudentT3, 0.75, 0.764892, 0.03},
    {NoiseFamily::StudentT3, 0.975, 3.182446, 0.15},
    {NoiseFamily::LogNormal, 0.5, 1, 0.03},
    {NoiseFamily::LogNormal, 0.975, 7.099071, 0.3},
    {NoiseFamily::Ar1, 0.975, 1.959964, 0.15},
    {NoiseFamily::Poisson, 0.5, 20, 0},
    {NoiseFamily::Poisson, 0.975, 29, 0},
};

BOOST_AUTO_TEST_CASE(every_family_has_its_quantiles) {
  for (const Want& want : kWants) {
    const double got = quantile(draw(want.family, 100'000), want.q);
    BOOST_TEST_INFO(to_string(want.family) << " at " << want.q);
    BOOST_TEST(std::fabs(got - want.value) <= want.tolerance);
  }
}

BOOST_AUTO_TEST_CASE(only_ar1_remembers_its_last_value) {
  for (const NoiseFamily family : kNoiseFamilies) {
    const auto values = draw(family, 50'000);
    const double centre = mean(values);
    double products = 0;
    double squares = 0;
    for (std::size_t k = 1; k < values.size(); ++k) {
      products += (values[k] - centre) * (values[k - 1] - centre);
      squares += (values[k] - centre) * (values[k] - centre);
    }
    const double want = family == NoiseFamily::Ar1 ? 0.9 : 0.0;
    BOOST_TEST_INFO(to_string(family));
    BOOST_TEST(std::fabs(products / squares - want) < 0.03);
  }
}

BOOST_AUTO_TEST_CASE(lanes_and_streams_differ_and_seeds_repeat) {
  std::vector<float> a(64), b(64), c(64);
  NoiseStream(NoiseFamily::Normal, 1, 0).next(a);
  NoiseStream(NoiseFamily::Normal, 1, 0).next(b);
  NoiseStream(NoiseFamily::Normal, 1, 1).next(c);
  BOOST_TEST(a == b, boost::test_tools::per_element());
  BOOST_TEST(a != c);
  BOOST_TEST(a[0] != a[1]);
}

BOOST_AUTO_TEST_CASE(the_poisson_interval_excludes_at_most_its_share_on_each_side) {
  // scipy.stats.poisson: for mean 300, cdf(245) < 0.0005 is false and cdf(244) is true; likewise
  // sf above 358.
  const auto [low, high] = poisson_interval(300, 0.999);
  BOOST_TEST(low == 245U);
  BOOST_TEST(high == 359U);
  const auto [none, few] = poisson_interval(0, 0.999);
  BOOST_TEST(none == 0U);
  BOOST_TEST(few == 0U);
  const auto one = poisson_interval(1, 0.95);  // P(X > 3) = 0.019
  BOOST_TEST(one.first == 0U);
  BOOST_TEST(one.second == 3U);
}

BOOST_AUTO_TEST_CASE(the_result_does_not_depend_on_the_number_of_threads) {
  const auto one = run_noise(small_run(1));
  const auto two = run_noise(small_run(2));
  BOOST_REQUIRE(one.ok());
  BOOST_REQUIRE(two.ok());
  BOOST_TEST(noise_json(*one) == noise_json(*two));
}

BOOST_AUTO_TEST_CASE(the_budget_of_the_counted_weeks_is_what_was_asked_for) {
  const auto results = run_noise(small_run(2));
  BOOST_REQUIRE(results.ok());
  BOOST_REQUIRE_EQUAL(results->size(), 2U);
  for (const auto& r : *results) {
    BOOST_TEST(r.series_weeks == 20.0, boost::test_tools::tolerance(0.01));
    BOOST_TEST(r.expected == 20.0, boost::test_tools::tolerance(0.01));  // one a week
    BOOST_TEST(r.low < 20U);
    BOOST_TEST(r.high > 20U);
  }
}

BOOST_AUTO_TEST_CASE(a_larger_budget_lets_more_alarms_through) {
  auto options = small_run(2);
  options.families = {NoiseFamily::Normal};
  options.settings.ensemble.alarm_budget = {.alarms = 50, .per = std::chrono::hours(24 * 7)};
  const auto loud = run_noise(options);
  options.settings.ensemble.alarm_budget.alarms = 1;
  const auto quiet = run_noise(options);
  BOOST_REQUIRE(loud.ok());
  BOOST_REQUIRE(quiet.ok());
  BOOST_TEST(loud->front().seen > 2 * quiet->front().seen + 10);
}

BOOST_AUTO_TEST_CASE(reads_lists_of_families_and_names_what_it_does_not_know) {
  BOOST_TEST(parse_noise_families("all")->size() == kNoiseFamilies.size());
  BOOST_TEST(
      (*parse_noise_families("ar1,normal") == std::vector{NoiseFamily::Ar1, NoiseFamily::Normal}));
  const auto bad = parse_noise_families("pink");
  BOOST_REQUIRE(!bad.ok());
  BOOST_TEST(bad.error().message ==
             "\"pink\" is not a noise family; use all, normal, laplace, student_t3, log_normal, "
             "ar1, poisson");
}

BOOST_AUTO_TEST_CASE(nothing_to_count_is_an_error) {
  auto options = small_run(1);
  options.entities = 0;
  BOOST_TEST(!run_noise(options).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::tools
