#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::app {

/// Watches how often one detector calls an entity anomalous, and whether a new model does so far
/// more often than the one before.
///
/// Counted are onsets: ticks at which a detector's confidence in one of an entity's metrics reaches
/// the ensemble's threshold when it did not at the tick before; one long incident is one onset.
/// Calibration expects a share of p0 ^ exponent_of(threshold) of the entity's ticks.
///
/// A model is bad when, over its watch, onsets are more than 5 times what the share under the old
/// model and the expected share allow, whichever is larger, and at least 20. That is said as soon
/// as it is certain: when the rest of the watch, silent, could not save it.
///
/// Threads: the monitor's own. Cost: one pass over the detector's confidences per tick.
class ModelWatch {
 public:
  explicit ModelWatch(std::size_t detector) : detector_(detector) {}

  static constexpr double kFactor = 5;
  static constexpr std::uint64_t kLeastOnsets = 20;

  /// Counts the tick just evaluated.
  void observe(const MonitorState& monitor, core::Timestamp now);
  /// A new model is in use from now on: what was counted becomes the old model's share.
  void start(core::Timestamp now, core::Duration length);
  /// Ends a watch and forgets what was counted: the model was taken back.
  void forget();

  [[nodiscard]] bool is_watching() const { return is_watching_; }
  [[nodiscard]] bool is_bad(const MonitorState& monitor, core::Timestamp now) const;
  /// Shares for the log.
  [[nodiscard]] double share() const;
  [[nodiscard]] double share_before() const { return share_before_; }

 private:
  std::size_t detector_;
  std::vector<series::LaneMask> above_;  // by block: entities above the threshold at the last tick
  double verdicts_ = 0, onsets_ = 0;
  double share_before_ = 0;
  bool is_watching_ = false;
  core::Timestamp started_;
  core::Duration length_{std::chrono::hours(24)};
};

}  // namespace anomaly_exporter::app
