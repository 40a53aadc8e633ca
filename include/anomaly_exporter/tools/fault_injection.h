#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::tools {

/// The faults of the exam. Sizes are in sigmas of the metric's recent past (FaultInjector).
enum class FaultKind : std::uint8_t {
  Spike,              ///< 1 to 3 ticks, 8 sigmas up or down
  Drop,               ///< 10 ticks at the lowest value so far, at least 6 sigmas down
  LevelShift,         ///< 60 ticks, 5 sigmas up or down
  Ramp,               ///< 60 ticks, growing evenly to 6 sigmas up or down
  Silence,            ///< 60 ticks frozen at the last value; samples go on arriving
  NoiseBurst,         ///< 30 ticks of five times the ordinary noise
  BrokenCorrelation,  ///< 60 ticks of another time of day; entities of several metrics only
};
inline constexpr std::array kFaultKinds{
    FaultKind::Spike,   FaultKind::Drop,       FaultKind::LevelShift,       FaultKind::Ramp,
    FaultKind::Silence, FaultKind::NoiseBurst, FaultKind::BrokenCorrelation};

/// Name for people and flags, e.g. "level_shift".
std::string_view to_string(FaultKind kind);
/// Kinds of a list such as "spike,drop", in the order of kFaultKinds; "all" names every one.
/// Errors: InvalidArgument naming the word and what it could be.
core::Result<std::vector<FaultKind>> parse_fault_kinds(std::string_view text);

/// What was done to one metric: rows `first` to `last`, both inclusive.
struct Fault {
  FaultKind kind = FaultKind::Spike;
  std::size_t metric = 0;
  std::size_t first = 0;
  std::size_t last = 0;
  friend bool operator==(const Fault&, const Fault&) = default;
};

struct InjectionOptions {
  std::size_t first_row = 0;            ///< no fault begins before
  std::size_t ticks_per_day = 0;        ///< for another time of day
  std::span<const std::int64_t> ticks;  ///< tick number of each row; empty: one tick a row
};

/// Writes faults into a copy of one entity's history, from its beginning to its end.
///
/// Shapes: values are row-major, `[row * metrics + metric]`, NaN where absent; absent values stay
/// absent. A fault lies where the metric has a value in nine of ten rows, and no more than a tenth
/// of its ticks have no row. Between two faults lie at least 120 rows and four times the length of
/// each.
///
/// Sigma: 1.4826 times the median absolute residual of the last 240 rows before the fault from
/// their centred median of eleven, so neither a daily pattern nor an old outlier counts as noise;
/// where most residuals are 0, their root mean square; where all are, 1 % of the level, or 1 at 0.
/// A metric that was never negative does not become so: faults that would go below 0 go up, a drop
/// ends there. What would not be a fault is not injected: a drop of less than 3 sigmas, the silence
/// of a metric that mostly stands still anyway.
///
/// Ownership: borrows the original values and tick numbers. Threads: one at a time. The faults
/// depend on the values and the seed only. Cost: about 30 us per fault.
class FaultInjector {
 public:
  /// REQUIRES: metrics > 0; values.size() is a multiple of it.
  FaultInjector(std::span<const double> values, std::size_t metrics, InjectionOptions options);

  /// Forgets where faults were put: the next copy begins.
  void restart() {
    free_from_ = options_.first_row;
    last_length_ = 0;
  }

  /// Puts one fault of this kind into `copy`, behind those that are there. Nothing when there is no
  /// place left where it would be one; a shorter or another kind may still fit.
  /// REQUIRES: copy.size() == values.size().
  std::optional<Fault> inject(FaultKind kind, core::Rng& rng, std::span<double> copy);

  /// One robust sigma of a metric before a row. > 0.
  [[nodiscard]] double sigma(std::size_t metric, std::size_t row) const;

 private:
  [[nodiscard]] double at(std::size_t row, std::size_t metric) const {
    return values_[row * metrics_ + metric];
  }
  [[nodiscard]] bool is_usable(const Fault& fault) const;
  [[nodiscard]] bool mostly_stands(std::size_t metric, std::size_t row) const;
  [[nodiscard]] double level(std::size_t metric, std::size_t row) const;
  bool write(const Fault& fault, core::Rng& rng, std::span<double> copy) const;
  bool write_offsets(const Fault& fault, double sigmas, core::Rng& rng,
                     std::span<double> copy) const;
  bool write_drop(const Fault& fault, std::span<double> copy) const;
  bool write_silence(const Fault& fault, std::span<double> copy) const;
  bool write_other_time(const Fault& fault, core::Rng& rng, std::span<double> copy) const;

  std::span<const double> values_;
  std::size_t metrics_;
  std::size_t rows_;
  InjectionOptions options_;
  std::vector<double> lowest_;  ///< by metric, of the whole history
  std::size_t free_from_ = 0;   ///< first row behind the last fault
  std::size_t last_length_ = 0;
};

}  // namespace anomaly_exporter::tools
