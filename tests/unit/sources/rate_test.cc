#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/rate.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::sources {
namespace {

using core::Duration;
using core::Timestamp;
using series::Sample;
using std::chrono::seconds;

/// The value at one time.
std::optional<double> value_at(std::vector<Sample> samples, As as, Duration width, Timestamp time) {
  std::vector<Sample> out;
  values_on_grid(samples, as, width, time, time, Duration(1), out);
  if (out.empty()) return std::nullopt;
  BOOST_TEST(out.size() == 1U);
  BOOST_CHECK(out.front().time == time);
  return out.front().value;
}

/// A sample every `step` seconds from 0 s on.
std::vector<Sample> every(int step, const std::vector<double>& values) {
  std::vector<Sample> samples;
  for (const double v : values) {
    samples.push_back({{static_cast<std::int64_t>(samples.size()) * step * 1000}, v});
  }
  return samples;
}

/// What the function does, said plainly: for one time, over copies.
std::optional<double> plain_rate(const std::vector<Sample>& all, bool rate, Duration width,
                                 Timestamp t) {
  std::vector<Sample> range;
  for (const Sample& s : all) {
    if (s.time >= t - width && s.time <= t && !core::is_stale_marker(s.value)) range.push_back(s);
  }
  if (range.size() < 2) return std::nullopt;
  double increase = range.back().value - range.front().value;
  for (std::size_t i = 1; rate && i < range.size(); ++i) {
    if (range[i].value < range[i - 1].value) increase += range[i - 1].value;
  }
  const auto seconds_of = [](Duration d) { return static_cast<double>(d.count()) / 1000; };
  double before = seconds_of(range.front().time - (t - width));
  const double behind = seconds_of(t - range.back().time);
  const double covered = seconds_of(range.back().time - range.front().time);
  const double distance = covered / static_cast<double>(range.size() - 1);
  if (rate && increase > 0 && range.front().value >= 0) {
    before = std::min(before, covered * (range.front().value / increase));
  }
  const double limit = distance * 1.1;
  double reached = covered;
  reached += before < limit ? before : distance / 2;
  reached += behind < limit ? behind : distance / 2;
  const double whole = static_cast<double>(width.count() / 1000);
  const double part = static_cast<double>(width.count() % 1000 * 1'000'000) / 1e9;
  double factor = reached / covered;
  if (rate) factor /= whole + part;
  return increase * factor;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rate_test)

BOOST_AUTO_TEST_CASE(rate_of_a_full_range_is_the_slope) {
  // [0 s, 60 s] with a sample at both ends: nothing to extrapolate.
  const auto rate = value_at(every(15, {100, 115, 130, 145, 160}), As::Rate, seconds(60), {60'000});
  BOOST_TEST_REQUIRE(rate.has_value());
  BOOST_TEST(*rate == 1.0);
}

BOOST_AUTO_TEST_CASE(the_left_end_belongs_to_the_range) {
  const std::vector<Sample> samples = {{{1000}, 1000}, {{2000}, 1001}};
  BOOST_TEST(value_at(samples, As::Rate, Duration(1000), {2000}).has_value());
  BOOST_TEST(!value_at(samples, As::Rate, Duration(999), {2000}).has_value());
}

BOOST_AUTO_TEST_CASE(a_reset_adds_the_value_before_it) {
  // 100 -> 110, reset to 5, -> 20: increase 10 + 20 over 45 s, no extrapolation at the ends but for
  // the first sample, which lies at the left end.
  const auto rate = value_at(every(15, {100, 110, 5, 20}), As::Rate, seconds(45), {45'000});
  BOOST_TEST_REQUIRE(rate.has_value());
  BOOST_TEST(*rate == 30.0 / 45.0, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(extrapolates_half_a_distance_where_samples_are_far_from_the_end) {
  // Samples at 30 s and 45 s of [0 s, 100 s]: both ends are further than 16.5 s.
  const std::vector<Sample> samples = {{{30'000}, 1000}, {{45'000}, 1015}};
  const auto delta = value_at(samples, As::Delta, seconds(100), {100'000});
  BOOST_TEST_REQUIRE(delta.has_value());
  BOOST_TEST(*delta == 30.0);  // 15 x (15 + 7.5 + 7.5) / 15
}

BOOST_AUTO_TEST_CASE(does_not_extrapolate_a_counter_below_zero) {
  // At 1 per second a counter of 2 was zero 2 s before; the range starts 10 s before.
  const std::vector<Sample> samples = {{{10'000}, 2}, {{20'000}, 12}};
  const auto rate = value_at(samples, As::Rate, seconds(20), {20'000});
  BOOST_TEST_REQUIRE(rate.has_value());
  BOOST_TEST(*rate == 12.0 / 20.0, boost::test_tools::tolerance(1e-15));
  const auto delta = value_at(samples, As::Delta, seconds(20), {20'000});
  BOOST_TEST(*delta == 20.0);
}

BOOST_AUTO_TEST_CASE(delta_ignores_resets) {
  BOOST_TEST(*value_at(every(10, {50, 10}), As::Delta, seconds(10), {10'000}) == -40.0);
}

BOOST_AUTO_TEST_CASE(fewer_than_two_samples_give_nothing) {
  BOOST_TEST(!value_at({}, As::Rate, seconds(60), {0}).has_value());
  BOOST_TEST(!value_at(every(10, {1}), As::Rate, seconds(60), {0}).has_value());
  BOOST_TEST(!value_at({{{0}, 1}, {{10}, core::stale_marker()}}, As::Delta, seconds(60), {10}));
}

BOOST_AUTO_TEST_CASE(ranges_skip_stale_markers_and_keep_other_nans) {
  std::vector<Sample> samples = every(15, {100, core::stale_marker(), 130});
  BOOST_TEST(*value_at(samples, As::Rate, seconds(30), {30'000}) == 1.0);
  samples[1].value = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(*value_at(samples, As::Rate, seconds(30), {30'000}) == 1.0);  // not below 100
  samples[2].value = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(std::isnan(*value_at(samples, As::Rate, seconds(30), {30'000})));
}

BOOST_AUTO_TEST_CASE(gauge_is_the_newest_sample_within_the_look_back) {
  const std::vector<Sample> samples = {{{1000}, 1}, {{2000}, 2}, {{9000}, 3}};
  BOOST_TEST(!value_at(samples, As::Gauge, Duration(500), {999}));
  BOOST_TEST(*value_at(samples, As::Gauge, Duration(500), {1000}) == 1.0);
  BOOST_TEST(*value_at(samples, As::Gauge, Duration(500), {2500}) == 2.0);
  BOOST_TEST(!value_at(samples, As::Gauge, Duration(500), {2501}));
  BOOST_TEST(*value_at(samples, As::Gauge, Duration(500), {9100}) == 3.0);
}

BOOST_AUTO_TEST_CASE(a_stale_marker_ends_a_gauge) {
  const std::vector<Sample> samples = {{{0}, 1}, {{1000}, core::stale_marker()}, {{2000}, 2}};
  BOOST_TEST(*value_at(samples, As::Gauge, seconds(300), {999}) == 1.0);
  BOOST_TEST(!value_at(samples, As::Gauge, seconds(300), {1000}));
  BOOST_TEST(!value_at(samples, As::Gauge, seconds(300), {1999}));
  BOOST_TEST(*value_at(samples, As::Gauge, seconds(300), {2000}) == 2.0);
}

BOOST_AUTO_TEST_CASE(a_gauge_may_be_nan) {
  BOOST_TEST(std::isnan(*value_at({{{0}, std::nan("")}}, As::Gauge, seconds(1), {0})));
}

BOOST_AUTO_TEST_CASE(the_newest_sample_is_neither_stale_nor_in_the_future) {
  const std::vector<Sample> samples = {{{1}, 1}, {{2}, core::stale_marker()}, {{3}, 3}};
  BOOST_TEST(newest_sample_time(samples, {9})->ms == 3);
  BOOST_TEST(newest_sample_time(samples, {2})->ms == 1);
  BOOST_TEST(!newest_sample_time(samples, {0}).has_value());
  BOOST_TEST(!newest_sample_time({}, {0}).has_value());
}

BOOST_AUTO_TEST_CASE(the_grid_ends_with_its_last_point) {
  std::vector<Sample> samples = every(1, {1, 2, 3, 4, 5, 6});
  std::vector<Sample> out;
  values_on_grid(samples, As::Gauge, seconds(60), {1000}, {5500}, seconds(2), out);
  const std::vector<Sample> want = {{{1000}, 2}, {{3000}, 4}, {{5000}, 6}};
  BOOST_TEST((out == want));
}

BOOST_AUTO_TEST_CASE(the_sliding_grid_equals_the_plain_formula_to_the_last_bit) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<Sample> all;
    std::int64_t t = 0;
    double v = 0;
    while (t < 600'000) {
      t += 1 + static_cast<std::int64_t>(random() % 20'000);
      v = random() % 10 == 0 ? 0 : v + static_cast<double>(random() % 1000) / 7;
      all.push_back({{t}, random() % 15 == 0 ? core::stale_marker() : v});
    }
    const bool rate = round % 2 == 0;
    const Duration width(1 + random() % 200'000);
    std::vector<Sample> got;
    std::vector<Sample> samples = all;
    values_on_grid(samples, rate ? As::Rate : As::Delta, width, {-5000}, {650'000}, Duration(777),
                   got);
    std::vector<Sample> want;
    for (Timestamp at{-5000}; at.ms <= 650'000; at.ms += 777) {
      if (const auto value = plain_rate(all, rate, width, at)) want.push_back({at, *value});
    }
    BOOST_TEST_REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      BOOST_CHECK(got[i].time == want[i].time);
      BOOST_TEST(got[i].value == want[i].value);  // no tolerance
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
