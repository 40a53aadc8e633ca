#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/ensemble/budget_map.h"
#include "anomaly_exporter/ensemble/calibration.h"
#include "anomaly_exporter/ensemble/evidence.h"

namespace anomaly_exporter::ensemble {

/// Which deviations of a metric count.
enum class Direction { Both, Above, Below };

/// What makes a deviation of one metric significant. All in the metric's unit.
struct Significance {
  Direction direction = Direction::Both;
  /// |value - expected| below either counts as no deviation. >= 0.
  double min_deviation_absolute = 0;
  double min_deviation_relative = 0;  ///< times |expected|
  /// Values outside are wrong whatever the past says.
  double valid_min = -std::numeric_limits<double>::infinity();
  double valid_max = std::numeric_limits<double>::infinity();
  /// Deviations count this many times less: the band is that much wider on that side, and detectors
  /// judge as if the value lay that much nearer.
  static constexpr double kLeastWidening = 0.1, kMostWidening = 100;
  double widen_above = 1, widen_below = 1;

  [[nodiscard]] core::Status validate() const;
  /// The least deviation that counts at an expected value.
  [[nodiscard]] double min_deviation(double expected) const;
  /// True when a deviation is in the direction and of the size that count.
  [[nodiscard]] bool counts(double value, double expected) const;
  /// What raw scores of a value are divided by.
  [[nodiscard]] double widening(double value, double expected) const {
    return value >= expected ? widen_above : widen_below;
  }
  [[nodiscard]] bool is_valid(double value) const {
    return value >= valid_min && value <= valid_max;
  }
};

/// False alarms that the user accepts per series: `alarms` (> 0) in each `per` (> 0).
struct AlarmBudget {
  double alarms = 1;
  core::Duration per = std::chrono::hours(24 * 7);
};

struct Weight {
  std::string detector;
  double weight = 0;
};

/// How the detectors' verdicts become one score.
enum class Method {
  /// `novelty` and `forecaster` bring evidence that is added up over metrics and time; 0.6 is the
  /// alarm budget (see evidence.h and budget_map.h). Other detectors accompany them: they give
  /// expected values and scores of their own, and do not vote.
  Evidence,
  /// The weighted vote of the specification.
  Vote,
};

struct EnsembleOptions {
  static constexpr std::size_t kMaxVoters = 32;
  /// The two detectors whose verdicts are evidence.
  static constexpr const char* kNovelty = "novelty";
  static constexpr const char* kForecaster = "forecaster";

  Method method = Method::Evidence;
  /// Alarm at or above. 0 < threshold < 1. Default of the specification: 0.6.
  double threshold = 0.6;
  AlarmBudget alarm_budget = {};
  /// Detectors that run and their weights, names unique. In a vote each weight is in (0, 1]; they
  /// are used as they are, and should sum to 1: their sum may not exceed 1, nor stay below
  /// `threshold`, which no vote could reach then. With evidence, `novelty` and `forecaster` must be
  /// there; 0 marks the detectors that accompany them.
  std::vector<Weight> weights = evidence_weights({"seasonal_esd", "zscore"});

  [[nodiscard]] core::Status validate() const;

  /// The weights of the evidence method with these companions.
  static std::vector<Weight> evidence_weights(const std::vector<std::string>& companions);
  /// The specification's: isolation_forest 0.3, lstm_autoencoder 0.3, zscore 0.2, seasonal_esd 0.2.
  static std::vector<Weight> specified_weights();
};

/// What the ensemble says of one block: block columns (element `metric * 64 + lane`), and one score
/// per entity.
struct EnsembleColumns {
  /// Scored when at least one detector scored, else the state most worth telling: Failed, Sparse,
  /// WarmingUp, InputMissing, Untrained, NoData, in that order.
  std::vector<detectors::Outcome> outcome;
  std::vector<double> score;    ///< [0, 1), 0 where not scored
  std::vector<float> expected;  ///< NaN-free; valid where has_expectation
  std::vector<float> lower;     ///< least ordinary value; -inf where nothing below counts
  std::vector<float> upper;     ///< largest ordinary value; +inf where nothing above counts
  std::vector<float> scale;     ///< one sigma of the detector that gave `expected`
  std::vector<std::uint8_t> has_expectation;
  /// The score of what goes on, without what has just begun: in a vote the score itself, with
  /// evidence that of the state alone. It holds an alarm that the score has raised. [0, 1).
  std::vector<double> hold;
  /// Part of the metric in the multivariate verdict, 0 to 1, the parts of an entity summing to 1:
  /// with evidence of the blame, in a vote of the votes of multivariate detectors. Negative where
  /// there is none.
  std::vector<float> contribution;
  /// Per lane: the highest metric score; negative where no metric was scored.
  std::vector<double> entity_score;
  /// Each detector's vote: [detector][metric * 64 + lane], its confidence after share and
  /// significance; negative where it did not score.
  std::vector<std::vector<double>> confidence;

  void resize(std::size_t metrics, std::size_t detector_count);
};

/// One detector's part in the vote.
struct Voter {
  const detectors::Detector* detector = nullptr;  // borrowed
  const Calibration* calibration = nullptr;       // borrowed
  double weight = 0;
};

/// What the evidence method keeps from tick to tick; borrowed.
struct EvidenceParts {
  EvidenceColumns* columns = nullptr;
  const BudgetMap* map = nullptr;
  RiseHistogram* rises = nullptr;  ///< receives this block's rises, for the map
  /// For the lanes of Tick::repeated, whose ticks `columns` has seen; null = they keep their last
  /// score.
  EvidenceColumns* repeated = nullptr;
  series::LaneMask silenced = 0;  ///< lanes whose rises teach the map nothing
};

/// How much of a tick's results is wanted.
enum class Detail {
  Full,
  /// Enough to go on from: of the past that is replayed nobody reads bands, nor the confidences of
  /// what is ordinary. With evidence, confidences are then 0 below half the threshold and bands are
  /// left as they were; a vote is made of them and has them all.
  Lean,
};

/// Joins the verdicts of a block.
///
/// Method Vote, the specification's, on calibrated confidences: score of metric m = sum over
/// detectors of weight x confidence. A multivariate detector votes on m with C x share_m / max
/// share. Ready and silent votes 0 with its weight kept; a detector that did not score (warming up,
/// untrained, input missing, failed) shares its weight among those that did, in proportion. A
/// deviation that `Significance` does not count is a vote of 0. A value outside the valid range
/// scores at least 0.7.
///
/// Method Evidence: the entity's evidence (what `Significance` does not count is left out) goes
/// through EvidenceColumns and BudgetMap to the entity score; metric m scores entity score x
/// blame_m / largest blame, where the blame is what the metric brought, falling by a tenth a tick,
/// and the largest is at least half of the state. So the metric that is most to blame alarms when
/// the entity does, and its score falls before the entity's. Values outside the valid range as
/// above.
///
/// Band: where the confidence of the detector that gives `expected` reaches the threshold, after
/// direction, widening, least deviation and valid range. The bounds are the last ordinary values;
/// outside is `value < lower` or `value > upper`. So, for values inside the valid range, outside
/// the band is the same as that detector's vote at or above the threshold. That holds exactly for
/// the value of the tick: where rounding to float, or a raw score that is not |value - expected| /
/// scale, would break it, the bound moves to the value's side. The band never leaves the valid
/// range unless the expected value does.
///
/// Rows in `tick.sparse` are not judged: their outcome is Sparse and they bring no evidence.
/// Rows outside `tick.active` keep what `out` held.
///
/// Threads: const but for the block's evidence; distinct blocks at the same time. Cost: about 35 ns
/// per row and detector.
class Ensemble {
 public:
  Ensemble(EnsembleOptions options, std::vector<Significance> per_metric);

  [[nodiscard]] const EnsembleOptions& options() const { return options_; }

  /// Score that a value outside its valid range has at least.
  static constexpr double kInvalidValueScore = 0.7;

  /// REQUIRES: verdicts[i] belongs to voters[i]; out sized for the monitor.
  /// `log_p0`: see log_budget_probability. `evidence`: all there for the method Evidence.
  void combine(const detectors::Tick& tick, std::span<const Voter> voters,
               std::span<const detectors::VerdictColumns> verdicts, double log_p0,
               const EvidenceParts& evidence, EnsembleColumns& out,
               Detail detail = Detail::Full) const;

 private:
  void judge_ballots(const detectors::Tick& tick, const Voter& voter,
                     const detectors::VerdictColumns& verdict, double log_p0, double least_score,
                     std::span<const double> score, std::vector<double>& confidence) const;
  void expect(const detectors::Tick& tick, std::span<const Voter> voters,
              std::span<const detectors::VerdictColumns> verdicts, double log_p0, Detail detail,
              EnsembleColumns& out) const;
  void count_votes(const detectors::Tick& tick, std::span<const Voter> voters,
                   std::span<const detectors::VerdictColumns> verdicts, EnsembleColumns& out) const;
  void share_votes(const detectors::Tick& tick, std::span<const Voter> voters,
                   EnsembleColumns& out) const;
  void weigh_evidence(const detectors::Tick& tick, std::span<const Voter> voters,
                      std::span<const detectors::VerdictColumns> verdicts,
                      const EvidenceParts& evidence, EnsembleColumns& out) const;

  EnsembleOptions options_;
  std::vector<Significance> significance_;
};

}  // namespace anomaly_exporter::ensemble
