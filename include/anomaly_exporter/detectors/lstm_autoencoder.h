#pragma once

#include <memory>

#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/shape.h"

namespace anomaly_exporter::detectors {

/// Error of an LSTM encoder-decoder that was trained to reproduce the usual course of all metrics
/// of an entity; one network for the monitor (Malhotra et al., "LSTM-based encoder-decoder for
/// multi-sensor anomaly detection", 2016).
///
/// **Finds** courses that the history did not have: a rhythm that breaks or freezes, metrics that
/// no longer move together, values out of range. **Cannot see** what lies beyond `window` ticks
/// (daily patterns, slow drift), and what the training set had often.
///
/// **Model.** Inputs are the last `window` ticks of all metrics, scaled by the row's own robust
/// scale (RowScales), clipped at +-10, each with a presence bit; absent values are 0. The network
/// (src/detectors/lstm_network.h) reconstructs the window; only the newest tick is judged.
/// expected = centre + spread * reconstruction; scale = sigma_m * spread, where sigma_m is the
/// usual error of the metric in the training set; e = (value - expected) / scale; raw = sqrt(mean
/// of min(|e|, 40)^2 over the metrics present) / unit, which counts sigmas: of the training vectors
/// one in twenty lies beyond 1.96 (src/detectors/reconstruction.h). share = e^2 / sum of e^2.
/// **Raw score** 0 to 80 sigmas. **Expected value**: the reconstruction.
///
/// **Training.** Windows of the set, at most 20,000 evenly sampled, the last fifth of every history
/// held back; Huber's loss over all values of the window, a tenth of the inputs dropped, so that
/// absent values are expected from the others; Adam with limited gradients; ends early when the
/// held-back loss stands still. Figures: training_loss, validation_loss, epochs, windows.
///
/// **Options** window, hidden, epochs, threshold. **Warm-up**: rows need a scale (16 to 24 learned
/// values), entities half of a window. **State** 12 B per row for the scales. **Cost** per window
/// about window * 4H * (2 * metrics + 2H) multiply-adds in float.
///
/// On a gap: absent ticks enter as such; after half a window without values it warms up again.
/// A constant row keeps a spread of 1e-6 of its value; tick.scale_floor is respected in the error.
/// Verdicts of one processor level are equal to the bit; base and v3 differ by roundings
/// (stats/lstm_kernel.h).
/// Threads: as Detector. Allocates in score only at a thread's first call.
class LstmAutoencoder final : public Detector {
 public:
  /// Errors: InvalidArgument from the options, or when their window exceeds the monitor's.
  static core::Result<std::unique_ptr<Detector>> create(const LstmAutoencoderOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] Scope scope() const override { return Scope::Entity; }
  [[nodiscard]] double threshold() const override { return options_.threshold; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return shape_.window; }
  [[nodiscard]] int expectation_rank() const override { return 90; }
  [[nodiscard]] bool is_trainable() const override { return true; }

  void resize(std::size_t blocks) override { scales_.resize(blocks); }
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override { scales_.learn(tick, mask); }

  [[nodiscard]] core::Result<FittedModel> fit(const TrainingSet& set,
                                              const TrainingProgress& progress) const override;
  void adopt(std::shared_ptr<const Model> model) override;
  [[nodiscard]] std::shared_ptr<const Model> model() const override;
  [[nodiscard]] core::Result<std::shared_ptr<const Model>> read_model(
      core::StateReader& in) const override;

  void forget(std::size_t block, LaneMask lanes) override { scales_.forget(block, lanes); }
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override { return scales_.memory_bytes(); }

 private:
  class NetworkModel;

  LstmAutoencoder(const LstmAutoencoderOptions& options, const Shape& shape);

  LstmAutoencoderOptions options_;
  Shape shape_;
  RowScales scales_;
  std::shared_ptr<const NetworkModel> model_;
};

}  // namespace anomaly_exporter::detectors
