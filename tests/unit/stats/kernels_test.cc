#include "anomaly_exporter/stats/kernels.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "strips.h"

namespace anomaly_exporter::stats {

BOOST_AUTO_TEST_SUITE(kernels_test)

BOOST_AUTO_TEST_CASE(both_compilations_give_equal_bits) {
  constexpr std::size_t kWindow = 37;
  core::Rng rng(11);
  Moments a;
  Moments b;
  Sorted sorted_a{kWindow};
  Sorted sorted_b{kWindow};
  Ring ring{kWindow + 1};
  for (std::size_t tick = 0; tick < 2000; ++tick) {
    const LaneMask add = random_mask(rng);
    const Strip in = random_strip(rng, add);
    const std::size_t old = (tick + 1) % ring.slots;  // the slot of tick - kWindow
    const LaneMask remove = tick >= kWindow ? ring.learned[old] : 0;
    Strip out;
    std::copy_n(ring.values.begin() + static_cast<std::ptrdiff_t>(old * kLanes), kLanes,
                out.begin());

    const LaneHistory history = ring.last(std::min(tick, kWindow - 1), tick);
    const LaneMask doubt = base().moments_update(a.strip(), in.data(), add, out.data(), remove);
    BOOST_TEST(doubt == best().moments_update(b.strip(), in.data(), add, out.data(), remove));
    BOOST_REQUIRE(a == b);
    const LaneMask anew = tick % 5 == 0 ? ~LaneMask{0} : doubt;
    base().moments_recompute(a.strip(), history, in.data(), add, anew);
    best().moments_recompute(b.strip(), history, in.data(), add, anew);
    BOOST_REQUIRE(a == b);

    BOOST_TEST(base().sorted_update(sorted_a.strip(), in.data(), add, out.data(), remove) == 0U);
    BOOST_TEST(best().sorted_update(sorted_b.strip(), in.data(), add, out.data(), remove) == 0U);
    BOOST_REQUIRE(sorted_a.values == sorted_b.values);
    BOOST_REQUIRE(sorted_a.count == sorted_b.count);

    LaneMask filled = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      filled |= static_cast<LaneMask>(sorted_a.count[lane] > 0) << lane;
    }
    std::array<Doubles, 10> x{};
    std::array<std::uint32_t, kLanes> count_x{};
    std::array<Doubles, 10> y{};
    std::array<std::uint32_t, kLanes> count_y{};
    const auto estimate = [&](const Kernels& k, const Moments& m, const Sorted& s,
                              std::array<Doubles, 10>& to, auto& count) {
      k.moments_estimate(m.view(), to[0].data(), to[1].data());
      k.median_mad(s.view(), filled, to[2].data(), to[3].data());
      k.median_iqr(s.view(), filled, to[4].data(), to[5].data());
      k.line_forecast(history, to[6].data(), to[7].data(), count.data());
      Strip expected;
      Strip scale;
      const Strip floor{};
      const LaneMask finite = k.standardise(to[6].data(), to[7].data(), in.data(), floor.data(),
                                            to[8].data(), expected.data(), scale.data());
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        to[9][lane] = static_cast<double>(expected[lane]) / static_cast<double>(scale[lane]);
        if (!has(add, lane)) to[8][lane] = 0.0;  // unspecified: the value is absent
      }
      return finite;
    };
    BOOST_TEST(estimate(base(), a, sorted_a, x, count_x) ==
               estimate(best(), b, sorted_b, y, count_y));
    for (std::size_t i = 0; i < x.size(); ++i) BOOST_REQUIRE(equal_bits(x[i], y[i]));
    BOOST_REQUIRE(count_x == count_y);

    ring.put(tick, in, add);
  }
}

BOOST_AUTO_TEST_CASE(moments_leave_lanes_outside_both_masks_as_they_are) {
  core::Rng rng(3);
  Moments moments;
  Strip in;
  for (std::size_t i = 0; i < 5; ++i) {
    for (float& v : in) v = static_cast<float>(rng.uniform());
    best().moments_update(moments.strip(), in.data(), ~LaneMask{0}, in.data(), 0);
  }
  const Moments before = moments;
  Strip poison;
  poison.fill(kNan);
  poison[7] = 1.0F;
  best().moments_update(moments.strip(), poison.data(), LaneMask{1} << 7, poison.data(), 0);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    BOOST_TEST((moments.sum[lane] == before.sum[lane]) == (lane != 7));
    BOOST_TEST((moments.count[lane] == before.count[lane]) == (lane != 7));
  }
}

BOOST_AUTO_TEST_CASE(moments_report_a_removed_value_that_dominated) {
  Moments moments;
  Strip one;
  one.fill(1.0F);
  Strip two;
  two.fill(2.0F);
  Strip huge;
  huge.fill(1e18F);
  constexpr LaneMask kAll = ~LaneMask{0};
  best().moments_update(moments.strip(), one.data(), kAll, one.data(), 0);
  best().moments_update(moments.strip(), two.data(), kAll, one.data(), 0);
  best().moments_update(moments.strip(), huge.data(), kAll, one.data(), 0);
  BOOST_TEST(best().moments_update(moments.strip(), one.data(), 0b101, huge.data(), 0b101) ==
             0b101U);
}

BOOST_AUTO_TEST_CASE(moments_of_an_emptied_row_start_anew) {
  Moments moments;
  Strip huge;
  huge.fill(kMaxFloat);
  Strip small;
  small.fill(0.25F);
  constexpr LaneMask kAll = ~LaneMask{0};
  best().moments_update(moments.strip(), huge.data(), kAll, huge.data(), 0);
  BOOST_TEST(best().moments_update(moments.strip(), small.data(), kAll, huge.data(), kAll) == 0U);
  Doubles mean;
  Doubles deviation;
  best().moments_estimate(moments.view(), mean.data(), deviation.data());
  BOOST_TEST(mean[0] == 0.25);
  BOOST_TEST(deviation[0] == 0.0);
}

BOOST_AUTO_TEST_CASE(recomputed_sums_are_those_of_the_two_pass_formula) {
  core::Rng rng(5);
  Ring ring{20, 4};
  for (std::size_t tick = 0; tick < 50; ++tick) {
    const LaneMask mask = random_mask(rng);
    ring.put(tick, random_strip(rng, mask), mask);
  }
  const LaneHistory history = ring.last(19, 50);
  Moments moments;
  Strip in{};
  best().moments_recompute(moments.strip(), history, in.data(), 0, 0b1111);
  Doubles mean;
  Doubles deviation;
  best().moments_estimate(moments.view(), mean.data(), deviation.data());
  for (std::size_t lane = 0; lane < 4; ++lane) {
    const std::vector<float> values = ring.lane(history, lane);
    long double total = 0;
    for (const float v : values) total += static_cast<long double>(v);
    const long double want = total / static_cast<long double>(values.size());
    long double squares = 0;
    for (const float v : values)
      squares += (static_cast<long double>(v) - want) * (static_cast<long double>(v) - want);
    const auto sd =
        static_cast<double>(std::sqrt(squares / static_cast<long double>(values.size())));
    BOOST_TEST(std::abs(mean[lane] - static_cast<double>(want)) <= 1e-12 * sd);
    BOOST_TEST(std::abs(deviation[lane] - sd) <= 1e-9 * sd);
  }
}

BOOST_AUTO_TEST_CASE(a_line_is_continued_exactly_across_a_gap) {
  Ring ring{16, 2};
  for (std::size_t tick = 0; tick < 12; ++tick) {
    Strip strip{};
    strip[0] = 3.0F + 2.0F * static_cast<float>(tick);
    strip[1] = kNan;
    ring.put(tick, strip, tick % 3 == 1 ? 0 : 1);
  }
  Doubles forecast;
  Doubles error;
  std::array<std::uint32_t, kLanes> count;
  best().line_forecast(ring.last(12, 12), forecast.data(), error.data(), count.data());
  BOOST_TEST(count[0] == 8U);
  BOOST_TEST(forecast[0] == 27.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(error[0] < 1e-6);
  BOOST_TEST(count[1] == 0U);
  BOOST_TEST(forecast[1] == 0.0);
}

BOOST_AUTO_TEST_CASE(recent_moments_are_those_of_the_plain_sums_newest_first) {
  core::Rng rng(17);
  for (const std::size_t stride : {1U, 4U, 8U, 64U}) {
    const LaneMask every = ~LaneMask{0} >> (kLanes - stride);
    std::vector<float> values(7 * stride);
    std::vector<LaneMask> learned(7);
    for (std::size_t slot = 0; slot < 7; ++slot) {
      learned[slot] = slot % 3 == 0 ? every : random_mask(rng) & every;
      for (std::size_t lane = 0; lane < stride; ++lane) {
        const auto value = static_cast<float>(100 + rng.normal());
        values[slot * stride + lane] = has(learned[slot], lane) ? value : kNan;
      }
    }
    const LaneHistory history{values.data(), learned.data(), stride, 7, 5, 6};  // 5, 6, 0 ... 3
    Strip about, mean, deviation, base_mean, base_deviation;
    for (float& v : about) v = static_cast<float>(100 + rng.normal());
    base().recent_moments(history, about.data(), base_mean.data(), base_deviation.data());
    best().recent_moments(history, about.data(), mean.data(), deviation.data());
    for (std::size_t lane = 0; lane < stride; ++lane) {
      float sum = 0, squares = 0, count = 0;
      for (const std::size_t slot : {3U, 2U, 1U, 0U, 6U, 5U}) {
        if (!has(learned[slot], lane)) continue;
        const float d = values[slot * stride + lane] - about[lane];
        sum += d;
        squares += d * d;
        count += 1;
      }
      const float off = sum / std::max(count, 1.0F);
      const float variance = squares / std::max(count, 1.0F) - off * off;
      BOOST_TEST(mean[lane] == about[lane] + off);
      BOOST_TEST(deviation[lane] == std::sqrt(std::max(variance, 0.0F)));
      BOOST_TEST(base_mean[lane] == mean[lane]);
      BOOST_TEST(base_deviation[lane] == deviation[lane]);
    }
  }
}

BOOST_AUTO_TEST_CASE(standardised_values_satisfy_their_own_definition) {
  struct Case {
    double centre;
    double spread;
    float floor;
    float value;
    double scale;
  };
  const std::vector<Case> cases = {
      {10.0, 2.0, 0.0F, 16.0F, 2.0},  // the estimate
      {10.0, 2.0, 3.0F, 16.0F, 3.0},  // the caller's floor
      {1e6, 0.0, 0.0F, 1e6F, 1.0},    // one millionth of the centre
      {0.0, 0.0, 0.0F, 5.0F, 1e-9},   // the last resort
      {-10.0, 2.0, 0.0F, -16.0F, 2.0},
  };
  for (const Case& c : cases) {
    Doubles centre{};
    Doubles spread{};
    Strip values{};
    Strip floor{};
    centre[5] = c.centre;
    spread[5] = c.spread;
    values[5] = c.value;
    floor[5] = c.floor;
    Doubles raw;
    Strip expected;
    Strip scale;
    const LaneMask finite =
        best().standardise(centre.data(), spread.data(), values.data(), floor.data(), raw.data(),
                           expected.data(), scale.data());
    BOOST_TEST(has(finite, 5));
    BOOST_TEST(scale[5] == static_cast<float>(c.scale));
    BOOST_TEST(raw[5] == std::abs(static_cast<double>(c.value) - static_cast<double>(expected[5])) /
                             static_cast<double>(scale[5]));
  }
}

BOOST_AUTO_TEST_CASE(standardise_refuses_what_float_cannot_hold) {
  Doubles centre{};
  Doubles spread{};
  centre[0] = 1e39;
  centre[1] = -1e300;
  spread[2] = 1e39;
  centre[3] = std::numeric_limits<double>::quiet_NaN();
  spread[4] = std::numeric_limits<double>::quiet_NaN();
  centre[5] = static_cast<double>(kMaxFloat);
  Strip values{};
  Strip floor{};
  values[5] = -kMaxFloat;
  Doubles raw;
  Strip expected;
  Strip scale;
  const LaneMask finite =
      best().standardise(centre.data(), spread.data(), values.data(), floor.data(), raw.data(),
                         expected.data(), scale.data());
  BOOST_TEST((finite & 0b111111U) == 0b100000U);
  BOOST_TEST(std::isfinite(raw[5]));
}

BOOST_AUTO_TEST_CASE(the_chosen_table_is_that_of_this_processor) {
  BOOST_TEST(&kernels() == &kernels(core::detected_cpu_level()));
  BOOST_TEST(&kernels(core::CpuLevel::Base) != &kernels(core::CpuLevel::V3));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
