#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"
#include "anomaly_exporter/detectors/sorted_columns.h"
#include "anomaly_exporter/series/column.h"

namespace anomaly_exporter::detectors {

class SeasonFinder;

/// Seasonal hybrid ESD, online: the distance from the daily (or other) pattern and the level.
///
/// Finds values that are ordinary at noon and not at night, a missing nightly job, besides spikes,
/// dips and level shifts. Cannot see: slow drift (the level follows it); structure within half an
/// hour; seasons of more than a week; a pattern that moves from day to day.
///
/// Season. Every 6 hours, at ticks of its own for every row, the row's profile (half-hour means of
/// 14 days, in local time) is decomposed by STL (Cleveland et al. 1990), outlying half hours are
/// taken out by the generalised ESD test (Rosner 1983; median and MAD: Vallis, Hochenbaum and
/// Kejariwal, "A Novel Technique for Long-Term Anomaly Detection in the Cloud", 2014), and the
/// last cycle is kept at up to 48 points. The period is given or found (stats/period.h); a weekly
/// one is read from the profile's hour-of-week table instead. No season: s = 0.
///
/// In between, with r = value - s(local time), s interpolated between points:
///   expected = s + median(r),  spread = 1.4826 MAD(r),  raw = |value - expected| / scale
/// over a sample of W = min(96, monitor window) learned r. A new r takes the place of a random
/// older one, so ages are geometric with a mean of W ticks: level and spread follow slowly, and no
/// ring of what has to leave is kept. After a decomposition the sample is made anew from the last W
/// ticks. threshold() is the ESD test's critical value for a sample of W: 3.4 at W = 96, alpha
/// 0.05.
///
/// Anomalies. An r beyond the threshold is not learned, for the first `max_anomalies` of a period
/// (a day where there is no season); what exceeds that is learned, so that a level shift is
/// accepted, W ln 2 learned ticks later. Only an r outside the whole sample is tested.
///
/// Warm-up: min(W, 20) learned values, and a profile of two periods (of two days where the period
/// is to be found); with less, the hour-of-week table, and where that knows nothing WarmingUp.
/// Raw: >= 0, unbounded, in sigmas. Gap: W ticks without a learned value start the sample anew.
/// Constant: raw 0, the floor judges. Step: found until accepted. NaN never enters.
/// Daylight saving: patterns follow the local clock; a change seen by the detector is taken out of
/// the decomposed weeks. Random numbers: a hash of tick and row.
/// Cost: 495 B per row at W = 96, shared 0.4 MB; 0.2 us per row and tick, caches cold; a
/// decomposition 0.13 ms (0.5 ms where there is no season, 1.3 ms for an odd one).
class SeasonalEsd final : public Detector {
 public:
  static constexpr std::size_t kSample = 96;

  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const SeasonalEsdOptions& options,
                                                        const Shape& shape);
  ~SeasonalEsd() override;

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Series; }
  [[nodiscard]] double threshold() const override { return threshold_; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return sample_.window(); }
  [[nodiscard]] int expectation_rank() const override { return 10; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;
  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  /// Where a row's season comes from: a period in half hours, or one of these.
  static constexpr std::uint16_t kUnknown = 0;
  static constexpr std::uint16_t kNone = 1;
  static constexpr std::uint16_t kHourOfWeek = 0xffff;

  /// The offsets of local time that a block has met.
  struct LocalClock {
    std::int64_t offset_ms = 0;    // now
    std::int64_t previous_ms = 0;  // before `changed_ms`
    std::int64_t changed_ms = 0;
  };
  /// Where in a curve a time falls, remembered from one lane to the next.
  struct Place {
    std::uint16_t period = kUnknown;
    std::size_t before = 0, after = 0;
    double share = 0;
  };

  SeasonalEsd(const SeasonalEsdOptions& options, const Shape& shape);
  [[nodiscard]] std::size_t first_row(std::size_t block, std::size_t metric) const;
  [[nodiscard]] core::Duration offset_at(std::size_t block, core::Timestamp time) const;
  /// The season of a row at a time; false where nothing is known of it.
  bool season(const Tick& tick, std::size_t row, core::Timestamp time, core::Duration offset,
              Place& place, double& out) const;
  [[nodiscard]] LaneMask refused(const Tick& tick, std::size_t metric, const float* residuals,
                                 LaneMask lanes);
  [[nodiscard]] bool is_due(const Tick& tick, std::size_t row) const;
  void refresh(const Tick& tick, std::size_t metric, std::size_t lane, const LearnMask& mask);
  void resample(const Tick& tick, std::size_t metric, std::size_t lane, bool with_this_tick);
  void insert(std::size_t first, const float* residuals, LaneMask lanes, TickIndex index);

  SeasonalEsdOptions options_;
  std::size_t metrics_;
  core::Duration interval_;
  std::size_t refresh_ticks_;
  double threshold_;
  std::unique_ptr<const SeasonFinder> finder_;

  SortedColumns sample_;                     // by row: residuals
  series::Column<std::uint16_t> period_;     // by row
  series::Column<float> unit_;               // by row: what one count of the curve stands for
  series::Column<std::uint16_t> curve_;      // [strip][point][lane], two's complement
  series::Column<std::uint16_t> gap_;        // by row: ticks since the last learned value
  series::Column<std::uint16_t> anomalies_;  // by row: refused in the period counted by number_
  series::Column<std::uint32_t> number_;     // by row: periods since the epoch
  series::Column<LocalClock> clock_;         // by block
};

}  // namespace anomaly_exporter::detectors
