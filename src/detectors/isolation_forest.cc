#include "anomaly_exporter/detectors/isolation_forest.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "forest.h"
#include "forest_features.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::uint16_t kModelVersion = 1;
constexpr std::size_t kLeastVectors = 100;
constexpr std::size_t kMostVectors = 32768;
constexpr std::size_t kMostNumbers = std::size_t{1} << 22;  // 16 MiB of training vectors
constexpr std::size_t kMostMetrics = stats::kMostSplitFeatures - ForestFeatures::kOfTime;
constexpr double kSharesFrom = 0.6;         // of the threshold
constexpr double kLeastScoreSpread = 0.01;  // between the median score and the threshold's
constexpr double kMargin = 0.5;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

core::Error out_of_range(const char* key, const std::string& value, const char* range) {
  return {core::ErrorCode::InvalidArgument,
          std::string(key) + ": " + value + " is not within " + range};
}

/// Buffers of one thread, sized at its first tick.
struct Scratch {
  std::vector<float> batch, variants;  // [feature][lane]
  std::vector<float> weights;          // block column
  std::vector<LaneMask> known;         // by metric
  ScaledHistory history;

  void fit_to(const ForestFeatures& layout) {
    if (known.size() == layout.metrics()) return;
    batch.assign(layout.size() * kLanes, 0.0F);
    variants.assign(layout.size() * kLanes, 0.0F);
    weights.assign(layout.metrics() * kLanes, 0.0F);
    known.assign(layout.metrics(), 0);
  }
};

Scratch& scratch_for(const ForestFeatures& layout) {
  thread_local Scratch scratch;
  scratch.fit_to(layout);
  return scratch;
}

core::Error stopped() { return {core::ErrorCode::Unavailable, "training was stopped"}; }

/// The medians of the features over vectors in which NaN marks what is missing, which they replace.
core::Result<std::vector<float>> fill_with_medians(VectorTable& table,
                                                   const std::function<bool(double)>& progress) {
  std::vector<float> medians(table.features);
  std::vector<float> column;
  for (std::size_t feature = 0; feature < table.features; ++feature) {
    column.clear();
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (const float value = table.at(row, feature); !std::isnan(value)) column.push_back(value);
    }
    if (!column.empty()) medians[feature] = quantile_of(column, 0.5);
    for (std::size_t row = 0; row < table.rows(); ++row) {
      float& value = table.values[row * table.features + feature];
      if (std::isnan(value)) value = medians[feature];
    }
    if (!progress(static_cast<double>(feature) / static_cast<double>(table.features))) {
      return stopped();
    }
  }
  return medians;
}

/// Hours of the day (week) mean nothing to a history that does not hold each at least twice.
void drop_unseen_periods(const TrainingSet& set, const ForestFeatures& layout, VectorTable& table) {
  core::Timestamp first{std::numeric_limits<std::int64_t>::max()};
  core::Timestamp last{std::numeric_limits<std::int64_t>::min()};
  for (const TrainingPart& part : set.parts) {
    first = std::min(first, part.first);
    last = std::max(last, part.first + set.interval * static_cast<std::int64_t>(part.ticks));
  }
  const core::Duration span = last - first;
  const auto clear = [&](std::size_t from, std::size_t to) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      float* values = table.values.data() + row * table.features;
      std::fill(values + from, values + to, 0.0F);
    }
  };
  const std::size_t time = layout.first_of_time();
  if (span < 2 * std::chrono::hours(24)) clear(time, time + 2);
  if (span < 14 * std::chrono::hours(24)) clear(time + 2, time + 4);
}

/// Vectors of the set; what is missing in them is NaN.
core::Result<VectorTable> read_vectors(const TrainingSet& set, const ForestFeatures& layout,
                                       std::size_t window,
                                       const std::function<bool(double)>& progress) {
  TrainingReader reader(set, window, std::min(kMostVectors, kMostNumbers / layout.size()));
  VectorTable table{.values = {}, .features = layout.size()};
  table.values.reserve(reader.size() * layout.size());
  std::vector<ScaledHistory> histories(set.metrics);
  std::vector<float> batch(layout.size() * kLanes);
  const std::vector<float> missing(layout.size(), kNan);
  for (std::size_t first = 0; first < reader.size(); first += reader.batch()) {
    const LaneMask complete = reader.read(first, histories);
    for (std::size_t metric = 0; metric < set.metrics; ++metric) {
      layout.write_metric(metric, histories[metric], missing, batch.data());
    }
    for (LaneMask rest = complete; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      layout.write_time(reader.time(first + lane), lane, 1, batch.data());
      for (std::size_t f = 0; f < layout.size(); ++f) {
        table.values.push_back(batch[f * kLanes + lane]);
      }
    }
    if (!progress(static_cast<double>(first) / static_cast<double>(reader.size()))) {
      return stopped();
    }
  }
  return table;
}

core::Result<std::vector<double>> scores_of(const Forest& forest, const VectorTable& table,
                                            const std::function<bool(double)>& progress) {
  std::vector<double> scores(table.rows());
  std::vector<float> batch(table.features * kLanes);
  for (std::size_t first = 0; first < table.rows(); first += kLanes) {
    const std::size_t lanes = std::min(kLanes, table.rows() - first);
    table.copy_batch(first, lanes, batch.data());
    forest.score(batch.data(), lanes, std::span(scores).subspan(first, lanes));
    if (!progress(static_cast<double>(first) / static_cast<double>(table.rows()))) return stopped();
  }
  return scores;
}

}  // namespace

core::Status IsolationForestOptions::validate() const {
  if (trees < 8 || trees > Forest::kMostTrees) {
    return out_of_range("trees", std::to_string(trees), "8 to 1000");
  }
  if (sample < 16 || sample > Forest::kMostSample) {
    return out_of_range("sample", std::to_string(sample), "16 to 4096");
  }
  if (!(contamination >= 1e-4 && contamination <= 0.5)) {
    return out_of_range("contamination", core::number_text(contamination), "0.0001 to 0.5");
  }
  return {};
}

/// A forest, what is usual, and how its scores translate.
class IsolationForest::FittedForest final : public Model {
 public:
  FittedForest(Forest forest, std::vector<float> usual, double contamination, double median,
               double limit)
      : forest_(std::move(forest)),
        usual_(std::move(usual)),
        contamination_(contamination),
        median_(median),
        limit_(limit) {}

  [[nodiscard]] const Forest& forest() const { return forest_; }
  [[nodiscard]] std::span<const float> usual() const { return usual_; }
  /// Rounded to float, which hides how a processor's library rounds the power.
  [[nodiscard]] double raw_of(double score) const {
    const double spread = std::max(limit_ - median_, kLeastScoreSpread);
    return static_cast<double>(static_cast<float>(std::max(0.0, (score - median_) / spread)));
  }

  void save(core::StateWriter& out) const override {
    out.u16(kModelVersion);
    out.f32s(usual_);
    out.f64(contamination_);
    out.f64(median_);
    out.f64(limit_);
    forest_.save(out);
  }
  [[nodiscard]] std::size_t memory_bytes() const override {
    return sizeof *this + forest_.memory_bytes() + usual_.size() * sizeof(float);
  }

  /// How much each metric adds to the score of one lane, into `weights` (block column).
  void weigh(const ForestFeatures& layout, std::size_t lane, double score, Scratch& scratch) const {
    std::array<double, kLanes> without{};
    for (std::size_t first = 0; first < layout.metrics(); first += kLanes) {
      const std::size_t count = std::min(kLanes, layout.metrics() - first);
      for (std::size_t f = 0; f < layout.size(); ++f) {
        std::fill_n(scratch.variants.data() + f * kLanes, kLanes, scratch.batch[f * kLanes + lane]);
      }
      for (std::size_t i = 0; i < count * layout.of_metric(); ++i) {
        const std::size_t f = first * layout.of_metric() + i;
        scratch.variants[f * kLanes + i / layout.of_metric()] = usual_[f];
      }
      forest_.score(scratch.variants.data(), count, without);
      for (std::size_t i = 0; i < count; ++i) {
        scratch.weights[(first + i) * kLanes + lane] =
            static_cast<float>(std::max(0.0, score - without[i]));
      }
    }
  }

 private:
  Forest forest_;
  std::vector<float> usual_;  // by feature
  double contamination_;
  double median_, limit_;  // of the training vectors' scores
};

core::Result<std::unique_ptr<Detector>> IsolationForest::create(
    const IsolationForestOptions& options, const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  if (shape.metrics > kMostMetrics) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "a forest of " + std::to_string(shape.metrics) + " metrics; at most " +
                           std::to_string(kMostMetrics) + " are possible"};
  }
  return std::unique_ptr<Detector>(new IsolationForest(options, shape));
}

IsolationForest::IsolationForest(const IsolationForestOptions& options, const Shape& shape)
    : options_(options), shape_(shape), scales_(shape.metrics) {}

std::string_view IsolationForest::name() const { return "isolation_forest"; }
std::size_t IsolationForest::warmup_samples() const { return TrainingReader::kLeastHistory; }
std::shared_ptr<const Model> IsolationForest::model() const { return model_; }
std::size_t IsolationForest::memory_bytes() const {
  return scales_.memory_bytes() + (model_ ? model_->memory_bytes() : 0);
}

void IsolationForest::adopt(std::shared_ptr<const Model> model) {
  model_ = std::static_pointer_cast<const FittedForest>(std::move(model));
}

void IsolationForest::score(const Tick& tick, VerdictColumns& out) const {
  const ForestFeatures layout(shape_.metrics);
  Scratch& scratch = scratch_for(layout);
  std::array<double, kLanes> raw{};
  EntityLanes lanes;
  if (model_) {
    for (std::size_t metric = 0; metric < shape_.metrics; ++metric) {
      read_history(tick, metric, scales_, scratch.history);
      scratch.known[metric] = scratch.history.known[0];
      layout.write_metric(metric, scratch.history, model_->usual(), scratch.batch.data());
    }
    lanes = entity_lanes(tick, scratch.known);
    layout.write_time(tick.time, 0, kLanes, scratch.batch.data());
    std::fill(scratch.weights.begin(), scratch.weights.end(), 0.0F);
    std::array<double, kLanes> scores{};
    const auto used = static_cast<std::size_t>(std::bit_width(lanes.judged));
    if (used > 0) model_->forest().score(scratch.batch.data(), used, scores);
    for (LaneMask rest = lanes.judged; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      raw[lane] = model_->raw_of(scores[lane]);
      if (raw[lane] >= kSharesFrom && shape_.metrics > 1) {
        model_->weigh(layout, lane, scores[lane], scratch);
      }
    }
  }
  write_entity_verdicts(tick, scales_, model_ != nullptr, lanes, scratch.known, raw,
                        scratch.weights, out);
}

core::Result<FittedModel> IsolationForest::fit(const TrainingSet& set,
                                               const TrainingProgress& progress) const {
  const ForestFeatures layout(shape_.metrics);
  const auto share = [&progress](double begin, double end) {
    return [=, &progress](double done) { return progress(begin + done * (end - begin)); };
  };
  auto table = read_vectors(set, layout, shape_.window, share(0.0, 0.7));
  if (!table.ok()) return table.error();
  if (table->rows() < kLeastVectors) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "isolation_forest needs " + std::to_string(kLeastVectors) +
                           " ticks with at least half of the metrics, behind the first " +
                           std::to_string(TrainingReader::kLeastHistory) +
                           " of each history; there are " + std::to_string(table->rows())};
  }
  drop_unseen_periods(set, layout, *table);
  auto usual = fill_with_medians(*table, share(0.7, 0.8));
  if (!usual.ok()) return usual.error();
  core::Rng rng(set.seed + 1);  // another one than that of the reader
  auto forest =
      Forest::grow(*table, {.trees = options_.trees, .sample = options_.sample, .margin = kMargin},
                   rng, share(0.8, 0.95));
  if (!forest.ok()) return forest.error();
  auto scores = scores_of(*forest, *table, share(0.95, 1.0));
  if (!scores.ok()) return scores.error();
  const double median = quantile_of(*scores, 0.5);
  const double limit = quantile_of(*scores, 1.0 - options_.contamination);
  FittedModel fitted;
  fitted.samples = table->rows();
  fitted.figures = {{"median_score", median}, {"threshold_score", limit}};
  fitted.model = std::make_shared<const FittedForest>(
      std::move(forest).value(), std::move(usual).value(), options_.contamination, median, limit);
  return fitted;
}

core::Result<std::shared_ptr<const Model>> IsolationForest::read_model(
    core::StateReader& in) const {
  const std::uint16_t version = in.u16();
  if (in.ok() && version > kModelVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "forest model has version " + std::to_string(version) +
                           ", this program reads up to " + std::to_string(kModelVersion)};
  }
  if (in.ok() && version == 0) in.fail("forest model has version 0");
  const ForestFeatures layout(shape_.metrics);
  std::vector<float> usual(layout.size());
  in.f32s(usual);
  const double contamination = in.f64();
  const double median = in.f64();
  const double limit = in.f64();
  if (in.ok() && contamination != options_.contamination) {
    in.fail("forest model was made for another contamination");
  }
  const bool are_finite = std::ranges::all_of(usual, [](float v) { return std::isfinite(v); });
  if (in.ok() && !(are_finite && median >= 0 && median <= limit && limit <= 1)) {
    in.fail("a number of the forest model is out of range");
  }
  if (!in.ok()) return in.status().error();
  auto forest =
      Forest::read(in, {.trees = options_.trees, .sample = options_.sample}, layout.size());
  if (!forest.ok()) return forest.error();
  return std::shared_ptr<const Model>(std::make_shared<const FittedForest>(
      std::move(forest).value(), std::move(usual), contamination, median, limit));
}

void IsolationForest::save(std::size_t block, core::StateWriter& out) const {
  write_state_head(out, {shape_.metrics, shape_.window});
  scales_.save(block, out);
}

core::Status IsolationForest::restore(std::size_t block, core::StateReader& in) {
  if (auto head = read_state_head(in, {shape_.metrics, shape_.window}); !head) return head;
  return scales_.restore(block, in);
}

}  // namespace anomaly_exporter::detectors
