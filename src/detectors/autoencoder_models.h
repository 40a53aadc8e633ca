#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/tick.h"
#include "dense_network.h"
#include "reconstruction.h"
#include "residual_components.h"

namespace anomaly_exporter::detectors {

/// The exponentially weighted means of a block, its first row first.
struct BlockMeans {
  const double* mean = nullptr;
  const std::uint32_t* count = nullptr;
};

/// Lanes with a value in one of the kResidualGap ticks before this one: their means are of use.
LaneMask recent_lanes(const Tick& tick, std::size_t metric);

/// What the autoencoder judges by, in either form. Immutable.
class EncoderModel : public Model {
 public:
  explicit EncoderModel(ErrorScales errors) : errors_(std::move(errors)) {}
  [[nodiscard]] const ErrorScales& errors() const { return errors_; }
  /// Fills expected, sigma and ready of the scratch.
  virtual void expect(const Tick& tick, const RowScales& scales, const BlockMeans& means,
                      ReconstructionScratch& scratch) const = 0;

 private:
  ErrorScales errors_;
};

/// Principal components of residual vectors.
class LinearEncoder final : public EncoderModel {
 public:
  LinearEncoder(ResidualComponents components, ErrorScales errors)
      : EncoderModel(std::move(errors)), components_(std::move(components)) {}
  /// Errors: Corrupt, Unsupported (newer version).
  static core::Result<std::shared_ptr<const Model>> read(core::StateReader& in,
                                                         std::size_t metrics);

  void save(core::StateWriter& out) const override;
  [[nodiscard]] std::size_t memory_bytes() const override;
  void expect(const Tick& tick, const RowScales& scales, const BlockMeans& means,
              ReconstructionScratch& scratch) const override;

 private:
  ResidualComponents components_;
};

/// A dense network.
class DenseEncoder final : public EncoderModel {
 public:
  DenseEncoder(const DenseShape& shape, std::vector<float> parameters, ErrorScales errors)
      : EncoderModel(std::move(errors)), shape_(shape), parameters_(std::move(parameters)) {}
  /// Errors: Corrupt, Unsupported (newer version).
  static core::Result<std::shared_ptr<const Model>> read(core::StateReader& in,
                                                         const DenseShape& shape);

  void save(core::StateWriter& out) const override;
  [[nodiscard]] std::size_t memory_bytes() const override;
  void expect(const Tick& tick, const RowScales& scales, const BlockMeans& means,
              ReconstructionScratch& scratch) const override;

 private:
  DenseShape shape_;
  std::vector<float> parameters_;
};

}  // namespace anomaly_exporter::detectors
