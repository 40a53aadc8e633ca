#include "anomaly_exporter/detectors/one_class_svm.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "anomaly_exporter/stats/vector_kernels.h"
#include "scaled_history.h"
#include "svm_training.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::uint16_t kModelVersion = 1;
constexpr std::size_t kLeastVectors = 100;
constexpr std::size_t kMostVectors = 8192;
constexpr std::size_t kMostNumbers = std::size_t{1} << 22;
constexpr std::size_t kTicksOfSingle = 6;
constexpr std::size_t kOfMetric = 2;
constexpr double kLeastSpread = 0.1;  // between the median distance and the threshold's
constexpr double kMostGamma = 1000;

/// Buffers of one thread, sized at its first tick.
struct Scratch {
  std::vector<float> batch;    // [feature][lane]
  std::vector<float> weights;  // block column
  std::vector<LaneMask> known;
  ScaledHistory history;
};

Scratch& scratch_for(std::size_t metrics, std::size_t features) {
  thread_local Scratch scratch;
  if (scratch.known.size() != metrics) {
    scratch.batch.assign(features * kLanes, 0.0F);
    scratch.weights.assign(metrics * kLanes, 0.0F);
    scratch.known.assign(metrics, 0);
  }
  return scratch;
}

/// The features of one metric, from `out` on: the last values, or the value and its difference.
/// Where the metric is absent they are 0, as values without a bit are.
void write_features(const ScaledHistory& history, std::size_t count, float* out) {
  std::copy(history.values[0].begin(), history.values[0].end(), out);
  if (count == kOfMetric) {
    const LaneMask both = history.known[0] & history.known[1];
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float difference = history.values[0][lane] - history.values[1][lane];
      out[kLanes + lane] = (both >> lane & 1) != 0 ? difference : 0.0F;
    }
    return;
  }
  for (std::size_t ago = 1; ago < count; ++ago) {
    std::copy(history.values[ago].begin(), history.values[ago].end(), out + ago * kLanes);
  }
}

core::Result<VectorTable> read_vectors(const TrainingSet& set, std::size_t window,
                                       std::size_t of_metric,
                                       const std::function<bool(double)>& progress) {
  const std::size_t features = set.metrics * of_metric;
  TrainingReader reader(set, window, std::min(kMostVectors, kMostNumbers / features));
  VectorTable table{.values = {}, .features = features};
  table.values.reserve(reader.size() * features);
  std::vector<ScaledHistory> histories(set.metrics);
  std::vector<float> batch(features * kLanes);
  for (std::size_t first = 0; first < reader.size(); first += reader.batch()) {
    const LaneMask complete = reader.read(first, histories);
    for (std::size_t metric = 0; metric < set.metrics; ++metric) {
      write_features(histories[metric], of_metric, batch.data() + metric * of_metric * kLanes);
    }
    for (LaneMask rest = complete; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      for (std::size_t f = 0; f < features; ++f) table.values.push_back(batch[f * kLanes + lane]);
    }
    if (!progress(static_cast<double>(first) / static_cast<double>(reader.size()))) {
      return core::Error{core::ErrorCode::Unavailable, "training was stopped"};
    }
  }
  return table;
}

/// 1 / (features * variance of all numbers), 1 where nothing varies.
double usual_gamma(const VectorTable& table) {
  double sum = 0;
  double squares = 0;
  for (const float value : table.values) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const auto n = static_cast<double>(table.values.size());
  const double variance = squares / n - (sum / n) * (sum / n);
  return variance > 1e-9 ? 1.0 / (static_cast<double>(table.features) * variance) : 1.0;
}

/// `most` rows spread evenly over the table.
VectorTable thinned(const VectorTable& table, std::size_t most) {
  const std::size_t count = std::min(table.rows(), most);
  VectorTable out{.values = {}, .features = table.features};
  out.values.reserve(count * table.features);
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.values.data() + i * table.rows() / count * table.features;
    out.values.insert(out.values.end(), row, row + table.features);
  }
  return out;
}

std::vector<float> means_of(const VectorTable& table) {
  std::vector<double> sums(table.features);
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    sums[i % table.features] += static_cast<double>(table.values[i]);
  }
  std::vector<float> means;
  for (const double sum : sums) {
    means.push_back(static_cast<float>(sum / static_cast<double>(table.rows())));
  }
  return means;
}

}  // namespace

core::Status OneClassSvmOptions::validate() const {
  const auto error = [](const char* key, const std::string& value, const char* range) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       std::string(key) + ": " + value + " is not within " + range};
  };
  if (!(contamination >= 1e-4 && contamination <= 0.5)) {
    return error("contamination", core::number_text(contamination), "0.0001 to 0.5");
  }
  if (!(gamma >= 0 && gamma <= kMostGamma)) {
    return error("gamma", core::number_text(gamma), "0 to 1000");
  }
  if (sample < 100 || sample > 5000) {
    return error("sample", std::to_string(sample), "100 to 5000");
  }
  return {};
}

/// Centres in units in which the kernel is 2^-(squared distance), and how sums translate.
class OneClassSvm::FittedSvm final : public Model {
 public:
  FittedSvm(double contamination, double gamma, std::vector<float> centres,
            std::vector<float> weights, std::vector<float> means)
      : contamination_(contamination),
        unit_(static_cast<float>(std::sqrt(gamma * std::numbers::log2e))),
        centres_(std::move(centres)),
        weights_(std::move(weights)),
        means_(std::move(means)) {
    for (const float weight : weights_) total_ += static_cast<double>(weight);
  }

  /// Brings centres given as features to the kernel's unit.
  void scale_centres() {
    for (float& value : centres_) value *= unit_;
  }
  void set_quantiles(double median, double limit) {
    median_ = median;
    limit_ = limit;
  }

  /// sqrt(-log2(K / sum of weights)) of the first `lanes` vectors; scales the batch in place.
  void distances(std::span<float> batch, std::size_t lanes, std::span<double> out) const {
    for (float& value : batch) value *= unit_;
    std::array<float, kLanes> sums{};
    stats::vector_kernels().radial_sums({.centres = centres_.data(),
                                         .weights = weights_.data(),
                                         .count = weights_.size(),
                                         .features = means_.size()},
                                        batch.data(), lanes, sums.data());
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const double ratio = static_cast<double>(sums[lane]) / total_;
      out[lane] = std::sqrt(-std::log2(std::clamp(ratio, 0x1p-125, 1.0)));
    }
  }
  /// Rounded to float, which hides how a processor's library rounds the logarithm.
  [[nodiscard]] double raw_of(double distance) const {
    const double spread = std::max(limit_ - median_, kLeastSpread);
    return static_cast<double>(static_cast<float>(std::max(0.0, (distance - median_) / spread)));
  }
  [[nodiscard]] float mean(std::size_t feature) const { return means_[feature]; }

  void save(core::StateWriter& out) const override {
    out.u16(kModelVersion);
    out.u32(static_cast<std::uint32_t>(means_.size()));
    out.u32(static_cast<std::uint32_t>(weights_.size()));
    out.f64(contamination_);
    out.f32(unit_);
    out.f64(median_);
    out.f64(limit_);
    out.f32s(means_);
    out.f32s(weights_);
    out.f32s(centres_);
  }
  /// The rest of a model whose version was read. Errors: Corrupt.
  static core::Result<std::shared_ptr<const Model>> read(core::StateReader& in,
                                                         const OneClassSvmOptions& options,
                                                         std::size_t features);

  [[nodiscard]] std::size_t memory_bytes() const override {
    return sizeof *this + (centres_.size() + weights_.size() + means_.size()) * sizeof(float);
  }

 private:
  double contamination_;
  float unit_;
  std::vector<float> centres_;  // [centre][feature]
  std::vector<float> weights_;  // by centre, > 0
  std::vector<float> means_;    // by feature, of the training vectors
  double total_ = 0;            // of the weights
  double median_ = 0;
  double limit_ = 1;
};

core::Result<std::shared_ptr<const Model>> OneClassSvm::FittedSvm::read(
    core::StateReader& in, const OneClassSvmOptions& options, std::size_t features) {
  const std::size_t saved_features = in.u32();
  const std::size_t count = in.u32();
  const double contamination = in.f64();
  const float unit = in.f32();
  const double median = in.f64();
  const double limit = in.f64();
  if (in.ok() && (saved_features != features || contamination != options.contamination)) {
    in.fail("support vectors were made for another shape or contamination");
  }
  if (in.ok() && (count == 0 || count > options.sample ||
                  in.remaining() / sizeof(float) < count * (features + 1))) {
    in.fail("support vectors are cut short or too many");
  }
  constexpr double kMostDistance = 100;
  if (in.ok() &&
      !(unit > 0 && unit <= 100 && median >= 0 && median <= limit && limit <= kMostDistance)) {
    in.fail("a number of the support vector model is out of range");
  }
  if (!in.ok()) return in.status().error();
  std::vector<float> means(features), weights(count), centres(count * features);
  in.f32s(means);
  in.f32s(weights);
  in.f32s(centres);
  const float most = 2.0F * RowScales::kClip;
  const auto is_within = [](float limit_of_all) {
    return [=](float value) { return std::fabs(value) <= limit_of_all; };
  };
  if (in.ok() &&
      !(std::ranges::all_of(means, is_within(most)) &&
        std::ranges::all_of(centres, is_within(most * unit * 1.0001F)) &&
        std::ranges::all_of(weights, [](float w) { return w >= 1e-30F && w <= 1.0F; }))) {
    in.fail("a support vector is out of range");
  }
  if (!in.ok()) return in.status().error();
  auto model = std::make_shared<FittedSvm>(contamination, 1.0, std::move(centres),
                                           std::move(weights), std::move(means));
  model->unit_ = unit;
  model->set_quantiles(median, limit);
  return std::shared_ptr<const Model>(std::move(model));
}

core::Result<std::unique_ptr<Detector>> OneClassSvm::create(const OneClassSvmOptions& options,
                                                            const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  return std::unique_ptr<Detector>(new OneClassSvm(options, shape));
}

OneClassSvm::OneClassSvm(const OneClassSvmOptions& options, const Shape& shape)
    : options_(options), shape_(shape), scales_(shape.metrics) {}

std::size_t OneClassSvm::features_of_metric() const {
  return shape_.metrics == 1 ? kTicksOfSingle : kOfMetric;
}
std::string_view OneClassSvm::name() const { return "one_class_svm"; }
std::size_t OneClassSvm::warmup_samples() const { return TrainingReader::kLeastHistory; }
std::shared_ptr<const Model> OneClassSvm::model() const { return model_; }
std::size_t OneClassSvm::memory_bytes() const {
  return scales_.memory_bytes() + (model_ ? model_->memory_bytes() : 0);
}

void OneClassSvm::adopt(std::shared_ptr<const Model> model) {
  model_ = std::static_pointer_cast<const FittedSvm>(std::move(model));
}

void OneClassSvm::score(const Tick& tick, VerdictColumns& out) const {
  const std::size_t of_metric = features_of_metric();
  Scratch& scratch = scratch_for(shape_.metrics, features());
  std::array<double, kLanes> raw{};
  EntityLanes lanes;
  if (model_) {
    for (std::size_t metric = 0; metric < shape_.metrics; ++metric) {
      read_history(tick, metric, scales_, scratch.history);
      scratch.known[metric] = scratch.history.known[0];
      float* batch = scratch.batch.data() + metric * of_metric * kLanes;
      write_features(scratch.history, of_metric, batch);
      float* weights = scratch.weights.data() + metric * kLanes;
      std::fill_n(weights, kLanes, 0.0F);
      for (std::size_t i = 0; i < of_metric; ++i) {
        const float mean = model_->mean(metric * of_metric + i);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          const float away = batch[i * kLanes + lane] - mean;
          weights[lane] += away * away;
        }
      }
    }
    lanes = entity_lanes(tick, scratch.known);
    const auto used = static_cast<std::size_t>(std::bit_width(lanes.judged));
    if (used > 0) model_->distances(scratch.batch, used, raw);
    for (double& value : raw) value = model_->raw_of(value);
  }
  write_entity_verdicts(tick, scales_, model_ != nullptr, lanes, scratch.known, raw,
                        scratch.weights, out);
}

core::Result<FittedModel> OneClassSvm::fit(const TrainingSet& set,
                                           const TrainingProgress& progress) const {
  const auto share = [&progress](double begin, double end) {
    return [=, &progress](double done) { return progress(begin + done * (end - begin)); };
  };
  auto table = read_vectors(set, shape_.window, features_of_metric(), share(0.0, 0.4));
  if (!table.ok()) return table.error();
  if (table->rows() < kLeastVectors) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "one_class_svm needs " + std::to_string(kLeastVectors) +
                           " ticks with at least half of the metrics, behind the first " +
                           std::to_string(TrainingReader::kLeastHistory) +
                           " of each history; there are " + std::to_string(table->rows())};
  }
  const VectorTable sample = thinned(*table, options_.sample);
  const double gamma =
      options_.gamma > 0 ? options_.gamma : std::min(usual_gamma(sample), kMostGamma);
  auto found = train_one_class(sample, options_.contamination, gamma, share(0.4, 0.9));
  if (!found.ok()) return found.error();
  const std::size_t centres = found->weights.size();
  auto model =
      std::make_shared<FittedSvm>(options_.contamination, gamma, std::move(found->vectors.values),
                                  std::move(found->weights), means_of(*table));
  model->scale_centres();
  std::vector<double> distances(table->rows());
  std::vector<float> batch(table->features * kLanes);
  for (std::size_t first = 0; first < table->rows(); first += kLanes) {
    const std::size_t lanes = std::min(kLanes, table->rows() - first);
    table->copy_batch(first, lanes, batch.data());
    model->distances(batch, lanes, std::span(distances).subspan(first, lanes));
    if (!progress(0.9 + 0.1 * static_cast<double>(first) / static_cast<double>(table->rows()))) {
      return core::Error{core::ErrorCode::Unavailable, "training was stopped"};
    }
  }
  const double median = quantile_of(distances, 0.5);
  model->set_quantiles(median, quantile_of(distances, 1.0 - options_.contamination));
  FittedModel fitted;
  fitted.samples = sample.rows();
  fitted.figures = {
      {"support_vectors", static_cast<double>(centres)}, {"gamma", gamma}, {"rho", found->rho}};
  fitted.model = std::move(model);
  return fitted;
}

core::Result<std::shared_ptr<const Model>> OneClassSvm::read_model(core::StateReader& in) const {
  const std::uint16_t version = in.u16();
  if (in.ok() && version > kModelVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "support vector model has version " + std::to_string(version) +
                           ", this program reads up to " + std::to_string(kModelVersion)};
  }
  if (in.ok() && version == 0) in.fail("support vector model has version 0");
  if (!in.ok()) return in.status().error();
  return FittedSvm::read(in, options_, features());
}

void OneClassSvm::save(std::size_t block, core::StateWriter& out) const {
  write_state_head(out, {shape_.metrics, shape_.window});
  scales_.save(block, out);
}

core::Status OneClassSvm::restore(std::size_t block, core::StateReader& in) {
  if (auto head = read_state_head(in, {shape_.metrics, shape_.window}); !head) return head;
  return scales_.restore(block, in);
}

}  // namespace anomaly_exporter::detectors
