#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/ensemble/ensemble.h"

namespace anomaly_exporter::severity {

/// Values of `anomaly_severity`.
enum class Level : std::uint8_t { None = 0, Info = 1, Warning = 2, Critical = 3 };
std::string_view to_string(Level level);

/// Limits of one metric, in its unit, beyond which it is critical at once, whatever the past says.
struct CriticalLimits {
  double below = -std::numeric_limits<double>::infinity();
  double above = std::numeric_limits<double>::infinity();

  [[nodiscard]] core::Status validate() const;
  [[nodiscard]] bool crossed(double value) const { return value < below || value > above; }
};

/// When an anomaly has which level, and how long it must last to begin and to end.
///
/// The specification's levels: info from the alarm threshold, warning at score >= 0.7 and >= 3
/// sigma, critical above 0.9 and above 5 sigma. Level = the highest whose both conditions hold;
/// none below the alarm threshold, whatever its value. Ranges: 0 < warning_score <= critical_score
/// < 1, 0 <= warning_sigmas <= critical_sigmas, 0 <= hysteresis < 1, 1 to 1000 ticks, durations
/// >= 0.
struct SeverityOptions {
  static constexpr std::uint32_t kMostForTicks = 1000;

  double warning_score = 0.7, warning_sigmas = 3;
  double critical_score = 0.9, critical_sigmas = 5;
  std::uint32_t for_ticks = 2;  ///< ticks that an anomaly must hold to open as info, warning
  std::uint32_t critical_for_ticks = 1;  ///< as critical; a crossed limit never waits
  /// An open anomaly is held while its score is at most this far below the alarm threshold, and at
  /// least half of that.
  double hysteresis = 0.1;
  /// It closes at the first tick this long after the last that held it.
  core::Duration keep_firing_for = std::chrono::minutes(2);
  /// For this long after it was opened or rose, the same row does not open again at the same or a
  /// lower level. Rises and crossed limits do not wait.
  core::Duration cooldown{0};

  [[nodiscard]] core::Status validate() const;
};

/// Severity of one block at one tick, before it has to last: block columns.
struct SeverityColumns {
  std::vector<Level> level;
  std::vector<std::uint8_t> is_limit;  ///< 1 = a critical limit is crossed
  std::vector<float> sigmas;           ///< |value - expected| / scale; 0 without an expectation

  void resize(std::size_t metrics);
};

class Policies;

/// Judges one block. Significance of a score is the larger of |value - expected| / scale and of how
/// rare the score is: p = p0^g with score = 1 - 0.4^g, the scale on which scores lie (see
/// BudgetMap, Calibration), and sigmas = normal quantile of 1 - p. So a broken correlation, where
/// every value is near what was expected, can be critical too.
///
/// A crossed critical limit is critical from the first sample, without warm-up; so is leaving the
/// valid range at least warning. A row without a value at this tick is none; rows outside
/// `tick.active` keep what `out` held.
///
/// Threads: const; distinct blocks at the same time. Cost: about 5 ns per row, 30 ns more where the
/// score is at the alarm threshold.
class Judge {
 public:
  explicit Judge(std::vector<ensemble::Significance> significance);

  /// `policy_of_row`: block column of numbers of `policies`. `log_p0`: see log_budget_probability.
  /// REQUIRES: one significance per metric; `scores` and `out` are sized for the monitor.
  void judge(const detectors::Tick& tick, const ensemble::EnsembleColumns& scores,
             const Policies& policies, std::span<const std::uint32_t> policy_of_row, double log_p0,
             SeverityColumns& out) const;

 private:
  std::vector<ensemble::Significance> significance_;
};

}  // namespace anomaly_exporter::severity
