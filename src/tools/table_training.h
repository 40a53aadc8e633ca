#pragma once

#include <cstddef>
#include <span>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/sources/csv_source.h"

namespace anomaly_exporter::tools {

/// Fits the trained detectors of a monitor that is replayed from tables, at the simulated instants
/// at which a live one would be: after 100 rows, whenever the rows have doubled, and once that
/// takes longer than `training.interval`, every interval. Rows that have not been passed are never
/// seen, what was scored anomalous is left out, and new models are adopted without comparison.
///
/// Does nothing for monitors without trained detectors. Borrows the tables, one per entity.
class TableTraining {
 public:
  TableTraining(std::span<const sources::CsvTable> tables, const app::MonitorState& monitor,
                config::TrainingConfig config);

  /// After each tick that was judged; `rows` have been passed by then.
  void after_tick(app::MonitorState& monitor, std::size_t rows);

 private:
  [[nodiscard]] bool is_due(core::Timestamp now, std::size_t rows) const;

  std::span<const sources::CsvTable> tables_;
  config::TrainingConfig config_;
  bool is_needed_;
  std::size_t trained_rows_ = 0;
  core::Timestamp trained_;
};

}  // namespace anomaly_exporter::tools
