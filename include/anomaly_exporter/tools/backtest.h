#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/sources/csv_source.h"

namespace anomaly_exporter::tools {

struct BacktestOptions {
  std::string input;   ///< folder with <dataset>/<series>.csv or .csv.gz
  std::string output;  ///< folder for <dataset>/<series>.csv
  /// Settings for the detectors and the ensemble; the built-in ones without it. Metrics, source and
  /// interval always come from the data.
  std::optional<config::MonitorConfig> monitor;
  config::TrainingConfig training{};
  unsigned threads = 0;  ///< files at once; 0 = one per core
};

/// Scores of one table: one finite number per row, shortest round-trip when written.
///
/// The rows go through the same evaluation as live samples, in order, each judged by what came
/// before it only. The interval is the table's median step; rows are put on the nearest tick, and
/// a further row on a tick that was already judged (a duplicate, an off-grid row) repeats that
/// tick's score. Rows are 0 until something is ready. Tables of several columns give the entity
/// score.
core::Result<std::vector<double>> score_table(const sources::CsvTable& table,
                                              const config::MonitorConfig& settings,
                                              const config::TrainingConfig& training = {});

/// Settings for backtests where no configuration is given.
config::MonitorConfig default_backtest_settings();

/// Scores every file of `input` into `output` (`timestamp,anomaly_score`, timestamps as written).
/// Files named labels.json are never read. Equal bytes whatever the number of threads. A file of
/// scores appears whole or not at all. Returns the number of files. Errors: the first bad file,
/// named; two that would be written to one; a folder that cannot be read; `output` = `input`.
core::Result<std::size_t> backtest_files(const BacktestOptions& options);

}  // namespace anomaly_exporter::tools
