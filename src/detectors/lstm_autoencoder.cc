#include "anomaly_exporter/detectors/lstm_autoencoder.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "lstm_network.h"
#include "lstm_training.h"
#include "reconstruction.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::string_view kKind = "lstm_autoencoder";

core::Status out_of_range(const std::string& what, const std::string& range) {
  return core::Error{core::ErrorCode::InvalidArgument, what + " is not " + range};
}

}  // namespace

core::Status LstmAutoencoderOptions::validate() const {
  if (window < 2 || window > 100) {
    return out_of_range("window: " + std::to_string(window), "within 2 to 100");
  }
  if (hidden != 16 && hidden != 32 && hidden != 64) {
    return out_of_range("hidden: " + std::to_string(hidden), "16, 32 or 64");
  }
  if (epochs < 1 || epochs > 1000) {
    return out_of_range("epochs: " + std::to_string(epochs), "within 1 to 1000");
  }
  if (!(threshold >= 1.0 && threshold <= 100.0)) {
    return out_of_range("threshold: " + core::number_text(threshold), "within 1 to 100");
  }
  return {};
}

/// A network and its usual errors.
class LstmAutoencoder::NetworkModel final : public Model {
 public:
  NetworkModel(LstmNetwork network, ErrorScales errors)
      : network_(std::move(network)), errors_(std::move(errors)) {}

  [[nodiscard]] const LstmNetwork& network() const { return network_; }
  [[nodiscard]] const ErrorScales& errors() const { return errors_; }

  void save(core::StateWriter& out) const override {
    const LstmShape& shape = network_.shape();
    write_model_head(out, kKind, std::array{shape.metrics, shape.window, shape.hidden});
    out.f32s(network_.parameters());
    errors_.save(out);
  }
  [[nodiscard]] std::size_t memory_bytes() const override {
    return network_.memory_bytes() + errors_.sigma.size() * sizeof(float);
  }

 private:
  LstmNetwork network_;
  ErrorScales errors_;
};

core::Result<std::unique_ptr<Detector>> LstmAutoencoder::create(
    const LstmAutoencoderOptions& options, const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  if (options.window > shape.window) {
    return out_of_range("window: " + std::to_string(options.window),
                        "within the monitor's window of " + std::to_string(shape.window))
        .error();
  }
  return std::unique_ptr<Detector>(new LstmAutoencoder(options, shape));
}

LstmAutoencoder::LstmAutoencoder(const LstmAutoencoderOptions& options, const Shape& shape)
    : options_(options), shape_(shape), scales_(shape.metrics) {}

std::string_view LstmAutoencoder::name() const { return kKind; }

std::size_t LstmAutoencoder::warmup_samples() const {
  constexpr std::size_t kUntilScaled = 17;  // row_scales.h: 16 values, then the next eighth tick
  return std::max(kUntilScaled, options_.window / 2);
}

void LstmAutoencoder::score(const Tick& tick, VerdictColumns& out) const {
  if (model_ == nullptr) {
    judge_all(tick, Outcome::Untrained, out);
    return;
  }
  const LstmNetwork& network = model_->network();
  const ErrorScales& errors = model_->errors();
  const std::size_t tick_floats = network.shape().inputs() * kLanes;
  thread_local ReconstructionScratch scratch;
  scratch.resize(tick.metrics, options_.window * tick_floats, network.scratch_floats());
  const LaneMask ready = fill_inputs(tick, scales_, errors.sigma,
                                     {.data = scratch.inputs.data(),
                                      .ticks = options_.window,
                                      .row_stride = kLanes,
                                      .tick_stride = tick_floats});
  network.reconstruct(stats::lstm_kernels(), scratch.inputs.data(), scratch.network.data(),
                      scratch.newest.data());
  unscale(tick, scales_, errors, ready, scratch);
  judge_reconstruction(tick, scratch.view(), errors, out);
}

core::Result<FittedModel> LstmAutoencoder::fit(const TrainingSet& set,
                                               const TrainingProgress& progress) const {
  WorkMeter meter(progress);
  auto windows =
      TrainingWindows::create(set, shape_.window, options_.window, kMostTrainingWindows, meter);
  if (!windows) return windows.error();

  const LstmShape shape{
      .metrics = shape_.metrics, .window = options_.window, .hidden = options_.hidden};
  core::Rng rng(set.seed);
  LstmGradientSource gradient(shape);
  auto trained = train_network(gradient, initial_lstm_parameters<float>(shape, rng), *windows,
                               options_.epochs, set.seed, meter);
  if (!trained) return trained.error();

  auto errors = newest_errors(gradient, trained->parameters, *windows, meter);
  if (!errors) return errors.error();
  const std::size_t samples = windows->training().size() + windows->held_back().size();
  ErrorScales scales = ErrorScales::of(*errors, shape_.metrics);
  const double unit = scales.unit;
  FittedModel fitted;
  fitted.model = std::make_shared<const NetworkModel>(
      LstmNetwork(shape, std::move(trained->parameters)), std::move(scales));
  fitted.samples = samples;
  fitted.figures = {{"training_loss", trained->training_loss},
                    {"validation_loss", trained->validation_loss},
                    {"epochs", static_cast<double>(trained->epochs)},
                    {"error_unit", unit}};
  return fitted;
}

void LstmAutoencoder::adopt(std::shared_ptr<const Model> model) {
  model_ = std::static_pointer_cast<const NetworkModel>(std::move(model));
}

std::shared_ptr<const Model> LstmAutoencoder::model() const { return model_; }

core::Result<std::shared_ptr<const Model>> LstmAutoencoder::read_model(
    core::StateReader& in) const {
  const LstmShape shape{
      .metrics = shape_.metrics, .window = options_.window, .hidden = options_.hidden};
  if (auto head = read_model_head(in, kKind, std::array{shape.metrics, shape.window, shape.hidden});
      !head) {
    return head.error();
  }
  std::vector<float> parameters = read_numbers(in, shape.parameters());
  ErrorScales errors;
  errors.sigma.resize(shape.metrics);
  errors.read(in);
  if (!in.ok()) return in.status().error();
  return std::shared_ptr<const Model>(std::make_shared<const NetworkModel>(
      LstmNetwork(shape, std::move(parameters)), std::move(errors)));
}

void LstmAutoencoder::save(std::size_t block, core::StateWriter& out) const {
  write_state_head(out, {shape_.metrics, options_.window, shape_.window});
  scales_.save(block, out);
}

core::Status LstmAutoencoder::restore(std::size_t block, core::StateReader& in) {
  if (auto head = read_state_head(in, {shape_.metrics, options_.window, shape_.window}); !head) {
    return head;
  }
  return scales_.restore(block, in);
}

}  // namespace anomaly_exporter::detectors
