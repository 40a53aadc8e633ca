#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "contract/inputs.h"
#include "contract/rig.h"
#include "contract/verdict_checks.h"

// Streaming code against the plain formula, written down here a second time, as simply as possible
// and in longer arithmetic: over every short series of a small alphabet and over long random ones.

namespace anomaly_exporter::contract {
namespace {

using Real = long double;

// What was learned at each tick so far, of one row.
using History = std::vector<std::optional<float>>;

struct Forecast {
  Real centre = 0;
  Real spread = 0;
};
using Formula =
    std::function<std::optional<Forecast>(const History&, const detectors::DetectorOptions&)>;

std::vector<Real> last_values(const History& history, std::size_t end, std::size_t window) {
  std::vector<Real> values;
  for (std::size_t i = end > window ? end - window : 0; i < end; ++i) {
    if (history[i]) values.push_back(static_cast<Real>(*history[i]));
  }
  return values;
}

Real mean_of(const std::vector<Real>& values) {
  Real sum = 0;
  for (const Real v : values) sum += v;
  return sum / static_cast<Real>(values.size());
}

Real middle_of(std::vector<Real> values) {
  std::ranges::sort(values);
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

std::optional<Forecast> zscore(const History& history, const detectors::DetectorOptions& options) {
  const std::size_t window = options.zscore.window;
  const std::vector<Real> values = last_values(history, history.size(), window);
  if (values.size() < std::min<std::size_t>(window, 20)) return std::nullopt;
  const Real mean = mean_of(values);
  Real squares = 0;
  for (const Real v : values) squares += (v - mean) * (v - mean);
  return Forecast{mean, std::sqrt(squares / static_cast<Real>(values.size()))};
}

std::optional<Forecast> mad(const History& history, const detectors::DetectorOptions& options) {
  const std::size_t window = options.mad.window;
  const std::vector<Real> values = last_values(history, history.size(), window);
  if (values.size() < std::min<std::size_t>(window, 20)) return std::nullopt;
  const Real median = middle_of(values);
  std::vector<Real> distances;
  for (const Real v : values) distances.push_back(std::abs(v - median));
  return Forecast{median, 1.482602218505602L * middle_of(distances)};
}

std::optional<Forecast> iqr(const History& history, const detectors::DetectorOptions& options) {
  const std::size_t window = options.iqr.window;
  std::vector<Real> values = last_values(history, history.size(), window);
  if (values.size() < std::min<std::size_t>(window, 20)) return std::nullopt;
  std::ranges::sort(values);
  const auto quantile = [&](Real q) {
    const Real position = q * static_cast<Real>(values.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(position));
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (position - std::floor(position)) * (values[above] - values[below]);
  };
  return Forecast{middle_of(values), (quantile(0.75L) - quantile(0.25L)) / 1.3489795003921634L};
}

std::optional<Forecast> moving_average(const History& history,
                                       const detectors::DetectorOptions& options) {
  const std::size_t window = options.moving_average.window;
  const std::size_t spread_window = options.moving_average.spread_window;
  const auto expectation = [&](std::size_t end) -> std::optional<Real> {
    const std::vector<Real> values = last_values(history, end, window);
    if (values.size() < 5) return std::nullopt;
    return mean_of(values);
  };
  std::size_t n = 0;
  Real squares = 0;
  const std::size_t now = history.size();
  for (std::size_t i = now > spread_window ? now - spread_window : 0; i < now; ++i) {
    const std::optional<Real> expected = expectation(i);
    if (!history[i] || !expected) continue;
    const Real limit = std::numeric_limits<float>::max();
    const Real distance = std::clamp(static_cast<Real>(*history[i]) - *expected, -limit, limit);
    squares += distance * distance;
    ++n;
  }
  const std::optional<Real> expected = expectation(now);
  if (!expected || n < std::min<std::size_t>(spread_window, 20)) return std::nullopt;
  return Forecast{*expected, std::sqrt(squares / static_cast<Real>(n))};
}

std::optional<Forecast> regression(const History& history,
                                   const detectors::DetectorOptions& options) {
  const std::size_t window = options.regression.window;
  const std::size_t first = history.size() > window ? history.size() - window : 0;
  std::vector<Real> k;
  std::vector<Real> x;
  for (std::size_t i = first; i < history.size(); ++i) {
    if (!history[i]) continue;
    k.push_back(static_cast<Real>(i));
    x.push_back(static_cast<Real>(*history[i]));
  }
  if (x.size() < std::min<std::size_t>(window, 20)) return std::nullopt;
  const Real n = static_cast<Real>(x.size());
  const Real mean_k = mean_of(k);
  const Real mean_x = mean_of(x);
  Real kk = 0;
  Real kx = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    kk += (k[i] - mean_k) * (k[i] - mean_k);
    kx += (k[i] - mean_k) * (x[i] - mean_x);
  }
  const Real slope = kx / kk;
  Real sse = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Real residual = x[i] - mean_x - slope * (k[i] - mean_k);
    sse += residual * residual;
  }
  const Real ahead = static_cast<Real>(history.size()) - mean_k;
  return Forecast{mean_x + slope * ahead,
                  std::sqrt(sse / (n - 2) * (1 + 1 / n + ahead * ahead / kk))};
}

const std::map<std::string, Formula> kFormulas = {{"zscore", zscore},
                                                  {"mad", mad},
                                                  {"iqr", iqr},
                                                  {"moving_average", moving_average},
                                                  {"regression", regression}};

// True when a verdict is that of the formula. Tolerances are one rounding to float of what is
// stored as float; the sums themselves must be right to 1e-6 of a sigma.
bool agrees(const VerdictColumns& out, std::size_t at, float value,
            const std::optional<Forecast>& want) {
  if (!want) return out.outcome[at] == Outcome::WarmingUp;
  constexpr Real kMax = std::numeric_limits<float>::max();
  const Real largest = std::max(std::abs(want->centre), want->spread);
  if (largest > kMax * 1.000001L) return out.outcome[at] == Outcome::Failed;
  if (largest > kMax * 0.999999L) return true;  // either, by a rounding
  if (out.outcome[at] != Outcome::Scored) return false;

  constexpr Real kFloatStep = 0x1p-24L;
  const Real scale = std::max({want->spread, 1e-6L * std::abs(want->centre), 1e-9L});
  const Real raw = std::abs(static_cast<Real>(value) - want->centre) / scale;
  const Real centre_error = kFloatStep * std::abs(want->centre) + 1e-6L * scale + 1e-44L;
  return std::abs(static_cast<Real>(out.expected[at]) - want->centre) <= centre_error &&
         std::abs(static_cast<Real>(out.scale[at]) - scale) <= 1e-6L * scale &&
         std::abs(static_cast<Real>(out.raw[at]) - raw) <= centre_error / scale + 2e-6L * raw;
}

void check(const std::string& name, const VerdictColumns& out, std::size_t at, float value,
           const std::optional<Forecast>& want) {
  BOOST_REQUIRE_MESSAGE(agrees(out, at, value, want),
                        name << " row " << at << " value " << value << ": outcome "
                             << detectors::to_string(out.outcome[at]) << ", expected "
                             << out.expected[at] << " scale " << out.scale[at] << ", want "
                             << (want ? want->centre : 0) << " spread "
                             << (want ? want->spread : 0));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(detector_formula_test)

// But for seasonal_esd, which draws a sample: its parts have reference values of their own.
BOOST_AUTO_TEST_CASE(every_statistical_detector_has_a_formula_here) {
  for (const std::string& name : statistical_names()) {
    BOOST_TEST((name == "seasonal_esd" || kFormulas.contains(name)), name);
  }
}

// Windows of 10 are full after 10 values; all series of two values and 12 ticks.
BOOST_AUTO_TEST_CASE(equals_the_formula_on_all_short_series_of_two_values) {
  detectors::DetectorOptions options;
  options.zscore.window = options.mad.window = options.iqr.window = options.regression.window = 10;
  options.moving_average = {.window = 10, .spread_window = 20, .threshold = 3.5};
  constexpr std::size_t kTicks = 12;
  constexpr std::size_t kSeries = std::size_t{1} << kTicks;
  for (const auto& [name, formula] : kFormulas) {
    Rig rig(name, kSeries / kLanes, 1, options, 20);
    std::vector<History> histories(kSeries);
    for (std::size_t t = 0; t < kTicks; ++t) {
      BlockInput input(kSeries / kLanes);
      for (std::size_t i = 0; i < kSeries; ++i) {
        input.set(i / kLanes, i % kLanes, (i >> t & 1) != 0 ? 7.0F : 0.1F);
      }
      const VerdictColumns& out = rig.tick(static_cast<std::int64_t>(t), input);
      for (std::size_t i = 0; i < kSeries; ++i) {
        check(name, out, i, input.values[i], formula(histories[i], options));
        histories[i].emplace_back(input.values[i]);
      }
    }
  }
}

// After a common past, every continuation over {absent, refused, 0, 1, 1e6} of five ticks.
BOOST_AUTO_TEST_CASE(equals_the_formula_on_all_continuations_with_gaps) {
  detectors::DetectorOptions options;
  options.zscore.window = options.mad.window = options.iqr.window = options.regression.window = 24;
  options.moving_average = {.window = 10, .spread_window = 24, .threshold = 3.5};
  constexpr std::size_t kPast = 30;
  constexpr std::size_t kLength = 5;
  constexpr std::size_t kSeries = 5 * 5 * 5 * 5 * 5;
  constexpr std::size_t kMetrics = kSeries / kLanes + 1;
  for (const auto& [name, formula] : kFormulas) {
    core::Rng rng(21);
    Rig rig(name, kMetrics, 1, options, 24);
    std::vector<History> histories(kSeries);
    for (std::size_t t = 0; t < kPast + 2 * kLength; ++t) {
      BlockInput input(kMetrics);
      const float common = static_cast<float>(rng.below(3));
      std::size_t divisor = 1;
      for (std::size_t i = kPast; i < t; ++i) divisor *= 5;
      for (std::size_t i = 0; i < kSeries; ++i) {
        const bool own = t >= kPast && t < kPast + kLength;
        const std::size_t symbol = own ? i / divisor % 5 : 5;
        constexpr float kValues[] = {kNan, 40.0F, 0.0F, 1.0F, 1e6F};
        if (symbol != 0) {
          input.set(i / kLanes, i % kLanes, own ? kValues[symbol] : common, symbol != 1);
        }
      }
      const VerdictColumns& out = rig.tick(static_cast<std::int64_t>(t), input);
      for (std::size_t i = 0; i < kSeries; ++i) {
        const bool present = (input.present[i / kLanes] & series::bit(i % kLanes)) != 0;
        const bool learned = (input.learn[i / kLanes] & series::bit(i % kLanes)) != 0;
        if (t >= kPast && present)
          check(name, out, i, input.values[i], formula(histories[i], options));
        histories[i].push_back(learned ? std::optional(input.values[i]) : std::nullopt);
      }
    }
  }
}

// Families with spikes of 1e18 and of the largest float: whatever has left the window is as if it
// had never been there.
BOOST_AUTO_TEST_CASE(equals_the_formula_on_long_series_with_gaps_and_spikes) {
  const detectors::DetectorOptions options = small_options();
  for (const auto& [name, formula] : kFormulas) {
    core::Rng rng(22);
    Rig rig(name);
    std::vector<History> histories(kLanes);
    for (std::int64_t t = 0; t < 500; ++t) {
      const BlockInput input = mixed_input(1, t, rng);
      const VerdictColumns& out = rig.tick(t, input);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const bool present = (input.present[0] & series::bit(lane)) != 0;
        const bool learned = (input.learn[0] & series::bit(lane)) != 0;
        if (present) check(name, out, lane, input.values[lane], formula(histories[lane], options));
        histories[lane].push_back(learned ? std::optional(input.values[lane]) : std::nullopt);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::contract
