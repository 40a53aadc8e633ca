#include "anomaly_exporter/detectors/autoencoder.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "autoencoder_models.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kDenseEpochs = 50;

core::Error out_of_range(const std::string& what, const std::string& range) {
  return {core::ErrorCode::InvalidArgument, what + " is not within " + range};
}

}  // namespace

core::Status AutoencoderOptions::validate() const {
  const auto check = [](const char* key, std::size_t value, std::size_t least,
                        std::size_t most) -> core::Status {
    if (value >= least && value <= most) return {};
    return out_of_range(std::string(key) + ": " + std::to_string(value),
                        std::to_string(least) + " to " + std::to_string(most));
  };
  if (auto ok = check("window", window, 1, 60); !ok) return ok;
  if (auto ok = check("hidden", hidden, 8, 256); !ok) return ok;
  if (auto ok = check("code", code, 2, 64); !ok) return ok;
  if (!(variance >= 0.1 && variance <= 0.999)) {
    return out_of_range("variance: " + core::number_text(variance), "0.1 to 0.999");
  }
  if (!(threshold >= 1.0 && threshold <= 100.0)) {
    return out_of_range("threshold: " + core::number_text(threshold), "1 to 100");
  }
  return {};
}

core::Result<std::unique_ptr<Detector>> Autoencoder::create(const AutoencoderOptions& options,
                                                            const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  const bool is_linear = options.form == AutoencoderOptions::Form::Linear;
  const std::size_t needed =
      !is_linear ? options.window : (shape.metrics == 1 ? kSingleMetricVector : 1);
  if (needed > shape.window) {
    return out_of_range("window: " + std::to_string(needed),
                        "the monitor's window of " + std::to_string(shape.window));
  }
  return std::unique_ptr<Detector>(new Autoencoder(options, shape));
}

Autoencoder::Autoencoder(const AutoencoderOptions& options, const Shape& shape)
    : options_(options), shape_(shape), scales_(shape.metrics) {}

std::string_view Autoencoder::name() const { return "autoencoder"; }

std::size_t Autoencoder::warmup_samples() const {
  constexpr std::size_t kUntilScaled = 17;  // row_scales.h: 16 values, then the next eighth tick
  return is_linear() ? std::max<std::size_t>(kUntilScaled, kResidualWarmup)
                     : std::max(kUntilScaled, options_.window / 2);
}

DenseShape Autoencoder::dense_shape() const {
  return {.metrics = shape_.metrics,
          .window = options_.window,
          .hidden = options_.hidden,
          .code = std::clamp<std::size_t>(shape_.metrics * options_.window / 2, 1, options_.code)};
}

std::size_t Autoencoder::memory_bytes() const {
  return scales_.memory_bytes() + mean_.bytes() + count_.bytes();
}

void Autoencoder::resize(std::size_t blocks) {
  scales_.resize(blocks);
  if (!is_linear()) return;
  mean_.resize(blocks * shape_.metrics * kLanes);
  count_.resize(blocks * shape_.metrics * kLanes);
}

void Autoencoder::score(const Tick& tick, VerdictColumns& out) const {
  if (model_ == nullptr) {
    judge_all(tick, Outcome::Untrained, out);
    return;
  }
  thread_local ReconstructionScratch scratch;
  BlockMeans means{};
  if (is_linear()) means = {mean_.data() + tick.first_row, count_.data() + tick.first_row};
  model_->expect(tick, scales_, means, scratch);
  judge_reconstruction(tick, scratch.view(), model_->errors(), out);
}

void Autoencoder::learn(const Tick& tick, const LearnMask& mask) {
  scales_.learn(tick, mask);
  if (!is_linear()) return;
  for (std::size_t metric = 0; metric < shape_.metrics; ++metric) {
    const LaneMask recent = recent_lanes(tick, metric);
    for (LaneMask lanes = mask.lanes[metric] & tick.active; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      const Row row = tick.row(metric, lane);
      const bool is_kept = (recent & series::bit(lane)) != 0;
      RunningMean mean{.mean = mean_[row], .count = is_kept ? count_[row] : 0};
      mean.add(static_cast<double>(tick.values[metric * kLanes + lane]));
      mean_[row] = mean.mean;
      count_[row] = mean.count;
    }
  }
}

core::Result<FittedModel> Autoencoder::fit(const TrainingSet& set,
                                           const TrainingProgress& progress) const {
  return is_linear() ? fit_linear(set, progress) : fit_dense(set, progress);
}

core::Result<FittedModel> Autoencoder::fit_linear(const TrainingSet& set,
                                                  const TrainingProgress& progress) const {
  WorkMeter meter(progress);
  auto vectors = ResidualVectors::of(set, shape_.window, kMostTrainingWindows, meter);
  if (!vectors) return vectors.error();
  meter.reach(0.5);
  auto components =
      ResidualComponents::of(vectors->values, vectors->size, options_.variance, meter);
  if (!components) return components.error();
  auto errors = component_errors(*components, *vectors, shape_.metrics, meter);
  if (!errors) return errors.error();
  ErrorScales scales = ErrorScales::of(*errors, shape_.metrics);
  FittedModel fitted;
  fitted.samples = vectors->values.size() / vectors->size;
  fitted.figures = {{"components", static_cast<double>(components->components)},
                    {"error_unit", scales.unit}};
  fitted.model =
      std::make_shared<const LinearEncoder>(std::move(components).value(), std::move(scales));
  return fitted;
}

core::Result<FittedModel> Autoencoder::fit_dense(const TrainingSet& set,
                                                 const TrainingProgress& progress) const {
  WorkMeter meter(progress);
  auto windows =
      TrainingWindows::create(set, shape_.window, options_.window, kMostTrainingWindows, meter);
  if (!windows) return windows.error();
  const DenseShape shape = dense_shape();
  core::Rng rng(set.seed);
  DenseGradientSource network(shape);
  auto trained = train_network(network, initial_dense_parameters<float>(shape, rng), *windows,
                               kDenseEpochs, set.seed, meter);
  if (!trained) return trained.error();
  auto errors = newest_errors(network, trained->parameters, *windows, meter);
  if (!errors) return errors.error();
  ErrorScales scales = ErrorScales::of(*errors, shape_.metrics);
  FittedModel fitted;
  fitted.samples = windows->training().size() + windows->held_back().size();
  fitted.figures = {{"training_loss", trained->training_loss},
                    {"validation_loss", trained->validation_loss},
                    {"epochs", static_cast<double>(trained->epochs)},
                    {"error_unit", scales.unit}};
  fitted.model = std::make_shared<const DenseEncoder>(shape, std::move(trained->parameters),
                                                      std::move(scales));
  return fitted;
}

void Autoencoder::adopt(std::shared_ptr<const Model> model) {
  model_ = std::static_pointer_cast<const EncoderModel>(std::move(model));
}

std::shared_ptr<const Model> Autoencoder::model() const { return model_; }

core::Result<std::shared_ptr<const Model>> Autoencoder::read_model(core::StateReader& in) const {
  return is_linear() ? LinearEncoder::read(in, shape_.metrics)
                     : DenseEncoder::read(in, dense_shape());
}

void Autoencoder::forget(std::size_t block, LaneMask lanes) {
  scales_.forget(block, lanes);
  if (!is_linear()) return;
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    for (std::size_t metric = 0; metric < shape_.metrics; ++metric) {
      const std::size_t row = (block * shape_.metrics + metric) * kLanes + lane;
      mean_[row] = 0;
      count_[row] = 0;
    }
  }
}

void Autoencoder::save(std::size_t block, core::StateWriter& out) const {
  write_state_head(out, {shape_.metrics, shape_.window, is_linear() ? 1U : 0U});
  if (is_linear()) {
    const std::size_t rows = shape_.metrics * kLanes;
    out.f64s(mean_.span().subspan(block * rows, rows));
    out.u32s(count_.span().subspan(block * rows, rows));
  }
  scales_.save(block, out);
}

core::Status Autoencoder::restore(std::size_t block, core::StateReader& in) {
  if (auto head = read_state_head(in, {shape_.metrics, shape_.window, is_linear() ? 1U : 0U});
      !head) {
    return head;
  }
  if (!is_linear()) return scales_.restore(block, in);
  const std::size_t rows = shape_.metrics * kLanes;
  series::Column<double> mean(rows);
  series::Column<std::uint32_t> count(rows);
  in.f64s(mean.span());
  in.u32s(count.span());
  for (std::size_t i = 0; i < rows && in.ok(); ++i) {
    if (!(std::fabs(mean[i]) <= static_cast<double>(FLT_MAX)) || count[i] > kResidualWarmup) {
      in.fail("mean of a row makes no sense");
    }
  }
  if (!in.ok()) return in.status();
  if (auto restored = scales_.restore(block, in); !restored) return restored;
  std::ranges::copy(mean.span(), mean_.data() + block * rows);
  std::ranges::copy(count.span(), count_.data() + block * rows);
  return {};
}

}  // namespace anomaly_exporter::detectors
