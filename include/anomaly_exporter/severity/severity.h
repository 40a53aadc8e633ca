#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"
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

/// The specification's levels: info from the alarm threshold, warning at score >= 0.7 and
/// >= 3 sigma, critical above 0.9 and above 5 sigma. Level = the highest whose both conditions
/// hold; none below the alarm threshold, whatever its value. Ranges: 0 < warning_score <=
/// critical_score < 1, 0 <= warning_sigmas <= critical_sigmas.
struct SeverityOptions {
  double warning_score = 0.7, warning_sigmas = 3;
  double critical_score = 0.9, critical_sigmas = 5;

  [[nodiscard]] core::Status validate() const;
};

/// Severity of one block: block columns.
struct SeverityColumns {
  std::vector<Level> level;
  std::vector<float> sigmas;  ///< |value - expected| / scale; 0 without an expectation

  void resize(std::size_t metrics);
};

/// Judges one block. A crossed critical limit is critical from the first sample, without warm-up;
/// so is leaving the valid range at least warning. A row without a value at this tick is none; rows
/// outside `tick.active` keep what `out` held.
///
/// Threads: const; distinct blocks at the same time. Cost: about 4 ns per row.
class Judge {
 public:
  Judge(SeverityOptions options, double alarm_threshold, std::vector<CriticalLimits> limits,
        std::vector<ensemble::Significance> significance);

  /// REQUIRES: limits and significance hold one element per metric; `scores` and `out` are sized
  /// for the monitor.
  void judge(const detectors::Tick& tick, const ensemble::EnsembleColumns& scores,
             SeverityColumns& out) const;

 private:
  [[nodiscard]] Level level_of(double score, double sigmas) const;

  SeverityOptions options_;
  double alarm_threshold_;
  std::vector<CriticalLimits> limits_;
  std::vector<ensemble::Significance> significance_;
};

}  // namespace anomaly_exporter::severity
