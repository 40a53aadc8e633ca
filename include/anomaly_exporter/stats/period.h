#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace anomaly_exporter::stats {

/// Longest series the period search takes.
inline constexpr std::size_t kPeriodSamples = 672;

/// Searches the season of a series of half-hour means (any other step will do).
///
/// Finds: the day first, then the week (where it explains clearly more than the day), else any
/// other period of 2 samples to a week that at least two whole periods show; a divisor is preferred
/// where it repeats as well. Missing samples take no part.
///
/// Method: the straight line is removed and what lies beyond three deviations clipped. Hints for
/// other periods are the peaks of the periodogram that stand out of their neighbourhood (a share of
/// 1e-2 of white noises has one). Every candidate P, preferred or hinted, must pass the same test:
/// with the moving mean over P removed, the autocorrelation at P is a peak and at least
/// 4 / sqrt(n'), n' = pairs (1 - r1^2) / (1 + r1^2) being the number of independent pairs (Bayley
/// and Hammersley, "The effective number of independent observations in an autocorrelated time
/// series", 1946) for lag-one autocorrelation r1; at least 0.2 and at most 0.6 (0.75 with fewer
/// than four periods) is asked for. Hints by periodogram and proof by autocorrelation: Vlachos, Yu
/// and Castelli, "On Periodicity Detection and Structural Periodic Similarity", 2005, section 3.
///
/// False finds over 672 samples: white noise and AR(1) up to 0.9 under 0.5 %, a random walk under
/// 5 % (tests/unit/stats/period_test.cc). A smooth long season is found within a few samples.
///
/// REQUIRES: equally many values and presence flags, at most kPeriodSamples; present values finite.
/// Cost: 40 us when the day is found; 0.4 ms when the periodogram is needed, up to 1.2 ms when it
/// gives hints. No allocation.
/// Threads: pure.
std::optional<std::size_t> find_period(std::span<const float> values,
                                       std::span<const std::uint8_t> present,
                                       std::size_t samples_per_day);

}  // namespace anomaly_exporter::stats
