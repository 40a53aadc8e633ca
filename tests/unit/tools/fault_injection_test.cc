#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "anomaly_exporter/tools/fault_injection.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::size_t kRows = 8000;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Two metrics with a daily pattern of 1440 rows and unit noise.
std::vector<double> history(std::size_t rows = kRows, double level = 100) {
  core::Rng rng(5);
  std::vector<double> values;
  for (std::size_t k = 0; k < rows; ++k) {
    const double day = std::sin(2 * std::numbers::pi * static_cast<double>(k) / 1440);
    values.push_back(level + 20 * day + rng.normal());
    values.push_back(-level + 10 * day + rng.normal());
  }
  return values;
}

struct Injected {
  std::vector<double> before, after;
  std::vector<Fault> faults;
};

Injected inject_all(std::span<const FaultKind> kinds, std::uint64_t seed = 1,
                    std::vector<double> values = history()) {
  Injected out{values, values, {}};
  FaultInjector injector(out.before, 2,
                         {.first_row = kRows / 2, .ticks_per_day = 1440, .ticks = {}});
  core::Rng rng(seed);
  for (std::size_t i = 0;; ++i) {
    const auto fault = injector.inject(kinds[i % kinds.size()], rng, out.after);
    if (!fault) return out;
    out.faults.push_back(*fault);
  }
}

/// Changes of the fault's metric in its rows, in sigmas.
std::vector<double> changes(const Injected& injected, const Fault& fault) {
  const FaultInjector injector(injected.before, 2, {});
  const double sigma = injector.sigma(fault.metric, fault.first);
  std::vector<double> out;
  for (std::size_t r = fault.first; r <= fault.last; ++r) {
    const std::size_t i = r * 2 + fault.metric;
    out.push_back((injected.after[i] - injected.before[i]) / sigma);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fault_injection_test, *boost::unit_test::tolerance(1e-9))

BOOST_AUTO_TEST_CASE(sigma_is_that_of_the_noise_and_not_of_the_daily_pattern) {
  const auto values = history();
  const FaultInjector injector(values, 2, {});
  BOOST_TEST(injector.sigma(0, 4000) == 1.0, boost::test_tools::tolerance(0.2));
}

BOOST_AUTO_TEST_CASE(sigma_of_a_constant_past_is_a_hundredth_of_its_level) {
  const std::vector<double> flat(500, 40.0);
  const std::vector<double> zero(500, 0.0);
  BOOST_TEST(FaultInjector(flat, 1, {}).sigma(0, 400) == 0.4);
  BOOST_TEST(FaultInjector(zero, 1, {}).sigma(0, 400) == 1.0);
}

BOOST_AUTO_TEST_CASE(spikes_last_one_to_three_ticks_and_have_eight_sigmas) {
  const auto injected = inject_all(std::array{FaultKind::Spike});
  BOOST_REQUIRE_GT(injected.faults.size(), 10U);
  for (const auto& fault : injected.faults) {
    const auto change = changes(injected, fault);
    BOOST_TEST(change.size() <= 3U);
    for (const double c : change) BOOST_TEST(std::fabs(c) == 8.0);
  }
}

BOOST_AUTO_TEST_CASE(a_level_shift_has_five_sigmas_for_sixty_ticks) {
  const auto injected = inject_all(std::array{FaultKind::LevelShift});
  BOOST_REQUIRE(!injected.faults.empty());
  for (const auto& fault : injected.faults) {
    const auto change = changes(injected, fault);
    BOOST_TEST(change.size() == 60U);
    for (const double c : change) BOOST_TEST(std::fabs(c) == 5.0);
  }
}

BOOST_AUTO_TEST_CASE(a_ramp_grows_evenly_to_six_sigmas) {
  const auto injected = inject_all(std::array{FaultKind::Ramp});
  BOOST_REQUIRE(!injected.faults.empty());
  const auto change = changes(injected, injected.faults.front());
  BOOST_TEST(change.size() == 60U);
  BOOST_TEST(std::fabs(change.front()) == 0.1);
  BOOST_TEST(std::fabs(change[29]) == 3.0);
  BOOST_TEST(std::fabs(change.back()) == 6.0);
}

BOOST_AUTO_TEST_CASE(a_drop_reaches_the_lowest_value_or_six_sigmas) {
  const auto injected = inject_all(std::array{FaultKind::Drop});
  BOOST_REQUIRE(!injected.faults.empty());
  for (const auto& fault : injected.faults) {
    double lowest = 1e9;
    for (std::size_t r = 0; r < kRows; ++r) {
      lowest = std::min(lowest, injected.before[r * 2 + fault.metric]);
    }
    BOOST_TEST(fault.last - fault.first == 9U);
    for (std::size_t r = fault.first; r <= fault.last; ++r) {
      BOOST_TEST(injected.after[r * 2 + fault.metric] <= lowest);
    }
  }
}

BOOST_AUTO_TEST_CASE(silence_repeats_the_last_value) {
  const auto injected = inject_all(std::array{FaultKind::Silence});
  BOOST_REQUIRE(!injected.faults.empty());
  for (const auto& fault : injected.faults) {
    const double last = injected.before[(fault.first - 1) * 2 + fault.metric];
    for (std::size_t r = fault.first; r <= fault.last; ++r) {
      BOOST_TEST(injected.after[r * 2 + fault.metric] == last);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_metric_that_stands_still_is_not_silenced) {
  const auto injected =
      inject_all(std::array{FaultKind::Silence}, 1, std::vector<double>(kRows * 2, 7.0));
  BOOST_TEST(injected.faults.empty());
}

BOOST_AUTO_TEST_CASE(a_noise_burst_has_five_times_the_noise) {
  const auto injected = inject_all(std::array{FaultKind::NoiseBurst});
  double squares = 0;
  std::size_t count = 0;
  for (const auto& fault : injected.faults) {
    for (const double c : changes(injected, fault)) {
      squares += c * c;
      ++count;
    }
  }
  BOOST_REQUIRE_GT(count, 300U);
  // The burst's own part: sqrt(25 - 1) sigmas.
  BOOST_TEST(std::sqrt(squares / static_cast<double>(count)) == std::sqrt(24.0),
             boost::test_tools::tolerance(0.1));
}

BOOST_AUTO_TEST_CASE(a_broken_correlation_repeats_another_time_of_day) {
  const auto injected = inject_all(std::array{FaultKind::BrokenCorrelation});
  BOOST_REQUIRE(!injected.faults.empty());
  for (const auto& fault : injected.faults) {
    bool is_copy = false;
    for (std::size_t shift = 360; shift <= 1080 && !is_copy; ++shift) {
      is_copy = true;
      for (std::size_t r = fault.first; r <= fault.last && is_copy; ++r) {
        is_copy =
            injected.after[r * 2 + fault.metric] == injected.before[(r - shift) * 2 + fault.metric];
      }
    }
    BOOST_TEST(is_copy);
  }
}

BOOST_AUTO_TEST_CASE(one_metric_has_no_correlation_to_break) {
  std::vector<double> values = history();
  FaultInjector injector(values, 1, {.first_row = kRows, .ticks_per_day = 1440, .ticks = {}});
  core::Rng rng(1);
  std::vector<double> copy = values;
  BOOST_TEST(!injector.inject(FaultKind::BrokenCorrelation, rng, copy));
}

BOOST_AUTO_TEST_CASE(faults_keep_their_distance_and_change_nothing_else) {
  const auto injected = inject_all(kFaultKinds);
  BOOST_REQUIRE_GT(injected.faults.size(), 7U);
  std::vector<double> mended = injected.after;
  std::size_t free_from = kRows / 2 - 240;  // the first needs no distance from anything
  for (const auto& fault : injected.faults) {
    const std::size_t length = fault.last - fault.first + 1;
    BOOST_TEST(fault.first >= free_from + std::max<std::size_t>(120, 4 * length));
    free_from = fault.last + 1;
    for (std::size_t r = fault.first; r <= fault.last; ++r) {
      mended[r * 2 + fault.metric] = injected.before[r * 2 + fault.metric];
    }
  }
  BOOST_TEST(mended == injected.before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_faults_and_others_give_others) {
  BOOST_TEST((inject_all(kFaultKinds, 3).faults == inject_all(kFaultKinds, 3).faults));
  BOOST_TEST((inject_all(kFaultKinds, 3).after == inject_all(kFaultKinds, 3).after));
  BOOST_TEST((inject_all(kFaultKinds, 3).faults != inject_all(kFaultKinds, 4).faults));
}

BOOST_AUTO_TEST_CASE(absent_values_stay_absent) {
  auto values = history();
  for (std::size_t i = 0; i < values.size(); i += 26) values[i] = kNan;
  const auto injected = inject_all(kFaultKinds, 1, values);
  BOOST_REQUIRE(!injected.faults.empty());
  for (std::size_t i = 0; i < values.size(); ++i) {
    BOOST_REQUIRE(std::isnan(values[i]) == std::isnan(injected.after[i]));
  }
}

BOOST_AUTO_TEST_CASE(a_metric_that_was_never_negative_does_not_become_so) {
  auto values = history();
  for (double& v : values) v = std::fabs(v) / 40;
  const auto injected = inject_all(kFaultKinds, 1, values);
  BOOST_REQUIRE(!injected.faults.empty());
  BOOST_TEST(*std::min_element(injected.after.begin(), injected.after.end()) >= 0.0);
}

BOOST_AUTO_TEST_CASE(no_fault_lies_across_a_gap) {
  const auto values = history();
  std::vector<std::int64_t> ticks;
  for (std::size_t r = 0; r < kRows; ++r) {
    ticks.push_back(static_cast<std::int64_t>(r + r / 75 * 10));
  }
  std::vector<double> copy = values;
  FaultInjector injector(values, 2, {.first_row = 0, .ticks_per_day = 1440, .ticks = ticks});
  core::Rng rng(1);
  std::size_t count = 0;
  while (const auto fault = injector.inject(FaultKind::LevelShift, rng, copy)) {
    BOOST_TEST(ticks[fault->last] - ticks[fault->first] == 59);
    ++count;
  }
  BOOST_TEST(count > 3U);
}

BOOST_AUTO_TEST_CASE(reads_lists_of_kinds_and_names_what_it_does_not_know) {
  const auto two = parse_fault_kinds("drop,spike");
  BOOST_REQUIRE(two.ok());
  BOOST_TEST((*two == std::vector{FaultKind::Spike, FaultKind::Drop}));
  BOOST_TEST(parse_fault_kinds("all")->size() == kFaultKinds.size());
  const auto bad = parse_fault_kinds("spike,sneeze");
  BOOST_REQUIRE(!bad.ok());
  BOOST_TEST(bad.error().message ==
             "\"sneeze\" is not a kind of fault; use all, spike, drop, level_shift, ramp, silence, "
             "noise_burst, broken_correlation");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::tools
