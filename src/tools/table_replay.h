#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/sources/csv_source.h"

namespace anomaly_exporter::tools {

/// One row of the tables that has just been passed, with the monitor's results in place. The
/// monitor may be changed between two rows.
struct ReplayedRow {
  std::size_t row = 0;
  /// False for a further row on a tick that was already judged: the results are those of its first.
  bool is_judged = true;
  app::MonitorState& monitor;
};

struct TableReplayOptions {
  /// Everything but name, source, interval and grouping; its metrics only with `keep_metrics`.
  config::MonitorConfig settings;
  /// Metrics of `settings` that stand at a column of the same name give it their significance and
  /// limits; without it, as for metrics that do not, every deviation counts.
  bool keep_metrics = false;
  config::TrainingConfig training{};
  /// Called for every row, in order.
  std::function<void(const ReplayedRow&)> after_row;
};

/// Moves a fresh monitor through tables, one entity each, row by row, by the same evaluation as
/// live samples. Entities carry table_labels.
///
/// The interval is the median step of the first table; rows are put on the nearest tick. Gaps are
/// ticks without values; one longer than the window starts the windows afresh. A table of fewer
/// than two distinct times has no step: nothing is judged and `after_row` is never called.
///
/// REQUIRES: at least one table; all with the same columns and times. Errors: InvalidArgument from
/// the settings. Threads: the caller's only. Cost: the engine's, and about 0.2 us per value.
core::Status replay_tables(std::span<const sources::CsvTable> tables,
                           const TableReplayOptions& options);

}  // namespace anomaly_exporter::tools
