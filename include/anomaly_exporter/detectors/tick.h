#pragma once

#include <span>

#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/layout.h"
#include "anomaly_exporter/series/profiles.h"
#include "anomaly_exporter/series/windows.h"

namespace anomaly_exporter::detectors {

using series::kLanes;
using series::LaneMask;
using series::Row;
using series::TickIndex;

/// One tick of one block (64 entities, all metrics of a monitor), as a detector sees it.
///
/// Shapes: a *block column* has metrics x 64 elements, element `metric * 64 + lane`. Absent values
/// are never read: look at `present` first.
/// Ownership: borrows everything; valid during the call.
struct Tick {
  core::Timestamp time;
  /// What the monitor's time zone adds to UTC at `time`; season phases are taken from local time.
  core::Duration utc_offset{0};
  TickIndex index = 0;  ///< consecutive; every index of a block is seen once, in order
  std::size_t block = 0;
  std::size_t metrics = 1;
  Row first_row = 0;    ///< row of (metric 0, lane 0): block * metrics * 64
  LaneMask active = 0;  ///< lanes this call is about; state of other lanes must not change
  /// Lanes that went through this tick before a restart: what detectors remember of them (see
  /// Detector::remembers) holds it already, and may be newer. Subset of `active`.
  LaneMask repeated = 0;
  std::span<const float> values;       ///< block column; the value at this tick
  std::span<const LaneMask> present;   ///< per metric; subset of `active`
  std::span<const LaneMask> sparse{};  ///< per metric: rows with too few samples; empty = none
  std::span<const float> scale_floor;  ///< block column; >= 0, least scale that counts (one sigma)
  const series::Windows* windows = nullptr;    ///< holds this tick at slot(index) already
  const series::Profiles* profiles = nullptr;  ///< what was observed before this tick

  /// Local time as if it were UTC: for the hour of the day and the day of the week.
  [[nodiscard]] core::Timestamp local_time() const { return time + utc_offset; }
  [[nodiscard]] bool is_sparse(std::size_t metric, std::size_t lane) const {
    return !sparse.empty() && (sparse[metric] & series::bit(lane)) != 0;
  }
  [[nodiscard]] series::StripView strip(std::size_t metric) const {
    return windows->strip(block, metric);
  }
  [[nodiscard]] Row row(std::size_t metric, std::size_t lane) const {
    return static_cast<Row>(first_row + metric * kLanes + lane);
  }
};

/// Rows from which detectors may learn at a tick: one word per metric, a subset of `present`.
struct LearnMask {
  std::span<const LaneMask> lanes;
};

}  // namespace anomaly_exporter::detectors
