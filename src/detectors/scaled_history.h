#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/detectors/verdict.h"

namespace anomaly_exporter::detectors {

/// One number per lane.
using LaneStrip = std::array<float, kLanes>;

/// 1 where the bit is set, else 0; 32 bits at a time, which is what compilers vectorise.
LaneStrip expanded(LaneMask mask);

/// The last ticks of one metric in 64 lanes, scaled: what the features of trained detectors are
/// computed from, alike for a block that is scored and for ticks of a history that is learned from.
///
/// A lane whose value or scale is not known at the newest tick has no bit in `known[0]`. Values
/// without a bit are 0.
struct ScaledHistory {
  static constexpr std::size_t kTicks = 12;
  /// [k][lane]: the value k ticks ago, clipped at +-RowScales::kClip.
  std::array<LaneStrip, kTicks> values;
  std::array<LaneMask, kTicks> known;
};

/// Reads the windows of a metric, the tick itself included. Looks at values that are present,
/// learned or not: a feature describes what happened.
void read_history(const Tick& tick, std::size_t metric, const RowScales& scales,
                  ScaledHistory& out);

/// A place in a training set.
struct TrainingTick {
  std::size_t part = 0;
  std::size_t tick = 0;
};

/// Chooses the ticks that a model is fitted to, and reads them as a monitor would have seen them:
/// scaled by the robust scale of the window before each, from 64 values spread over it, renewed
/// every sixteenth of the window.
///
/// Borrows the set. Threads: one at a time. Cost: about 2 us per metric and renewal.
class TrainingReader {
 public:
  /// Ticks at the beginning of a part that only serve as history.
  static constexpr std::size_t kLeastHistory = 24;

  /// At most `most` ticks, spread evenly over the set with a random offset each, in order.
  TrainingReader(const TrainingSet& set, std::size_t window, std::size_t most);

  [[nodiscard]] std::size_t size() const { return chosen_.size(); }
  [[nodiscard]] const TrainingTick& at(std::size_t i) const { return chosen_[i]; }
  [[nodiscard]] core::Timestamp time(std::size_t i) const;

  /// Chosen ticks to read at once, at most 64: what takes a few milliseconds at most.
  [[nodiscard]] std::size_t batch() const;
  /// Histories of all metrics for batch() chosen ticks from the `first`-th on, one per lane.
  /// Returns the lanes in which at least half of the metrics are known.
  /// REQUIRES: called with ascending `first`.
  LaneMask read(std::size_t first, std::span<ScaledHistory> out);

 private:
  void renew_scales(const TrainingTick& at);
  void read_lane(std::size_t lane, const TrainingTick& at, std::span<ScaledHistory> out) const;

  const TrainingSet* set_;
  std::size_t window_;
  std::vector<TrainingTick> chosen_;
  std::vector<RobustScale> scales_;  // by metric, of the ticks around `renewed_`
  TrainingTick renewed_;
  bool has_scales_ = false;
};

/// Lanes that can be judged: at least half of the metrics are known there.
struct EntityLanes {
  LaneMask judged = 0;
  LaneMask input_missing = 0;  ///< more than half of the metrics are absent
};

/// REQUIRES: known[metric] is ScaledHistory::known[0] of that metric.
EntityLanes entity_lanes(const Tick& tick, std::span<const LaneMask> known);

/// Writes the verdicts of a multivariate detector. Rows get NoData where absent, Untrained without
/// a model, InputMissing in such lanes, WarmingUp where their scale or too much of the entity is
/// not known, else Scored with the lane's raw score, the row's scale and its share of the `weights`
/// (block column, >= 0) of the rows that are scored: equal shares where these are all 0.
void write_entity_verdicts(const Tick& tick, const RowScales& scales, bool is_trained,
                           const EntityLanes& lanes, std::span<const LaneMask> known,
                           std::span<const double> raw, std::span<const float> weights,
                           VerdictColumns& out);

}  // namespace anomaly_exporter::detectors
