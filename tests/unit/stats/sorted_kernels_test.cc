#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "strips.h"

namespace anomaly_exporter::stats {

BOOST_AUTO_TEST_SUITE(sorted_kernels_test)

BOOST_AUTO_TEST_CASE(sorted_rows_hold_the_window_in_order) {
  constexpr std::size_t kWindow = 13;
  core::Rng rng(7);
  Sorted sorted{kWindow};
  Ring ring{kWindow + 1};
  for (std::size_t tick = 0; tick < 500; ++tick) {
    const LaneMask add = random_mask(rng);
    const Strip in = random_strip(rng, add);
    const std::size_t old = (tick + 1) % ring.slots;
    const LaneMask remove = tick >= kWindow ? ring.learned[old] : 0;
    BOOST_TEST(best().sorted_update(sorted.strip(), in.data(), add,
                                    ring.values.data() + old * kLanes, remove) == 0U);
    ring.put(tick, in, add);
    const LaneHistory history = ring.last(std::min(tick + 1, kWindow), tick + 1);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<float> want = ring.lane(history, lane);
      std::ranges::sort(want);
      BOOST_REQUIRE(sorted.row(lane) == want);
    }
  }
}

BOOST_AUTO_TEST_CASE(sorted_rows_refuse_what_contradicts_them_and_stay_as_they_are) {
  Sorted sorted{3};
  Strip in{};
  for (const float v : {3.0F, 1.0F, 2.0F}) {
    in[0] = v;
    BOOST_TEST(best().sorted_update(sorted.strip(), in.data(), 1, in.data(), 0) == 0U);
  }
  const std::vector<float> full{1.0F, 2.0F, 3.0F};
  BOOST_TEST(best().sorted_update(sorted.strip(), in.data(), 1, in.data(), 0) == 1U);
  BOOST_TEST(sorted.row(0) == full);
  Strip stranger{};
  stranger[0] = 2.5F;
  BOOST_TEST(best().sorted_update(sorted.strip(), in.data(), 1, stranger.data(), 1) == 1U);
  stranger[0] = 9.0F;
  BOOST_TEST(best().sorted_update(sorted.strip(), in.data(), 0, stranger.data(), 1) == 1U);
  BOOST_TEST(sorted.row(0) == full);
}

BOOST_AUTO_TEST_CASE(sorted_rows_treat_both_zeros_as_one) {
  Sorted sorted{3};
  Strip in{};
  in[0] = -0.0F;
  best().sorted_update(sorted.strip(), in.data(), 1, in.data(), 0);
  BOOST_TEST(!std::signbit(sorted.row(0)[0]));
  BOOST_TEST(best().sorted_update(sorted.strip(), in.data(), 0, in.data(), 1) == 0U);
  BOOST_TEST(sorted.count[0] == 0);
}

BOOST_AUTO_TEST_CASE(median_and_mad_equal_two_sorts_for_every_length) {
  core::Rng rng(13);
  for (std::size_t n = 1; n <= 200; ++n) {
    Sorted sorted{n};
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<float> values(n);
      for (float& v : values)
        v = lane % 2 == 0 ? random_value(rng) + 0.0F : static_cast<float>(rng.below(4));
      std::ranges::sort(values);
      std::ranges::copy(values, sorted.values.begin() + static_cast<std::ptrdiff_t>(lane * n));
      sorted.count[lane] = static_cast<std::uint16_t>(n);
    }
    Doubles median;
    Doubles mad;
    best().median_mad(sorted.view(), ~LaneMask{0}, median.data(), mad.data());
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::vector<float> row = sorted.row(lane);
      const auto middle = [n](const auto& sequence) {
        return 0.5 *
               (static_cast<double>(sequence[(n - 1) / 2]) + static_cast<double>(sequence[n / 2]));
      };
      BOOST_REQUIRE_EQUAL(median[lane], middle(row));
      std::vector<double> distance;
      for (const float v : row) distance.push_back(std::abs(static_cast<double>(v) - median[lane]));
      std::ranges::sort(distance);
      BOOST_REQUIRE_EQUAL(mad[lane], middle(distance));
    }
  }
}

BOOST_AUTO_TEST_CASE(quartiles_interpolate_between_order_statistics) {
  struct Case {
    std::vector<float> row;
    double median;
    double iqr;
  };
  // Definition 7 by hand: position (n - 1) q, counted from 0.
  const std::vector<Case> cases = {
      {{5.0F}, 5.0, 0.0},
      {{1.0F, 2.0F}, 1.5, 0.5},
      {{1.0F, 2.0F, 3.0F, 4.0F}, 2.5, 1.5},
      {{1.0F, 2.0F, 3.0F, 4.0F, 9.0F}, 3.0, 2.0},
      {{-kMaxFloat, kMaxFloat}, 0.0, static_cast<double>(kMaxFloat)},
  };
  for (const Case& c : cases) {
    Sorted sorted{c.row.size()};
    std::ranges::copy(c.row, sorted.values.begin());
    sorted.count[0] = static_cast<std::uint16_t>(c.row.size());
    Doubles median;
    Doubles iqr;
    best().median_iqr(sorted.view(), 1, median.data(), iqr.data());
    BOOST_TEST(median[0] == c.median);
    BOOST_TEST(iqr[0] == c.iqr);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
