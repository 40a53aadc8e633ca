#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/sources/csv_source.h"
#include "anomaly_exporter/tools/fault_injection.h"
#include "anomaly_exporter/tools/noise_series.h"

namespace anomaly_exporter::tools {

/// What is examined together by one monitor: one table per entity, all with the same columns and
/// times, rows on distinct ticks.
struct ExamHistory {
  std::string name;
  std::vector<std::string> entities;  ///< names, one per table
  std::vector<sources::CsvTable> tables;
};

struct ExamOptions {
  config::MonitorConfig settings;  ///< detectors and ensemble; see TableReplayOptions
  bool keep_metrics = false;       ///< the metrics' significance counts
  std::vector<FaultKind> faults{kFaultKinds.begin(), kFaultKinds.end()};
  std::size_t per_kind = 20;  ///< faults of each kind, over all histories; 1 to 10,000
  std::uint64_t seed = 1;
  unsigned threads = 0;  ///< replays at once; 0 = one per core
};

/// How one judge did on the faults of one kind. Delays in ticks after the fault's first, of those
/// found; 0 = at once, negative = none was found.
struct ExamCell {
  std::size_t faults = 0, found = 0;
  std::size_t by_chance = 0;  ///< places where the judge was at the threshold without the fault
  double delay_median = -1, delay_p90 = -1;

  /// Share of by_chance; 0 without faults.
  [[nodiscard]] double chance() const {
    return faults == 0 ? 0 : static_cast<double>(by_chance) / static_cast<double>(faults);
  }
  /// Share found; 0 without faults.
  [[nodiscard]] double recall() const {
    return faults == 0 ? 0 : static_cast<double>(found) / static_cast<double>(faults);
  }
};

/// The ensemble, or one detector.
struct ExamJudge {
  std::string name;
  std::vector<ExamCell> cells;  ///< by kind, as in Exam::kinds
  ExamCell total;
  std::uint64_t false_alarms = 0;    ///< episodes of the history as it is
  double false_alarms_per_week = 0;  ///< per series
};

/// One injected fault as the ensemble saw it. Columns by tick; NaN = none.
struct ExamPicture {
  FaultKind kind = FaultKind::Spike;
  std::string series;
  bool is_found = false;
  std::size_t first = 0, last = 0;  ///< the fault's ticks within the columns
  core::Timestamp start;            ///< of the first column
  std::vector<float> value, expected, lower, upper, score;
};

struct Exam {
  std::vector<FaultKind> kinds;
  std::vector<ExamJudge> judges;  ///< the ensemble first
  std::vector<ExamPicture> pictures;
  std::vector<std::size_t> not_placed;  ///< by kind: faults for which there was no room
  std::size_t entities = 0, series = 0;
  double series_weeks = 0;  ///< judged values of the examined halves, in weeks
  double threshold = 0;
  double budget_per_week = 0;  ///< alarms that the configuration allows per series
  core::Duration interval{0};  ///< of the first history
};

/// Least number of ticks of a history.
inline constexpr std::size_t kLeastExamTicks = 720;

/// Puts histories through the ordinary evaluation, as they are and with injected faults. The first
/// half of each teaches, the second half is examined.
///
/// A fault counts as found when a judge reaches the ensemble's threshold between its first tick and
/// the fifth after its last: the ensemble by the entity's score, a detector by its confidence on
/// any metric of the entity. False alarms are the episodes of the clean second half (ticks at the
/// threshold, less than six apart, of one entity): real anomalies in it count as false, too.
///
/// What an exam would find by its false alarms alone is counted beside: `ExamCell::by_chance`.
///
/// Errors: InvalidArgument for a history below kLeastExamTicks and for bad settings.
/// Threads: spreads replays over threads; `progress` is called from them, possibly at once. The
/// result does not depend on their number. Cost: one replay of each history, and one for every
/// (ticks / 2 / 300) faults injected into it.
core::Result<Exam> run_exam(std::span<const ExamHistory> histories, const ExamOptions& options,
                            const std::function<void(double ratio)>& progress = {});

/// One file, or every *.csv and *.csv.gz below a folder in path order, each a history of its own.
/// Errors: NotFound, and those of read_csv.
core::Result<std::vector<ExamHistory>> read_exam_files(const std::string& path);

/// Reads all series of a monitor that exist at `to` from its source. Series without a single value
/// in the range take no part. Errors: the source's; NotFound without series; Exhausted above 200
/// million values.
core::Result<ExamHistory> read_exam_range(const config::Config& config,
                                          const config::MonitorConfig& monitor,
                                          core::Timestamp from, core::Timestamp to,
                                          const core::Clock& clock);

/// Table for people; one line per kind of fault, one column per judge.
void print_exam(const Exam& exam, std::ostream& out);
/// The figures as one JSON object, without pictures.
std::string exam_json(const Exam& exam);
/// A page that needs nothing but itself: figures, bars of recall, one picture per kind of fault.
/// All texts are escaped.
std::string exam_html(const Exam& exam, const std::string& title);

struct EvaluateOptions {
  std::string input;        ///< CSV file or folder; or
  std::string config_file;  ///< with `monitor`, `from` and `to`; with `input` its settings count
  std::string monitor;      ///< empty: the first
  std::optional<core::Timestamp> from, to;
  std::string faults = "all";
  std::size_t per_kind = 20;
  std::uint64_t seed = 1;
  unsigned threads = 0;
  std::string json_file, html_file;  ///< empty: not written
};

/// The subcommand `evaluate`: reads, examines, prints, writes. Errors: of all of these.
core::Status evaluate(const EvaluateOptions& options, const core::Clock& clock, std::ostream& out);

/// The same for noise: settings of a monitor of `config_file` where one is given, table to `out`,
/// JSON to `json_file` unless empty.
core::Status evaluate_noise(NoiseOptions options, const std::string& config_file,
                            const std::string& monitor, const std::string& json_file,
                            const core::Clock& clock, std::ostream& out);

/// Writes a whole file. Errors: Unavailable naming it.
core::Status write_report(const std::string& path, const std::string& text);

}  // namespace anomaly_exporter::tools
