#pragma once

#include <cstdint>
#include <memory>

#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/shape.h"
#include "anomaly_exporter/series/column.h"

namespace anomaly_exporter::detectors {

class EncoderModel;
struct DenseShape;

/// What a narrow description of an entity's metrics leaves over; one model for the monitor.
///
/// **Form linear** (principal components of residuals; Q statistic of Jackson and Mudholkar,
/// "Control procedures for residuals associated with principal component analysis", 1979): r_m =
/// (value - mean_m) / spread_m, clipped at +-10, where mean_m is an exponentially weighted mean of
/// the values learned before (span 20 ticks) and spread_m the row's robust scale. The vector r,
/// less its mean in the training set, is laid off along the components that explain `variance` of
/// the training set's variance (at most metrics - 1 of them); error_m is what is left. A monitor of
/// one metric uses the last 16 values, all minus the same mean, and judges the newest.
/// **Finds** metrics that no longer move together, at the onset of the change. **Cannot see** what
/// all metrics do as usual, only more; slow drift; after about 20 learned ticks a lasting change.
///
/// **Form dense** (Hinton and Salakhutdinov 2006): the last `window` ticks of all metrics, scaled
/// and with presence, through hidden and code layers and back; error_m is that of the newest tick.
/// The code has at most half as many numbers as the window has values. **Finds** values and short
/// courses unlike the training set's. **Cannot see** what the code can express.
///
/// Both: sigma_m, raw, share, expected and scale as in src/detectors/reconstruction.h and as
/// lstm_autoencoder has them: raw counts sigmas.
///
/// **Training.** Linear: covariance of at most 20,000 residual vectors, self-adjoint eigenvectors.
/// Dense: as lstm_autoencoder is trained, at most 50 passes.
/// **Options** form, window, hidden, code, variance, threshold. **Warm-up**: a scale (16 to 24
/// learned values) and, linear, 20 learned values. **State** 12 B per row, linear 24 B.
/// **Cost** linear: metrics multiply-adds per value; dense: hidden * (2 window * metrics + 2 code +
/// metrics) per entity.
///
/// On a gap: absent values enter as expected. The mean of a row does not move while absent.
/// Threads: as Detector. Allocates in score only at a thread's first call.
class Autoencoder final : public Detector {
 public:
  /// Errors: InvalidArgument from the options, or when a window exceeds the monitor's.
  static core::Result<std::unique_ptr<Detector>> create(const AutoencoderOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Entity; }
  [[nodiscard]] double threshold() const override { return options_.threshold; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return shape_.window; }
  [[nodiscard]] int expectation_rank() const override { return 90; }
  [[nodiscard]] bool is_trainable() const override { return true; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;

  [[nodiscard]] core::Result<FittedModel> fit(const TrainingSet& set,
                                              const TrainingProgress& progress) const override;
  void adopt(std::shared_ptr<const Model> model) override;
  [[nodiscard]] std::shared_ptr<const Model> model() const override;
  [[nodiscard]] core::Result<std::shared_ptr<const Model>> read_model(
      core::StateReader& in) const override;

  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  Autoencoder(const AutoencoderOptions& options, const Shape& shape);
  [[nodiscard]] bool is_linear() const { return options_.form == AutoencoderOptions::Form::Linear; }
  [[nodiscard]] DenseShape dense_shape() const;
  [[nodiscard]] core::Result<FittedModel> fit_linear(const TrainingSet& set,
                                                     const TrainingProgress& progress) const;
  [[nodiscard]] core::Result<FittedModel> fit_dense(const TrainingSet& set,
                                                    const TrainingProgress& progress) const;

  AutoencoderOptions options_;
  Shape shape_;
  RowScales scales_;
  series::Column<double> mean_;          // linear, by row
  series::Column<std::uint32_t> count_;  // linear, by row: values in the mean, at most 20
  std::shared_ptr<const EncoderModel> model_;
};

}  // namespace anomaly_exporter::detectors
