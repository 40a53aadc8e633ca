#pragma once

#include <cstddef>
#include <memory>

#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/shape.h"

namespace anomaly_exporter::detectors {

/// One-class support vector machine with a radial kernel: finds vectors outside the region in which
/// the entities of a monitor usually are (Schoelkopf, Platt, Shawe-Taylor, Smola and Williamson,
/// "Estimating the support of a high-dimensional distribution", 2001). One machine serves all
/// entities.
///
/// Input: of every metric the value and its difference to the tick before, scaled per series by
/// RowScales; of a monitor of one metric its last six values. What is absent enters as 0.
/// Model: f(x) = K(x) - rho, K(x) = sum of a_i exp(-gamma |x - x_i|^2) over the support vectors
/// (equation 3.10). nu, the bound of the share of training vectors outside, is the contamination;
/// gamma = 0 stands for 1 / (features * variance of all of them).
/// Score: f itself levels off at -rho far outside, so its monotone image
///   g = sqrt(-log2(K / sum a_i)),
/// which grows like the distance, is what is scaled: raw = max(0, (g - g_med) / (g_q - g_med)) with
/// the median and the quantile 1 - contamination over the training vectors. Up to about 30.
/// Share: the squared distance of a metric's features from their training mean, relative to the sum
/// over the metrics. Expected value and scale: centre and spread of the row's RowScales.
///
/// Sees: combinations of values and steps that did not occur in training. Does not see: slow drift
/// (scales follow it), seasons, anything further back than one tick (five for a single metric).
/// Warm-up: 24 values. Options: OneClassSvmOptions. Threads: as Detector.
/// Memory: 12 B per row; the model 4 B * (features + 1) per support vector.
/// Cost: see docs/detectors/one_class_svm.md; proportional to support vectors * features.
class OneClassSvm final : public Detector {
 public:
  /// Errors: InvalidArgument as OneClassSvmOptions::validate.
  static core::Result<std::unique_ptr<Detector>> create(const OneClassSvmOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Entity; }
  [[nodiscard]] double threshold() const override { return 1.0; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return shape_.window; }
  [[nodiscard]] int expectation_rank() const override { return 95; }
  void resize(std::size_t blocks) override { scales_.resize(blocks); }
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override { scales_.learn(tick, mask); }
  [[nodiscard]] bool is_trainable() const override { return true; }
  /// Needs 100 vectors; trains on `sample` of them at most and takes its quantiles from 8,192 at
  /// most. Figures: support_vectors, gamma, rho.
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
  class FittedSvm;

  OneClassSvm(const OneClassSvmOptions& options, const Shape& shape);
  [[nodiscard]] std::size_t features_of_metric() const;
  [[nodiscard]] std::size_t features() const { return shape_.metrics * features_of_metric(); }

  OneClassSvmOptions options_;
  Shape shape_;
  RowScales scales_;
  std::shared_ptr<const FittedSvm> model_;
};

}  // namespace anomaly_exporter::detectors
