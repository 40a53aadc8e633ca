#include "anomaly_exporter/detectors/isolation_forest.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "forest.h"
#include "forest_features.h"
#include "forest_vectors.h"
#include "scaled_history.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::uint16_t kModelVersion = 2;  // 1 knew the monitor's forest only
constexpr std::size_t kLeastOwn = 256;      // vectors of an entity that gets a forest
constexpr std::size_t kMostEntityBytes = std::size_t{1} << 30;
constexpr std::size_t kMostMetrics = stats::kMostSplitFeatures - ForestFeatures::kOfTime;
constexpr double kSharesFrom = 0.6;         // of the threshold
constexpr double kLeastScoreSpread = 0.01;  // between the median score and the threshold's
constexpr double kMargin = 0.5;

core::Error out_of_range(const char* key, const std::string& value, const char* range) {
  return {core::ErrorCode::InvalidArgument,
          std::string(key) + ": " + value + " is not within " + range};
}

/// Buffers of one thread, sized at its first tick.
struct Scratch {
  std::vector<float> batch, variants;  // [feature][lane]
  std::vector<float> single;           // [feature][lane], lane 0 only
  std::vector<float> weights;          // block column
  std::vector<LaneMask> known;         // by metric
  ScaledHistory history;

  void fit_to(const ForestFeatures& layout) {
    if (known.size() == layout.metrics()) return;
    batch.assign(layout.size() * kLanes, 0.0F);
    variants.assign(layout.size() * kLanes, 0.0F);
    single.assign(layout.size() * kLanes, 0.0F);
    weights.assign(layout.metrics() * kLanes, 0.0F);
    known.assign(layout.metrics(), 0);
  }
};

Scratch& scratch_for(const ForestFeatures& layout) {
  thread_local Scratch scratch;
  scratch.fit_to(layout);
  return scratch;
}

core::Result<std::vector<double>> scores_of(const Forest& forest, const VectorTable& table,
                                            const std::function<bool(double)>& progress) {
  std::vector<double> scores(table.rows());
  std::vector<float> batch(table.features * kLanes);
  for (std::size_t first = 0; first < table.rows(); first += kLanes) {
    const std::size_t lanes = std::min(kLanes, table.rows() - first);
    table.copy_batch(first, lanes, batch.data());
    forest.score(batch.data(), lanes, std::span(scores).subspan(first, lanes));
    if (!progress(static_cast<double>(first) / static_cast<double>(table.rows())))
      return forest_stopped();
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
  if (entity_trees < 8 || entity_trees > Forest::kMostTrees) {
    return out_of_range("entity_trees", std::to_string(entity_trees), "8 to 1000");
  }
  if (entity_bytes > kMostEntityBytes) {
    return out_of_range("entity_bytes", std::to_string(entity_bytes), "0 to 1073741824");
  }
  return {};
}

namespace {

/// A forest and how its scores translate.
struct ScaledForest {
  Forest forest;
  double median, limit;  // of the training vectors' scores

  /// Rounded to float, which hides how a processor's library rounds the power.
  [[nodiscard]] double raw_of(double score) const {
    const double spread = std::max(limit - median, kLeastScoreSpread);
    return static_cast<double>(static_cast<float>(std::max(0.0, (score - median) / spread)));
  }
  void save(core::StateWriter& out) const {
    out.f64(median);
    out.f64(limit);
    forest.save(out);
  }
  static core::Result<ScaledForest> read(core::StateReader& in, const ForestSize& size,
                                         std::size_t features) {
    const double median = in.f64();
    const double limit = in.f64();
    if (in.ok() && !(median >= 0 && median <= limit && limit <= 1)) {
      in.fail("a number of the forest model is out of range");
    }
    if (!in.ok()) return in.status().error();
    auto forest = Forest::read(in, size, features);
    if (!forest.ok()) return forest.error();
    return ScaledForest{std::move(forest).value(), median, limit};
  }
  static core::Result<ScaledForest> grow(const VectorTable& table, const ForestSize& size,
                                         double contamination, core::Rng& rng,
                                         const std::function<bool(double)>& progress) {
    auto forest =
        Forest::grow(table, size, rng, [&](double done) { return progress(0.75 * done); });
    if (!forest.ok()) return forest.error();
    auto scores =
        scores_of(*forest, table, [&](double done) { return progress(0.75 + 0.25 * done); });
    if (!scores.ok()) return scores.error();
    const double median = quantile_of(*scores, 0.5);
    const double limit = quantile_of(*scores, 1.0 - contamination);
    return ScaledForest{std::move(forest).value(), median, limit};
  }
};

struct EntityForest {
  std::uint64_t entity;  // key
  ScaledForest scaled;
};

}  // namespace

/// The monitor's forest, those of single entities, and what is usual.
class IsolationForest::FittedForest final : public Model {
 public:
  FittedForest(ScaledForest shared, std::vector<EntityForest> own, std::vector<float> usual,
               double contamination)
      : shared_(std::move(shared)),
        own_(std::move(own)),
        usual_(std::move(usual)),
        contamination_(contamination) {}

  /// Place of an entity's forest, from 1 on; 0 = the monitor's, which has none of its own.
  [[nodiscard]] std::uint32_t place_of(std::uint64_t entity) const {
    const auto at = std::ranges::lower_bound(own_, entity, {}, &EntityForest::entity);
    if (at == own_.end() || at->entity != entity) return 0;
    return static_cast<std::uint32_t>(at - own_.begin() + 1);
  }
  [[nodiscard]] const ScaledForest& at(std::uint32_t place) const {
    return place == 0 ? shared_ : own_[place - 1].scaled;
  }
  [[nodiscard]] std::span<const float> usual() const { return usual_; }

  void save(core::StateWriter& out) const override {
    out.u16(kModelVersion);
    out.f32s(usual_);
    out.f64(contamination_);
    shared_.save(out);
    out.u32(static_cast<std::uint32_t>(own_.size()));
    for (const EntityForest& own : own_) {
      out.u64(own.entity);
      own.scaled.save(out);
    }
  }
  [[nodiscard]] std::size_t memory_bytes() const override {
    std::size_t bytes =
        sizeof *this + shared_.forest.memory_bytes() + usual_.size() * sizeof(float);
    for (const EntityForest& own : own_) bytes += sizeof own + own.scaled.forest.memory_bytes();
    return bytes;
  }

  /// Score of one lane of the batch by the forest of its entity.
  [[nodiscard]] double score_by(const ScaledForest& own, std::size_t lane, Scratch& scratch) const {
    for (std::size_t f = 0; f < usual_.size(); ++f) {
      scratch.single[f * kLanes] = scratch.batch[f * kLanes + lane];
    }
    double score = 0;
    own.forest.score(scratch.single.data(), 1, std::span(&score, 1));
    return score;
  }

  /// How much each metric adds to the score of one lane, into `weights` (block column).
  void weigh(const ForestFeatures& layout, const Forest& forest, std::size_t lane, double score,
             Scratch& scratch) const {
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
      forest.score(scratch.variants.data(), count, without);
      for (std::size_t i = 0; i < count; ++i) {
        scratch.weights[(first + i) * kLanes + lane] =
            static_cast<float>(std::max(0.0, score - without[i]));
      }
    }
  }

 private:
  ScaledForest shared_;
  std::vector<EntityForest> own_;  // ascending by entity
  std::vector<float> usual_;       // by feature
  double contamination_;
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
  return scales_.memory_bytes() + entities_.bytes() + places_.bytes() +
         (model_ ? model_->memory_bytes() : 0);
}

void IsolationForest::resize(std::size_t blocks) {
  scales_.resize(blocks);
  entities_.resize(blocks * kLanes);
  places_.resize(blocks * kLanes);
}

void IsolationForest::name_entity(series::Entity entity, std::uint64_t key) {
  entities_[entity] = key;
  places_[entity] = model_ ? model_->place_of(key) : 0;
}

void IsolationForest::adopt(std::shared_ptr<const Model> model) {
  model_ = std::static_pointer_cast<const FittedForest>(std::move(model));
  for (std::size_t e = 0; e < places_.size(); ++e) {
    places_[e] = model_ ? model_->place_of(entities_[e]) : 0;
  }
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
    const std::uint32_t* places = places_.data() + tick.block * kLanes;
    LaneMask by_shared = 0;
    for (LaneMask rest = lanes.judged; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      if (places[lane] == 0) by_shared |= series::bit(lane);
    }
    const auto used = static_cast<std::size_t>(std::bit_width(by_shared));
    if (used > 0) model_->at(0).forest.score(scratch.batch.data(), used, scores);
    for (LaneMask rest = lanes.judged; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      const ScaledForest& scaled = model_->at(places[lane]);
      if (places[lane] != 0) scores[lane] = model_->score_by(scaled, lane, scratch);
      raw[lane] = scaled.raw_of(scores[lane]);
      if (raw[lane] >= kSharesFrom && shape_.metrics > 1) {
        model_->weigh(layout, scaled.forest, lane, scores[lane], scratch);
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
  const bool has_own = options_.scope == IsolationForestOptions::Scope::Entity;
  const double until = has_own ? 0.75 : 1.0;
  auto vectors = read_forest_vectors(set, layout, shape_.window, share(0.0, 0.7 * until));
  if (!vectors.ok()) return vectors.error();
  core::Rng rng(set.seed + 1);  // another one than that of the reader
  auto shared = ScaledForest::grow(
      vectors->table, {.trees = options_.trees, .sample = options_.sample, .margin = kMargin},
      options_.contamination, rng, share(0.7 * until, until));
  if (!shared.ok()) return shared.error();

  std::vector<EntityForest> own;
  std::size_t bytes = 0;
  for (std::size_t part = 0; has_own && part < set.parts.size(); ++part) {
    const auto place = [&](double done) {
      return until + (1 - until) * (static_cast<double>(part) + done) /
                         static_cast<double>(set.parts.size());
    };
    // Where there is one history only, the monitor's forest is that entity's.
    if (set.parts.size() == 1 || set.parts[part].entity == 0) continue;
    const VectorTable table = vectors->of_part(part);
    if (table.rows() < kLeastOwn) continue;
    const ForestSize size{
        .trees = options_.entity_trees, .sample = options_.sample, .margin = kMargin};
    if (bytes + Forest::bytes_of(size) > options_.entity_bytes) break;
    auto grown = ScaledForest::grow(table, size, options_.contamination, rng,
                                    [&](double done) { return progress(place(done)); });
    if (!grown.ok()) return grown.error();
    bytes += Forest::bytes_of(size);
    own.push_back({set.parts[part].entity, std::move(grown).value()});
  }
  std::ranges::sort(own, {}, &EntityForest::entity);
  const auto is_twin = [](const auto& a, const auto& b) { return a.entity == b.entity; };
  own.erase(std::unique(own.begin(), own.end(), is_twin), own.end());

  FittedModel fitted;
  fitted.samples = vectors->table.rows();
  fitted.figures = {{"median_score", shared->median},
                    {"threshold_score", shared->limit},
                    {"entity_forests", static_cast<double>(own.size())},
                    {"entities_without", static_cast<double>(set.parts.size() - own.size())}};
  fitted.model = std::make_shared<const FittedForest>(
      std::move(shared).value(), std::move(own), std::move(vectors->usual), options_.contamination);
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
  const ForestFeatures layout(shape_.metrics);
  std::vector<float> usual(layout.size());
  in.f32s(usual);
  const double contamination = in.f64();
  if (in.ok() && (version == 0 || contamination != options_.contamination)) {
    in.fail("forest model has version 0 or was made for another contamination");
  }
  const bool are_finite = std::ranges::all_of(usual, [](float v) { return std::isfinite(v); });
  if (in.ok() && !are_finite) in.fail("a number of the forest model is not finite");
  if (!in.ok()) return in.status().error();
  auto shared =
      ScaledForest::read(in, {.trees = options_.trees, .sample = options_.sample}, layout.size());
  if (!shared.ok()) return shared.error();

  const ForestSize size{.trees = options_.entity_trees, .sample = options_.sample};
  const std::uint32_t count = version >= 2 ? in.u32() : 0;
  const bool may_have_own = options_.scope == IsolationForestOptions::Scope::Entity;
  if (in.ok() && count > (may_have_own ? options_.entity_bytes / Forest::bytes_of(size) : 0)) {
    in.fail("forest model has " + std::to_string(count) +
            " forests of entities, more than allowed");
  }
  std::vector<EntityForest> own;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t entity = in.u64();
    if (in.ok() && i > 0 && entity <= own.back().entity) in.fail("entities are not in order");
    auto scaled = ScaledForest::read(in, size, layout.size());
    if (!scaled.ok()) return scaled.error();
    own.push_back({entity, std::move(scaled).value()});
  }
  if (!in.ok()) return in.status().error();
  return std::shared_ptr<const Model>(std::make_shared<const FittedForest>(
      std::move(shared).value(), std::move(own), std::move(usual), contamination));
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
