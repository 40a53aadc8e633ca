#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/app/incident_log.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/ensemble/calibration.h"
#include "anomaly_exporter/ensemble/ensemble.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/series/profiles.h"
#include "anomaly_exporter/series/series_table.h"
#include "anomaly_exporter/series/windows.h"
#include "anomaly_exporter/severity/episodes.h"
#include "anomaly_exporter/severity/policy.h"
#include "anomaly_exporter/severity/severity.h"

namespace anomaly_exporter::app {

/// What the last tick found, by row (and by entity where said). Numbers are defined where the flags
/// of exposition::MonitorSnapshot say so.
struct RowResults {
  series::Column<std::uint8_t> flags;
  series::Column<std::uint8_t> outcome;
  series::Column<std::uint8_t> level;  ///< final: of the open episode, 0 where muted
  series::Column<std::uint8_t> muted;  ///< 1 = a rule mutes the row
  series::Column<double> score;
  series::Column<float> value, expected, lower, upper, sigmas;
  series::Column<double> entity_score;            ///< by entity; negative = none
  std::vector<series::Column<float>> confidence;  ///< [detector]; negative = no verdict
  series::Column<float> contribution;             ///< negative = none

  void resize(std::size_t rows, std::size_t entities);
  [[nodiscard]] std::size_t memory_bytes() const;
};

/// Numbers of one evaluation, and running totals of a monitor.
struct EvaluationCounts {
  std::uint64_t samples = 0;                                  ///< values judged
  std::array<std::uint64_t, detectors::kOutcomes> outcome{};  ///< rows by outcome
  std::uint64_t budgeted = 0;     ///< series (in a vote) or entities judged against the budget
  double expected_alarms = 0;     ///< what the alarm budget allows for them
  std::uint64_t seen_alarms = 0;  ///< of them, those that entered an anomaly
  std::vector<double> detector_seconds;
  std::vector<std::uint64_t> detector_verdicts;  ///< rows that the detector scored
  /// From the call of an evaluation to the start of its first block; not part of sums.
  std::chrono::nanoseconds queued{0};
  std::uint64_t muted = 0;  ///< rows muted at this tick; not part of sums
  std::array<std::uint64_t, severity::kSuppressions> suppressed{};  ///< openings not announced
  /// Openings of episodes and their rises: [(metric * 4 + level) * (detectors + 1) + detector]; the
  /// last detector stands for the ensemble.
  std::vector<std::uint64_t> episodes;

  EvaluationCounts() = default;
  EvaluationCounts(std::size_t metrics, std::size_t detectors)
      : detector_seconds(detectors),
        detector_verdicts(detectors),
        episodes(metrics * 4 * (detectors + 1)) {}
  void add(const EvaluationCounts& other);
  void clear();
};

/// Buffers in which one worker evaluates one block after the other.
struct BlockScratch {
  std::vector<float> scale_floor;
  std::vector<series::LaneMask> present, learnable, sparse;
  std::vector<detectors::VerdictColumns> verdicts;
  ensemble::EnsembleColumns scores;
  severity::SeverityColumns severity;
  std::vector<ensemble::ScoreHistogram> seen;  ///< raw scores per detector, for calibration
  ensemble::RiseHistogram rises;               ///< of the entities' scores, for the budget map
  EvaluationCounts counts;

  BlockScratch(std::size_t metrics, std::size_t detectors);
};

/// By row: 1 = nothing is learned from it. Rows beyond the end are learned from.
using LearnGate = std::vector<std::uint8_t>;

/// Everything a monitor knows: its series, windows, profiles, detectors, calibration and the
/// results of the last tick. Plain state; `Engine` moves it from tick to tick.
///
/// Ownership: owns all but the budget and the drop counters, which must outlive it.
/// Threads: one thread at a time, except where Engine cuts it into blocks.
class MonitorState {
 public:
  /// Errors: InvalidArgument from a detector's options.
  static core::Result<std::unique_ptr<MonitorState>> create(config::MonitorConfig config,
                                                            series::SeriesBudget& budget,
                                                            series::DropCounters& drops);

  /// Takes over thresholds, significance, limits, mutes and budget of a changed configuration. Open
  /// episodes go on.
  /// REQUIRES: equal state_key().
  void adopt(config::MonitorConfig config);

  /// Follows the table: forgets entities that left, makes room for those that came and remembers
  /// them in `newcomers`.
  void follow_table();
  /// Forgets what is known about an entity whose number was freed or is used anew.
  void forget(series::Entity entity);
  /// The same before its history is replayed: an episode that is open stays open.
  void relearn(series::Entity entity);
  /// Around the replay of history: episodes are not counted, and what was seen before a restart is
  /// weighed once more, on evidence of its own, so that its anomalies are not taken for ordinary.
  void begin_replay();
  void end_replay();
  /// Detectors and calibration have been taught by all ticks up to `until`, and are not taught by
  /// them again.
  void teach_no_more_until(core::Timestamp until);
  /// The clock was set back: ticks go on from `time`.
  void set_back(core::Timestamp time);
  /// Forgets all windows (after a gap longer than they are).
  void forget_all();

  [[nodiscard]] std::size_t metrics() const { return config.metrics.size(); }
  [[nodiscard]] std::size_t blocks() const { return windows.blocks(); }
  [[nodiscard]] std::size_t memory_bytes() const;
  /// The request of a metric for people, $rate_window filled in.
  [[nodiscard]] std::string shown_request(std::size_t metric) const;

  config::MonitorConfig config;
  std::vector<sources::MetricRequest> requests;  ///< one per metric, rate windows filled in

  std::unique_ptr<series::SeriesTable> table;
  std::vector<series::Entity> newcomers;  ///< admitted, their history not read yet
  series::Windows windows;
  series::Profiles profiles;
  series::TickValues values;                     ///< the tick under evaluation
  series::Column<float> smallest_step;           ///< by row; 0 = none seen
  series::Column<std::int64_t> known_until;      ///< by entity: ms, newest tick already learned
  series::Column<std::uint32_t> abnormal_ticks;  ///< by row: unusual ticks not learned
  /// By row, where a metric has a `min_rate`: ticks of the window since the first sample, and those
  /// with one.
  struct Density {
    std::uint32_t ticks, samples;
  };
  series::Column<Density> density;
  /// Unusual ticks after which a row teaches again: `accept_shift_after`, but never so many that a
  /// detector would run out of learned values (half its window, and what its warm-up leaves).
  std::uint32_t accepted_ticks = 0;

  std::vector<std::unique_ptr<detectors::Detector>> detectors;
  std::vector<std::uint32_t> model_versions;        ///< [detector] in use; 0 = none
  IncidentLog untaught;                             ///< what no model is fitted to
  std::vector<ensemble::Calibration> calibrations;  ///< one per detector
  std::vector<ensemble::Voter> voters;
  ensemble::Ensemble ensemble;
  ensemble::EvidenceColumns evidence;
  std::unique_ptr<ensemble::EvidenceColumns> replayed_evidence;  ///< while history is replayed
  ensemble::BudgetMap budget_map;
  severity::Judge judge;
  severity::Policies policies;
  series::Column<std::uint32_t> policy_of_row;
  severity::Episodes episodes;
  series::Column<std::int64_t> episodes_until;  ///< by entity: ms, last tick that episodes saw
  bool counts_episodes = true;                  ///< false while history is replayed
  double log_p0 = 0;

  series::TickIndex index = 0;                  ///< number of the last tick evaluated; 0 = none
  core::Timestamp time;                         ///< its time
  std::shared_ptr<const LearnGate> learn_gate;  ///< null = all rows are learned from
  double calibrated_samples = 0;                ///< samples at the last refit
  core::Timestamp calibrated_until;             ///< calibration has counted all ticks up to it

  /// Metrics whose last request was answered; the rows of others are unknown, not missing.
  std::vector<bool> answered;

  RowResults results;
  EvaluationCounts totals;
  std::vector<BlockScratch> scratch;  ///< one per worker

 private:
  void grow();
  void choose_policies(series::Entity entity);
  void choose_all_policies();
  std::uint64_t policy_generation_ = 0;  // of the table's labels that policies were chosen by

  MonitorState(config::MonitorConfig config, series::SeriesBudget& budget,
               series::DropCounters& drops);
};

}  // namespace anomaly_exporter::app
