#include "anomaly_exporter/core/rng.h"

#define BOOST_TEST_DYN_LINK
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <set>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(rng_test)

constexpr int kDraws = 200'000;

BOOST_AUTO_TEST_CASE(gives_the_published_sequence) {
  // splitmix64 of seed 0 fills the state with e220a8397b1dcdaf 6e789e6aa1b965f4 06c45d188009454f
  // f88bb8a8724c81ec; xoshiro256** then starts as its reference implementation does.
  Rng rng(0);
  BOOST_TEST(rng.next() == 0x99EC5F36CB75F2B4ULL);
  BOOST_TEST(rng.next() == 0xBF6E1F784956452AULL);
  BOOST_TEST(rng.next() == 0x1A5F849D4933E6E0ULL);
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_and_other_seeds_other_numbers) {
  Rng a(42);
  Rng b(42);
  Rng c(43);
  int equal_to_c = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t drawn = a.next();
    BOOST_TEST(drawn == b.next());
    equal_to_c += drawn == c.next() ? 1 : 0;
  }
  BOOST_TEST(equal_to_c == 0);
}

BOOST_AUTO_TEST_CASE(uniform_stays_below_one_and_fills_the_interval) {
  Rng rng(1);
  std::array<int, 10> counts{};
  double sum = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform();
    BOOST_REQUIRE(u >= 0.0 && u < 1.0);
    ++counts[static_cast<std::size_t>(u * 10.0)];
    sum += u;
  }
  // Five standard deviations: sqrt(n p q) = 134 per tenth, 1/sqrt(12 n) = 0.00065 for the mean.
  for (const int count : counts) BOOST_TEST(std::abs(count - kDraws / 10) < 670);
  BOOST_TEST(std::fabs(sum / kDraws - 0.5) < 0.0033);
}

BOOST_AUTO_TEST_CASE(below_is_equally_likely_for_every_value) {
  Rng rng(2);
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts.at(rng.below(7));
  for (const int count : counts) BOOST_TEST(std::abs(count - kDraws / 7) < 800);
  BOOST_TEST(rng.below(1) == 0U);
}

BOOST_AUTO_TEST_CASE(below_is_unbiased_where_a_plain_remainder_is_not) {
  // With n = 3/4 * 2^64 a plain remainder falls into the lowest third half the time.
  constexpr std::uint64_t kN = 3ULL << 62;
  constexpr std::uint64_t kThird = 1ULL << 62;
  Rng rng(3);
  int low = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t drawn = rng.below(kN);
    BOOST_REQUIRE(drawn < kN);
    low += drawn < kThird ? 1 : 0;
  }
  BOOST_TEST(std::abs(low - kDraws / 3) < 1060);
}

BOOST_AUTO_TEST_CASE(normal_has_the_moments_and_tails_of_its_law) {
  Rng rng(4);
  double sum = 0.0;
  double squares = 0.0;
  int beyond_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    BOOST_REQUIRE(std::isfinite(x));
    sum += x;
    squares += x * x;
    beyond_two += std::fabs(x) > 2.0 ? 1 : 0;
  }
  BOOST_TEST(std::fabs(sum / kDraws) < 0.0112);            // 5 / sqrt(n)
  BOOST_TEST(std::fabs(squares / kDraws - 1.0) < 0.0159);  // 5 sqrt(2 / n)
  BOOST_TEST(std::fabs(beyond_two / double{kDraws} - 0.0455) < 0.0024);
}

BOOST_AUTO_TEST_CASE(exponential_has_mean_one_and_its_median) {
  Rng rng(5);
  double sum = 0.0;
  int below_median = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.exponential();
    BOOST_REQUIRE(x >= 0.0 && std::isfinite(x));
    sum += x;
    below_median += x < 0.6931471805599453 ? 1 : 0;
  }
  BOOST_TEST(std::fabs(sum / kDraws - 1.0) < 0.0112);
  BOOST_TEST(std::abs(below_median - kDraws / 2) < 1118);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
