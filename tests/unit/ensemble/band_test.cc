#include "anomaly_exporter/ensemble/band.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::ensemble {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

BOOST_AUTO_TEST_SUITE(band_test)

BOOST_AUTO_TEST_CASE(bounds_are_the_last_ordinary_values) {
  const Band band = band_around(10, 2, {});
  BOOST_TEST(band.lower == std::nextafter(8.0F, kInfinity));
  BOOST_TEST(band.upper == std::nextafter(12.0F, -kInfinity));
  BOOST_TEST(band.holds(11.999F));
  BOOST_TEST(!band.holds(12));
  BOOST_TEST(!band.holds(8));
}

BOOST_AUTO_TEST_CASE(a_float_is_outside_exactly_when_it_lies_at_the_distance_or_beyond) {
  core::Rng rng(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto expected = static_cast<float>(std::exp(20 * rng.normal()) * rng.normal());
    const double distance = std::exp(10 * rng.normal());
    const Band band = band_around(expected, distance, {});
    if (!std::isfinite(band.upper) || !std::isfinite(band.lower)) continue;
    for (float value : {band.upper, std::nextafter(band.upper, kInfinity)}) {
      const bool is_far = static_cast<double>(value) - static_cast<double>(expected) >= distance;
      BOOST_TEST(band.holds(value) == !is_far);
    }
    for (float value : {band.lower, std::nextafter(band.lower, -kInfinity)}) {
      const bool is_far = static_cast<double>(expected) - static_cast<double>(value) >= distance;
      BOOST_TEST(band.holds(value) == !is_far);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_side_that_does_not_count_is_open) {
  const Band above = band_around(10, 2, {.direction = Direction::Above});
  BOOST_TEST(above.lower == -kInfinity);
  BOOST_TEST(above.upper < 12);
  const Band below = band_around(10, 2, {.direction = Direction::Below});
  BOOST_TEST(below.upper == kInfinity);
  BOOST_TEST(below.lower > 8);
}

BOOST_AUTO_TEST_CASE(the_larger_of_distance_and_least_deviations_is_the_bands_half_width) {
  BOOST_TEST(band_around(100, 2, {.min_deviation_absolute = 5}).holds(104));
  BOOST_TEST(!band_around(100, 2, {.min_deviation_absolute = 5}).holds(105));
  BOOST_TEST(band_around(-100, 2, {.min_deviation_relative = 0.1}).holds(-109));
  BOOST_TEST(!band_around(-100, 2, {.min_deviation_relative = 0.1}).holds(-110.0001F));
  BOOST_TEST(!band_around(100, 20, {.min_deviation_absolute = 5}).holds(120));
}

BOOST_AUTO_TEST_CASE(each_side_is_widened_by_its_own_factor_and_clipped_to_the_valid_range) {
  const Band band = band_around(10, 2, {.widen_above = 1.5, .widen_below = 0.5});
  BOOST_TEST(!band.holds(13));
  BOOST_TEST(band.holds(12.999F));
  BOOST_TEST(!band.holds(9));
  BOOST_TEST(band.holds(9.001F));
  BOOST_TEST(band_around(98, 2, {.valid_max = 100, .widen_above = 50}).upper == 100.0F);
  BOOST_TEST(!band_around(10, 2, {.min_deviation_absolute = 5, .widen_above = 2}).holds(15));
}

BOOST_AUTO_TEST_CASE(the_band_stays_within_the_valid_range) {
  const Significance percent{.valid_min = 0, .valid_max = 100};
  const Band band = band_around(98, 50, percent);
  BOOST_TEST(band.upper == 100.0F);
  BOOST_TEST(band_around(1, 50, percent).lower == 0.0F);
  const Significance open{.direction = Direction::Below, .valid_min = 0, .valid_max = 100};
  BOOST_TEST(band_around(98, 50, open).upper == 100.0F);
}

BOOST_AUTO_TEST_CASE(an_expected_value_outside_the_valid_range_does_not_turn_the_band_over) {
  const Significance percent{.valid_min = 0, .valid_max = 100};
  for (const double expected : {150.0, -50.0}) {
    const Band band = band_around(expected, 10, percent);
    BOOST_TEST(band.lower <= band.upper);
    BOOST_TEST(!band.holds(100));  // 100 is as far from what was expected as ever
    BOOST_TEST(!band.holds(0));
  }
}

BOOST_AUTO_TEST_CASE(bounds_beyond_float_stay_numbers) {
  const Band band = band_around(0, std::numeric_limits<double>::max(), {});
  BOOST_TEST(band.holds(std::numeric_limits<float>::max()));
  BOOST_TEST(band.holds(-std::numeric_limits<float>::max()));
  BOOST_TEST(!std::isnan(band.lower));
  const Band infinite = band_around(0, std::numeric_limits<double>::infinity(), {});
  BOOST_TEST(infinite.holds(std::numeric_limits<float>::max()));
}

BOOST_AUTO_TEST_CASE(the_bound_moves_to_the_values_side_where_it_disagrees) {
  const Band band{8, 12};
  BOOST_TEST(agree_with(band, 13, 10, false).upper == 13.0F);
  BOOST_TEST(agree_with(band, 13, 10, false).lower == 8.0F);
  BOOST_TEST(agree_with(band, 7, 10, false).lower == 7.0F);
  BOOST_TEST(!agree_with(band, 11, 10, true).holds(11));
  BOOST_TEST(agree_with(band, 11, 10, true).holds(10.9F));
  BOOST_TEST(!agree_with(band, 9, 10, true).holds(9));
  BOOST_TEST(agree_with(band, 13, 10, true).upper == 12.0F);
  BOOST_TEST(agree_with(band, 11, 10, false).upper == 12.0F);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::ensemble
