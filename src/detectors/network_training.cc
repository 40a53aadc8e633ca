#include "network_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "adam.h"
#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr double kFirstRate = 4e-3;
constexpr double kLongestGradient = 1.0;
constexpr std::uint64_t kOneInDropped = 20;
constexpr double kRelevantGain = 1e-3;
constexpr std::size_t kPatience = 4;  // passes without gain before the step is halved
constexpr std::size_t kHalvings = 3;

using Window = TrainingWindows::Window;

void shuffle(std::vector<Window>& windows, core::Rng& rng) {
  for (std::size_t i = windows.size(); i > 1; --i) std::swap(windows[i - 1], windows[rng.below(i)]);
}

void drop(WindowPanel<float>& panel, std::size_t at) {
  panel.inputs[at] = 0.0F;
  panel.inputs[panel.metrics * panel.row() + at] = 0.0F;
}

// Takes a tenth of the inputs away, half of it singly and half as whole metrics of a window, as
// series that have ended are missing; they stay targets.
void drop_inputs(WindowPanel<float>& panel, core::Rng& rng) {
  const std::size_t row = panel.row();
  for (std::size_t metric = 0; metric < panel.metrics; ++metric) {
    for (std::size_t lane = 0; lane < stats::kPanelLanes; ++lane) {
      if (panel.metrics == 1 || rng.below(kOneInDropped) != 0) continue;
      for (std::size_t i = lane; i < row; i += stats::kPanelLanes) drop(panel, metric * row + i);
    }
    for (std::size_t i = metric * row; i < (metric + 1) * row; ++i) {
      if (rng.below(kOneInDropped) == 0) drop(panel, i);
    }
  }
}

class Training {
 public:
  Training(GradientSource& network, const TrainingWindows& windows, std::uint64_t seed,
           WorkMeter& meter)
      : network_(network),
        windows_(windows),
        meter_(meter),
        rng_(seed),
        panel_(windows.metrics(), windows.ticks()),
        order_(windows.training().begin(), windows.training().end()) {}

  // One pass over the training windows. False: stopped.
  bool pass(std::vector<float>& parameters, Adam<float>& adam, double rate, double& loss) {
    shuffle(order_, rng_);
    PanelLoss total;
    std::vector<float> gradient(parameters.size());
    for (std::size_t i = 0; i < order_.size(); i += stats::kPanelLanes) {
      const std::size_t n = std::min(stats::kPanelLanes, order_.size() - i);
      windows_.fill(std::span(order_).subspan(i, n), panel_);
      drop_inputs(panel_, rng_);
      if (!meter_.spend(20.0 * static_cast<double>(panel_.inputs.size()))) return false;
      std::ranges::fill(gradient, 0.0F);
      const PanelLoss one = network_.loss(parameters, panel_, gradient, meter_);
      if (!one.is_complete) return false;
      total.sum += one.sum;
      total.weight += one.weight;
      adam.step(parameters, gradient, rate, kLongestGradient);
    }
    loss = total.sum / total.weight;
    return true;
  }

  // Loss on the held-back windows, nothing dropped. False: stopped.
  bool validate(std::span<const float> parameters, double& loss) {
    PanelLoss total;
    const std::span<const Window> held_back = windows_.held_back();
    for (std::size_t i = 0; i < held_back.size(); i += stats::kPanelLanes) {
      const std::size_t n = std::min(stats::kPanelLanes, held_back.size() - i);
      windows_.fill(held_back.subspan(i, n), panel_);
      const PanelLoss one = network_.loss(parameters, panel_, {}, meter_);
      if (!one.is_complete) return false;
      total.sum += one.sum;
      total.weight += one.weight;
    }
    loss = total.sum / total.weight;
    return true;
  }

 private:
  GradientSource& network_;
  const TrainingWindows& windows_;
  WorkMeter& meter_;
  core::Rng rng_;
  WindowPanel<float> panel_;
  std::vector<Window> order_;
};

}  // namespace

core::Result<TrainedParameters> train_network(GradientSource& network,
                                              std::vector<float> parameters,
                                              const TrainingWindows& windows, std::size_t epochs,
                                              std::uint64_t seed, WorkMeter& meter) {
  Training training(network, windows, seed, meter);
  Adam<float> adam(parameters.size());
  TrainedParameters best;
  best.validation_loss = std::numeric_limits<double>::infinity();
  double rate = kFirstRate;
  double least = std::numeric_limits<double>::infinity();  // that counted as a gain
  std::size_t idle = 0;
  std::size_t halvings = 0;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    meter.reach(static_cast<double>(epoch) / static_cast<double>(epochs));
    double training_loss = 0;
    double validation_loss = 0;
    if (!training.pass(parameters, adam, rate, training_loss) ||
        !training.validate(parameters, validation_loss)) {
      return training_stopped();
    }
    best.epochs = epoch + 1;
    if (std::isfinite(validation_loss) && validation_loss < best.validation_loss) {
      best.parameters = parameters;
      best.training_loss = training_loss;
      best.validation_loss = validation_loss;
    }
    if (validation_loss < least * (1 - kRelevantGain)) {
      least = validation_loss;
      idle = 0;
    } else if (++idle == kPatience) {
      if (++halvings > kHalvings || best.parameters.empty()) break;
      idle = 0;
      rate /= 2;
      parameters = best.parameters;
    }
  }
  if (best.parameters.empty()) {
    return core::Error{core::ErrorCode::Internal, "training did not converge"};
  }
  return best;
}

core::Result<std::vector<float>> newest_errors(GradientSource& network,
                                               std::span<const float> parameters,
                                               const TrainingWindows& windows, WorkMeter& meter) {
  meter.reach(1.0);
  const std::size_t metrics = windows.metrics();
  WindowPanel<float> panel(metrics, windows.ticks());
  std::vector<float> errors;
  errors.reserve((windows.training().size() + windows.held_back().size()) * metrics);
  for (const std::span<const Window> set : {windows.training(), windows.held_back()}) {
    for (std::size_t i = 0; i < set.size(); i += stats::kPanelLanes) {
      const std::size_t n = std::min(stats::kPanelLanes, set.size() - i);
      windows.fill(set.subspan(i, n), panel);
      if (!network.loss(parameters, panel, {}, meter).is_complete) return training_stopped();
      const std::span<const float> newest = network.reconstruction();
      for (std::size_t lane = 0; lane < n; ++lane) {
        for (std::size_t metric = 0; metric < metrics; ++metric) {
          const std::size_t at =
              metric * panel.row() + (windows.ticks() - 1) * stats::kPanelLanes + lane;
          errors.push_back(panel.weights[at] > 0 ? panel.targets[at] - newest[at]
                                                 : std::numeric_limits<float>::quiet_NaN());
        }
      }
    }
  }
  return errors;
}

}  // namespace anomaly_exporter::detectors
