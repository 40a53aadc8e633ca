#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/series/layout.h"
#include "anomaly_exporter/series/profiles.h"
#include "anomaly_exporter/stats/esd.h"
#include "anomaly_exporter/stats/stl_plan.h"

namespace anomaly_exporter::detectors {

/// What the profile of a row says about its season.
struct SeasonCurve {
  /// Points of a curve, spread evenly over the period.
  static constexpr std::size_t kPoints = 48;

  enum class Kind : std::uint8_t {
    TooYoung,  ///< fewer than two periods (two days, where the period is to be found)
    None,      ///< no season
    Week,      ///< the week: the hour-of-week table of the profile says it better
    Curve,     ///< `points` holds it
  };
  Kind kind = Kind::TooYoung;
  std::size_t period = 0;  ///< half hours; of a Curve
  /// The season about its level, at the middle of each part of the period, in the metric's unit;
  /// the first min(period, kPoints) are used. The period is counted from the epoch in local time.
  std::array<double, kPoints> points{};
};

/// Takes profiles apart: gathers the half hours in local time, finds the period, decomposes by STL,
/// lets the generalised ESD test take outlying half hours out, decomposes again, and keeps the last
/// cycle of the season.
///
/// Plans and critical values of the common lengths are made at construction. Threads: `find` is
/// const and works in thread-local memory. Cost: `find` 0.13 ms for a daily season, 0.5 ms where
/// there is none, 1.3 ms for an odd one; no allocation but for the plan of a period that is neither
/// given nor the day, of which every thread keeps the last.
class SeasonFinder {
 public:
  explicit SeasonFinder(const SeasonalEsdOptions& options);

  /// Local time as UTC + offset, of any time in the last 14 days.
  using Offset = std::function<core::Duration(core::Timestamp)>;

  /// The season of a row by what its profile held before `now`.
  void find(const series::Profiles& profiles, series::Row row, core::Timestamp now,
            const Offset& offset, SeasonCurve& out) const;

  /// Cheap: whether the profile may reach far enough back.
  [[nodiscard]] bool may_find(const series::Profiles& profiles, series::Row row,
                              core::Timestamp now) const;

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Plan {
    stats::StlPlan stl;
    stats::EsdTable esd;
  };
  struct Scratch;

  [[nodiscard]] std::size_t least_steps() const;
  [[nodiscard]] Plan make_plan(std::size_t samples, std::size_t period) const;
  [[nodiscard]] const Plan& plan_for(std::size_t samples, std::size_t period) const;
  void decompose(Scratch& s, std::size_t samples, std::size_t period) const;

  SeasonalEsdOptions options_;
  std::size_t given_;  ///< half hours; 0 = to be found
  std::vector<Plan> plans_;
};

}  // namespace anomaly_exporter::detectors
