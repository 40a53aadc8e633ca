#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/series/layout.h"
#include "anomaly_exporter/stats/lstm_kernel.h"

namespace anomaly_exporter::detectors {

static_assert(stats::kPanelLanes == series::kLanes, "a panel is a block");

/// Tells the training's caller how far it is, often enough whatever the processor: by work done
/// instead of by time, so that the same calls are made every time.
///
/// Threads: one thread at a time.
class WorkMeter {
 public:
  explicit WorkMeter(const TrainingProgress& progress) : progress_(progress) {}

  /// Share of the training that is done, passed on with the next call.
  void reach(double share) { share_ = share; }
  /// Adds multiply-adds (or what costs as much); after every few million of them `progress` is
  /// asked. False once it said stop.
  [[nodiscard]] bool spend(double multiply_adds) {
    work_ += multiply_adds;
    if (work_ < kWorkPerCall || has_stopped_) return !has_stopped_;
    work_ = 0;
    has_stopped_ = progress_ && !progress_(share_);
    return !has_stopped_;
  }

 private:
  /// About 3 ms of the slowest kernels.
  static constexpr double kWorkPerCall = 4e6;
  const TrainingProgress& progress_;
  double share_ = 0;
  double work_ = 0;
  bool has_stopped_ = false;
};

/// Sixty-four windows as a network sees them. Rows have window * 64 numbers, [tick][lane], oldest
/// tick first; lanes without a window have weight 0.
template <class Real>
struct WindowPanel {
  std::size_t metrics = 0;
  std::size_t window = 0;
  std::vector<Real> inputs;   ///< [2 * metrics] rows: scaled values, 0 where absent; then presence
  std::vector<Real> targets;  ///< [metrics] rows
  std::vector<Real> weights;  ///< [metrics] rows: 1 where there is a target

  WindowPanel(std::size_t metric_count, std::size_t ticks)
      : metrics(metric_count),
        window(ticks),
        inputs(2 * metrics * row()),
        targets(metrics * row()),
        weights(metrics * row()) {}
  [[nodiscard]] std::size_t row() const { return window * stats::kPanelLanes; }
};

/// The scales of one part's rows as RowScales would have known them at every tick: from up to 64
/// values of the monitor's window before it, renewed every sixteenth of the window. A network that
/// learned from better scales than it will see would take their errors for anomalies.
///
/// Threads: immutable. Cost: about 2 us per metric and renewal; 8 B per metric and renewal.
class PartScales {
 public:
  PartScales(const TrainingPart& part, std::size_t metrics, std::size_t monitor_window);

  /// Spread 0: nothing was known yet.
  [[nodiscard]] RobustScale at(std::size_t tick, std::size_t metric) const;
  /// First tick that is worth learning from: until a quarter of the part or a whole window has
  /// passed, scales come from few values.
  [[nodiscard]] std::size_t first_tick() const { return first_tick_; }

 private:
  std::size_t metrics_, interval_, first_tick_;
  std::vector<RobustScale> scales_;  // [renewal][metric]
};

/// The history of a training set, its scales (PartScales) and an even sample of its windows.
///
/// A window counts where at least half of its values and half of its newest tick's are there, of
/// the metrics that occur in the set at all. All its ticks are scaled by the scale of its newest,
/// and clipped at +-RowScales::kClip. The last fifth of every part is held back.
///
/// Borrows the set. Threads: immutable. Cost: 8 B per sampled window, and the scales.
class TrainingWindows {
 public:
  struct Window {
    std::uint32_t part = 0;
    std::uint32_t newest = 0;  ///< its newest tick
  };
  /// What a network needs to be fitted at all.
  static constexpr std::size_t kLeastWindows = 200;

  /// At most `most` windows of `ticks` ticks. Errors: InvalidArgument when there are fewer than
  /// kLeastWindows; Unavailable when stopped.
  static core::Result<TrainingWindows> create(const TrainingSet& set, std::size_t monitor_window,
                                              std::size_t ticks, std::size_t most,
                                              WorkMeter& meter);

  [[nodiscard]] std::size_t metrics() const { return metrics_; }
  [[nodiscard]] std::size_t ticks() const { return ticks_; }
  [[nodiscard]] std::span<const Window> training() const { return training_; }
  [[nodiscard]] std::span<const Window> held_back() const { return held_back_; }

  /// REQUIRES: at most 64 windows; a panel of these sizes.
  void fill(std::span<const Window> windows, WindowPanel<float>& panel) const;

 private:
  [[nodiscard]] std::vector<Window> eligible(WorkMeter& meter) const;

  std::size_t metrics_ = 0;
  std::size_t ticks_ = 0;
  std::size_t used_ = 0;  // metrics that occur
  const TrainingSet* set_ = nullptr;
  std::vector<PartScales> scales_;  // by part
  std::vector<Window> training_, held_back_;
};

/// The error that `fit` answers with when it was told to stop.
core::Error training_stopped();

}  // namespace anomaly_exporter::detectors
