#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/shape.h"
#include "anomaly_exporter/series/column.h"

namespace anomaly_exporter::detectors {

/// Isolation Forest: finds entities of which several metrics are unusual at once, in value or in
/// recent course, by how few random splits separate them from the rest (Liu, Ting and Zhou,
/// "Isolation Forest", ICDM 2008). With scope `entity`, the default, every entity of the training
/// set that gave 256 vectors has a smaller forest of its own in the model, which judges it alone,
/// with a median and a threshold of its own; the monitor's forest judges the others.
///
/// Input: a vector per entity from the last 12 ticks of all metrics, scaled per series by RowScales
/// (ForestFeatures lists the features). Values that are absent, or whose scale is not known yet,
/// enter as what was usual in training.
/// Trees: as published, but splits are drawn from the range of a node's vectors widened by half of
/// it on both sides. Otherwise a value far outside is no more isolated than the outermost one seen:
/// ten sigmas in one of four metrics were found in 15 % of cases, with the margin in all.
/// Score: s = 2^(-E(h) / c(n)), E(h) the mean path length over the trees and c(n) that of a search
/// tree of the sample (section 3). With s_med the median and s_q the quantile 1 - contamination of
/// the scores of the training vectors,
///   raw = max(0, (s - s_med) / (s_q - s_med)),
/// 0 for the usual half, 1 at the threshold, about 2 to 6 for what is isolated at once. The signed
/// convention of other libraries, in which lower is more anomalous and 0 is the threshold, is
///   decision_function = s_q - s = (s_q - s_med) (1 - raw) wherever raw > 0,
/// and their score_samples is -s.
/// Share: how much the score falls when a metric's features are replaced by what is usual, relative
/// to the sum of these. Computed where raw >= 0.6; equal shares below, where they mean nothing.
/// Expected value and scale: centre and spread of the row's RowScales.
///
/// Sees: bursts, drops, noise that grows or dies, best where several metrics take part. Does not
/// see: a single odd metric among many (one of seven stays below the threshold); a correlation that
/// breaks while every metric stays in its range, since splits look at one feature at a time; slow
/// drift (scales follow it); degrees beyond "isolated at once".
/// Warm-up: 24 values, when the scale of a row is known. Gaps leave features out; a constant has
/// the spread of its floor, so leaving it is clipped at 10 sigmas.
/// Options: IsolationForestOptions. Own forests are grown in the order of the training set's parts
/// until `entity_bytes` is full; figures say how many entities have one and how many have not. A
/// set of one part has no own forests: the monitor's is that entity's.
/// Threads: as Detector. Memory: 12 B per row and per entity; the model 8 B * trees * 2^ceil(log2
/// sample), and the same with `entity_trees` per own forest (51 kB).
/// Cost: per entity of seven metrics 0.9 us (base 1.3 us), a third of it the forest; a row with
/// raw >= 0.6 costs one more vector for every metric. docs/detectors/isolation_forest.md has more.
class IsolationForest final : public Detector {
 public:
  /// Errors: InvalidArgument as IsolationForestOptions::validate; more than 1000 metrics.
  static core::Result<std::unique_ptr<Detector>> create(const IsolationForestOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Entity; }
  [[nodiscard]] double threshold() const override { return 1.0; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return shape_.window; }
  [[nodiscard]] int expectation_rank() const override { return 95; }
  void resize(std::size_t blocks) override;
  void name_entity(series::Entity entity, std::uint64_t key) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override { scales_.learn(tick, mask); }
  [[nodiscard]] bool is_trainable() const override { return true; }
  /// Needs 100 vectors; takes 32,768 at most, spread evenly over the set. Figures: median_score,
  /// threshold_score. Cost: 74 ms for seven metrics, most of it reading.
  [[nodiscard]] core::Result<FittedModel> fit(const TrainingSet& set,
                                              const TrainingProgress& progress) const override;
  void adopt(std::shared_ptr<const Model> model) override;
  [[nodiscard]] std::shared_ptr<const Model> model() const override;
  [[nodiscard]] core::Result<std::shared_ptr<const Model>> read_model(
      core::StateReader& in) const override;
  void forget(std::size_t block, LaneMask lanes) override { scales_.forget(block, lanes); }
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  class FittedForest;

  IsolationForest(const IsolationForestOptions& options, const Shape& shape);

  IsolationForestOptions options_;
  Shape shape_;
  RowScales scales_;
  std::shared_ptr<const FittedForest> model_;
  series::Column<std::uint64_t> entities_;  // by entity: its key
  series::Column<std::uint32_t> places_;    // by entity: of its forest in the model
};

}  // namespace anomaly_exporter::detectors
