#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::tools {

/// What the undisturbed replay of a history remembered of its entities at certain rows: the
/// evidence of each, and what remembering detectors know. A replay with faults takes it up before
/// each of them, so that every fault meets the monitor as if none had come before it: an onset is
/// raised once in 18 hours, and quantiles widen by what they see.
///
/// Windows of other detectors and calibration are not part of it; distance keeps faults out of the
/// former, and the latter counts episodes.
///
/// Errors: those of restoring, which do not happen to bytes of the same program. Threads: one
/// writer at a time, then any number of readers. Memory: an entity's state for every row wanted.
class ExamMemory {
 public:
  /// `entities`: tables of the history; their numbers are those of table_labels.
  explicit ExamMemory(std::size_t entities) : entities_(entities) {}

  /// Before the undisturbed replay: the state after this row will be asked for.
  void want(std::size_t entity, std::size_t row) { states_[{row, entity}]; }
  /// After each row of the undisturbed replay.
  void note(const app::MonitorState& monitor, std::size_t row);
  /// After a row of a replay with faults: the entity's state becomes what was noted there. Nothing
  /// where nothing was.
  core::Status take_up(std::size_t entity, std::size_t row, app::MonitorState& monitor) const;

 private:
  std::size_t entities_;
  std::map<std::pair<std::size_t, std::size_t>, std::string> states_;  // by row and entity
};

}  // namespace anomaly_exporter::tools
