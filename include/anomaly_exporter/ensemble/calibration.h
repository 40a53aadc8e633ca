#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::ensemble {

/// Confidence of a tail probability: `1 - 0.4^(ln p / ln p0)`: 0 at p = 1, exactly 0.6 at p = p0,
/// strictly increasing as p falls. Takes ln p so that tails below the smallest double still rank.
/// REQUIRES: log_p <= 0, log_p0 < 0.
double confidence_of(double log_p, double log_p0);
/// The exponent at which confidence_of reaches `confidence`: 1 for 0.6. REQUIRES: 0 <= c < 1.
double exponent_of(double confidence);

/// ln of the probability per tick that the alarm budget allows: `alarms` per `per` and series.
/// E.g. 1 per week at 10 s: ln(10 / 604800). A budget of more than one alarm in ten ticks is no
/// budget; it counts as one in ten. REQUIRES: alarms > 0, both durations > 0.
double log_budget_probability(double alarms, core::Duration per, core::Duration interval);

/// Counts of raw scores in bins of equal ratio. A block fills its own; adding is commutative, so
/// the sum does not depend on how many threads there were.
///
/// Bins: 8 per octave from 2^-8 to 2^40; the first also holds everything below, the last
/// everything above. Memory: 3 kB.
class ScoreHistogram {
 public:
  static constexpr int kBinsPerOctave = 8;
  static constexpr int kLowestOctave = -8;
  static constexpr int kOctaves = 48;
  static constexpr std::size_t kBins = static_cast<std::size_t>(kBinsPerOctave) * kOctaves;

  /// REQUIRES: raw >= 0, finite.
  static std::size_t bin_of(double raw);
  /// Lower edge of a bin; 0 for the first. `kBins` gives where the last would end: 2^40.
  static double lower_edge(std::size_t bin);

  void add(double raw) { ++counts_[bin_of(raw)]; }
  void add(const ScoreHistogram& other);
  void clear() { counts_.fill(0); }
  [[nodiscard]] std::uint64_t count(std::size_t bin) const { return counts_[bin]; }
  [[nodiscard]] std::uint64_t total() const;

 private:
  std::array<std::uint64_t, kBins> counts_{};
};

struct CalibrationOptions {
  /// Weight of the prior tail in samples: how many observations it takes for the data to speak
  /// louder than the assumption. 1 to 1e9.
  double prior_samples = 300;
  /// Samples after which older ones count half. >= 1e3. Keeps the map following slow change.
  double half_life_samples = 2e7;

  [[nodiscard]] core::Status validate() const;
};

/// Maps raw scores to tail probabilities: one map per monitor and detector, learned from the pooled
/// raw scores of all its series, because a tail fitted to one series whose history holds faults
/// makes that series deaf.
///
/// Model: an empirical body from the histogram; above the point that 2 % of the samples exceed, or
/// 256 samples where that is fewer, a generalised Pareto tail (peaks over threshold; Coles, "An
/// Introduction to Statistical Modeling of Extreme Values", 2001, section 4.3). Its two parameters
/// come from two quantiles of the excesses (Castillo and Hadi, "Fitting the Generalized Pareto
/// Distribution to Data", JASA 92, 1997), because moments would follow a single wild score. The
/// shape is limited to [0.1, 0.5], so that no score, however large, saturates. Body and tail are
/// taken with one sample more of a heavy-tailed prior (Student t, 4 degrees, two-sided, in the
/// detector's own unit of `threshold` = 3), and ln p is the mean of that and of the prior's, the
/// prior with weight prior_samples / (samples + prior_samples): young maps are cautious, grown ones
/// trust what they saw. The map is tabulated at the bins' edges and linear in between, hence
/// continuous; the prior makes it strictly monotone.
///
/// Threads: `log_p` is const and may run on many threads; `learn` and `refit` alone.
/// Cost: `log_p` a table look-up and an interpolation, a few ns; `confidence` one exponential more;
/// `refit` about 20 us. Memory: 6 kB.
class Calibration {
 public:
  /// `threshold`: the detector's own, see Detector::threshold.
  Calibration(CalibrationOptions options, double threshold);

  /// ln P(raw score of an ordinary row >= raw). 0 at raw = 0. REQUIRES: raw >= 0, finite.
  [[nodiscard]] double log_p(double raw) const;

  /// Confidence of a raw score: that of its tail probability, but never above what the detector's
  /// own threshold allows: `1 - 0.4^min(ln p / ln p0, raw / threshold)`. So a score below the
  /// detector's threshold stays below 0.6 whatever the tail says.
  [[nodiscard]] double confidence(double raw, double log_p0) const;

  /// Smallest raw score whose confidence reaches `confidence`: at the returned double it does, one
  /// double below it does not. 0 for a confidence of 0, the largest double when none reaches it.
  /// Cost: about 0.15 us (a guess by inverting the map, then bisection around it).
  [[nodiscard]] double raw_at(double confidence, double log_p0) const;

  /// Adds what a tick's blocks saw; call refit for it to take effect.
  void learn(const ScoreHistogram& seen);
  void refit();

  /// Weight of what was learned, in samples; older ones count less (`half_life_samples`).
  [[nodiscard]] double samples() const { return samples_; }

  /// What was learned and the map in use, versioned. After restore into a map with equal options
  /// everything continues to the last bit. Errors of restore: Corrupt, Unsupported (newer version);
  /// the map is then unchanged.
  void save(core::StateWriter& out) const;
  core::Status restore(core::StateReader& in);

 private:
  [[nodiscard]] double exponent(double raw, double log_p0) const;

  CalibrationOptions options_;
  double threshold_;
  double samples_ = 0;
  std::array<double, ScoreHistogram::kBins> weights_{};
  std::array<double, ScoreHistogram::kBins + 1> log_p_{};  // at lower edges, and at the last's end
};

}  // namespace anomaly_exporter::ensemble
