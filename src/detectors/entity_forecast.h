#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/stats/digest.h"

namespace anomaly_exporter::detectors {

/// Spans of the averages, in ticks, for one monitor's interval.
struct ForecastSpans {
  double brief;       ///< rows: what just happened
  double gap_ms;      ///< without a value for longer, what is recent starts again
  float most_rows;    ///< weight at which the digests are halved: 60 days
  double short_term;  ///< time: about 20 minutes
  double long_term;   ///< time: about 100 minutes; the components are taken of its residuals
  double regressor;   ///< time: about an hour; the slow average among the regressors
};

/// Everything the forecaster knows about one entity, learned row by row.
///
/// Rows are vectors of `metrics` values; a bit per metric says which are there. Residuals are
/// counted in sigmas of their own past. The regression, the components and all scales are renewed
/// from running sums each time the number of rows has doubled, and stand still in between; the sums
/// are then halved, so that the newer half of the past counts two thirds. Rows of restless times do
/// not teach: those where the excess, averaged over 200 rows, is among its highest tenth so far.
///
/// Threads: one at a time. Cost: see Forecaster.
class EntityForecast {
 public:
  /// Beyond this the joint sums would take megabytes: each metric then has a regression of its own,
  /// and there are no components.
  static constexpr std::size_t kMostJoint = 48;
  /// Rows before the first scales, and so before the first judgement.
  static constexpr std::size_t kWarmup = 32;

  EntityForecast(std::size_t metrics, const ForecastSpans& spans);

  /// One row: a value per metric and whether it is there.
  struct Row {
    core::Timestamp time;
    std::span<const float> values;
    std::span<const std::uint8_t> present;
  };

  /// Residuals of one row, in buffers that are used again from row to row.
  struct Work {
    explicit Work(std::size_t metrics);
    std::vector<double> regressor;  // [3][metrics], then 1
    std::vector<double> change;     // what is to be forecast, in spreads
    std::vector<double> forecast;   // of the change
    std::vector<double> forecast_error;
    std::vector<std::array<double, 3>> residual;  // from each average, in sigmas
    std::vector<double> clipped;                  // long residuals, clipped and centred
    std::vector<double> outside;                  // what the components leave of them
    std::vector<double> excess;                   // capped excess sigmas of all, weighted
  };

  /// What a row looks like by what was learned before it; elements of absent metrics are untouched.
  struct Judgement {
    std::span<double> expected;  ///< forecast in the metric's unit
    std::span<double> sigma;     ///< of the forecast's residual, in the metric's unit
  };
  [[nodiscard]] bool is_ready() const { return is_ready_; }
  /// Metrics that have had a value.
  [[nodiscard]] std::size_t known_metrics() const;
  /// Leaves in `work` what the row is like, `excess` above all. REQUIRES: is_ready(); values of
  /// present metrics are finite.
  void judge(const Row& row, Work& work, const Judgement& out) const;
  /// Moves on by one row. `is_judged`: `work` is what `judge` left of this row.
  void learn(const Row& row, Work& work, bool is_judged);

  /// Asks memory for what the next call will read.
  void fetch() const;

  void save(core::StateWriter& out) const;
  /// Errors: Corrupt; the entity is then in an unspecified state and must be made anew.
  core::Status restore(core::StateReader& in);
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::size_t kBrief = 0, kShort = 1, kLong = 2, kAverages = 3;
  static constexpr double kLeastSigma = 0.05;  // of a residual, in spreads
  /// Numbers of one metric: doubles only, so that they are saved as they lie.
  struct Numbers {
    double centre = 0, spread = 1;
    double mean = 0, squares = 0, taught = 0;  // of the rows that taught; sum of squared deviations
    double newest = 0, before = 0, slow = 0;
    double forecast_squares = 0, forecast_sigma = 1;
    double residual_centre = 0, outside_sigma = 1;
    std::array<double, kAverages> average{}, free_average{}, squares_of{}, sigma{1, 1, 1};
  };
  struct Metric : Numbers {
    std::uint64_t rows = 0;
    std::int64_t time = 0;   // ms of the newest value
    bool is_scaled = false;  // had values at the last renewal
    stats::Digest level{};
  };

  [[nodiscard]] std::size_t regressors() const { return is_joint_ ? 3 * metrics_.size() + 1 : 4; }
  void forecast(Work& work) const;
  void find_residuals(const Row& row, Work& work) const;
  [[nodiscard]] bool is_fresh(const Metric& metric, const Row& row) const;
  [[nodiscard]] double excess_at(std::size_t metric, const Work& work) const;
  bool is_calm(const Row& row, const Work& work);
  void teach(const Row& row, const Work& work);
  void renew();
  void renew_scales();
  void renew_regression();
  void renew_components();

  ForecastSpans spans_;
  bool is_joint_;
  bool is_ready_ = false;
  std::uint64_t rows_ = 0;
  std::uint64_t next_renewal_ = kWarmup;
  double regression_rows_ = 0, sigma_rows_ = 0, component_rows_ = 0;
  std::size_t components_ = 0;
  double restlessness_ = 0;  // excess, averaged over kCalmRows
  stats::Digest restless_past_{};
  std::vector<Metric> metrics_;
  // Sums are floats: the ridge of a hundredth of the rows drowns their rounding, and they are most
  // of what an entity takes. Symmetric ones keep their lower triangle, row by row.
  std::vector<float> gram_;      // of the regressors; one per regression
  std::vector<float> targets_;   // [regressors][outputs]
  std::vector<float> weights_;   // the same
  std::vector<float> products_;  // of the long residuals
  std::vector<float> sums_;      // their sums
  std::vector<float> basis_;     // [component][metrics]
};

}  // namespace anomaly_exporter::detectors
