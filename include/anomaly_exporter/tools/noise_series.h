#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::tools {

/// Stationary noise in which nothing is ever wrong.
enum class NoiseFamily : std::uint8_t {
  Normal,     ///< standard
  Laplace,    ///< unit scale
  StudentT3,  ///< 3 degrees of freedom: infinite fourth moment
  LogNormal,  ///< e to a standard normal
  Ar1,        ///< x' = 0.9 x + noise, unit variance
  Poisson,    ///< counts of mean 20
};
inline constexpr std::array kNoiseFamilies{NoiseFamily::Normal,    NoiseFamily::Laplace,
                                           NoiseFamily::StudentT3, NoiseFamily::LogNormal,
                                           NoiseFamily::Ar1,       NoiseFamily::Poisson};

std::string_view to_string(NoiseFamily family);
/// Families of a list such as "normal,ar1"; "all" names every one. Errors: InvalidArgument.
core::Result<std::vector<NoiseFamily>> parse_noise_families(std::string_view text);

/// Endless noise of up to 64 independent series, drawn tick by tick.
///
/// Threads: one at a time. Deterministic by family, seed and stream. Cost: 5 to 31 ns per value.
/// Source of t: R. W. Bailey, "Polar generation of random variates with the t-distribution", Math.
/// Comp. 62, 1994; Poisson by inversion of its table.
class NoiseStream {
 public:
  NoiseStream(NoiseFamily family, std::uint64_t seed, std::uint64_t stream);

  /// One value for every lane. REQUIRES: at most 64, always as many.
  void next(std::span<float> lanes);

 private:
  NoiseFamily family_;
  core::Rng rng_;
  std::array<double, 64> last_{};  ///< of Ar1
};

/// Bounds within which a Poisson count of this mean lies with the given probability, tails of equal
/// size at most: the smallest and largest count not excluded. REQUIRES: 0 <= mean <= 1e7.
std::pair<std::uint64_t, std::uint64_t> poisson_interval(double mean, double probability);

struct NoiseOptions {
  std::vector<NoiseFamily> families{kNoiseFamilies.begin(), kNoiseFamilies.end()};
  /// Detectors and ensemble; interval and metrics are set here.
  config::MonitorConfig settings;
  double series_weeks = 300;  ///< counted, after the burn-in
  core::Duration interval = std::chrono::seconds(60);
  std::size_t entities = 1000;                          ///< 1 to 1,000,000
  core::Duration burn_in = std::chrono::hours(24 * 7);  ///< not counted
  std::uint64_t seed = 1;
  unsigned threads = 0;  ///< 0 = one per core
};

struct NoiseResult {
  NoiseFamily family = NoiseFamily::Normal;
  double series_weeks = 0;          ///< counted
  double expected = 0;              ///< alarms that the budget allows in them
  std::uint64_t seen = 0;           ///< entries into alarm
  double ratio = 0;                 ///< seen / expected
  std::uint64_t low = 0, high = 0;  ///< Poisson 99.9 % interval of `expected`
};

/// Lets one monitor of one metric and many entities run over each family in simulated time, by the
/// engine's own evaluation, and counts its alarms. Budget and seen alarms are the engine's.
///
/// Errors: InvalidArgument from the options. Threads: the engine's workers, and as many that draw.
/// The result does not depend on their number. Cost: the engine's, and below 50 ns per value.
core::Result<std::vector<NoiseResult>> run_noise(
    const NoiseOptions& options, const std::function<void(double ratio)>& progress = {});

void print_noise(std::span<const NoiseResult> results, std::ostream& out);
/// An array of {family, series_weeks, expected, seen, ratio, low, high}.
std::string noise_json(std::span<const NoiseResult> results);

}  // namespace anomaly_exporter::tools
