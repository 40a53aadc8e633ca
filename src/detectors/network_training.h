#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "training_windows.h"

namespace anomaly_exporter::detectors {

/// Sum of losses over the targets of a panel, and of their weights.
struct PanelLoss {
  double sum = 0;
  double weight = 0;
  bool is_complete = true;  ///< false: the caller's progress said stop
};

/// A network whose parameters one vector holds.
class GradientSource {
 public:
  virtual ~GradientSource() = default;
  /// Loss of a panel; unless `gradient` is empty, also that of loss / weight by the parameters.
  virtual PanelLoss loss(std::span<const float> parameters, const WindowPanel<float>& panel,
                         std::span<float> gradient, WorkMeter& meter) = 0;
  /// Reconstruction of the panel of the last call: [metrics] rows of [tick][lane].
  [[nodiscard]] virtual std::span<const float> reconstruction() const = 0;
};

struct TrainedParameters {
  std::vector<float> parameters;
  std::size_t epochs = 0;  ///< passes that were made
  double training_loss = 0;
  double validation_loss = 0;  ///< of these parameters, per value of the held-back windows
};

/// Windows that a network is trained on, at most: more cost time and change little.
inline constexpr std::size_t kMostTrainingWindows = 20'000;

/// Trains by Adam over panels of 64 windows in random order, a tenth of the inputs dropped, and
/// returns the parameters that were best on the held-back windows. Four passes in a row that gain
/// less than a thousandth halve the step; the fourth such halving, or `epochs` passes, end it.
///
/// Deterministic for equal arguments on processors of the same level. Errors: Unavailable when
/// stopped; Internal when no pass gave a finite loss.
core::Result<TrainedParameters> train_network(GradientSource& network,
                                              std::vector<float> parameters,
                                              const TrainingWindows& windows, std::size_t epochs,
                                              std::uint64_t seed, WorkMeter& meter);

/// Errors of the newest tick of every window, nothing dropped: [window][metric], NaN where absent.
/// Errors: Unavailable when stopped.
core::Result<std::vector<float>> newest_errors(GradientSource& network,
                                               std::span<const float> parameters,
                                               const TrainingWindows& windows, WorkMeter& meter);

}  // namespace anomaly_exporter::detectors
