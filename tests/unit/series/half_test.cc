#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/series/half.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

namespace anomaly_exporter::series {

BOOST_AUTO_TEST_SUITE(half_test)

BOOST_AUTO_TEST_CASE(every_finite_half_survives_the_way_to_float_and_back) {
  for (unsigned h = 0; h <= 0xffff; ++h) {
    const auto bits = static_cast<std::uint16_t>(h);
    if (!is_finite_half(bits)) continue;
    BOOST_REQUIRE_EQUAL(to_half(from_half(bits)), bits);
  }
}

BOOST_AUTO_TEST_CASE(knows_the_landmarks_of_the_format) {
  BOOST_TEST(to_half(0.0F) == 0x0000);
  BOOST_TEST(to_half(-0.0F) == 0x8000);
  BOOST_TEST(to_half(1.0F) == 0x3c00);
  BOOST_TEST(to_half(-2.0F) == 0xc000);
  BOOST_TEST(to_half(kHalfMax) == 0x7bff);
  BOOST_TEST(to_half(0x1p-14F) == 0x0400);
  BOOST_TEST(to_half(0x1p-24F) == 0x0001);
  BOOST_TEST(to_half(0x1p-26F) == 0x0000);
  BOOST_TEST(from_half(0x3555) == 0.333251953125F);
}

BOOST_AUTO_TEST_CASE(rounds_to_the_nearest_and_ties_to_even) {
  // Between two neighbours, the float half-way goes to the even one and its neighbours to their
  // side.
  for (unsigned h = 0; h < 0x7bff; ++h) {
    const float low = from_half(static_cast<std::uint16_t>(h));
    const float high = from_half(static_cast<std::uint16_t>(h + 1));
    const float middle = (low + high) / 2;
    BOOST_REQUIRE_EQUAL(to_half(middle), (h % 2 == 0) ? h : h + 1);
    BOOST_REQUIRE_EQUAL(to_half(std::nextafter(middle, 0.0F)), h);
    BOOST_REQUIRE_EQUAL(to_half(std::nextafter(middle, 1e9F)), h + 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
