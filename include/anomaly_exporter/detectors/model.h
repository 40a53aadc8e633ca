#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::detectors {

/// The history of one entity on the monitor's tick grid.
struct TrainingPart {
  core::Timestamp first;  ///< time of the first tick
  std::size_t ticks = 0;
  std::vector<float> values;  ///< [tick * metrics + metric]; NaN = absent, or not to be learned
  std::uint64_t entity = 0;   ///< hash of the entity's labels; 0 = not known whose history it is
};

/// What a model is fitted to: histories of a sample of the monitor's entities.
struct TrainingSet {
  std::size_t metrics = 1;
  core::Duration interval{0};
  std::vector<TrainingPart> parts;
  std::uint64_t seed = 1;  ///< of everything random in the fit
};

/// Called by `Detector::fit` at least after every 10 ms of its work with the share that is done, 0
/// to 1. May block, to stay within a CPU budget. False = stop.
using TrainingProgress = std::function<bool(double)>;

/// What a trained detector judges by. Immutable, hence shared between threads.
class Model {
 public:
  virtual ~Model() = default;

  /// Versioned, complete: what is read back judges to the last bit alike.
  virtual void save(core::StateWriter& out) const = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;
};

/// A model and how it came about, for its metadata.
struct FittedModel {
  std::shared_ptr<const Model> model;
  std::size_t samples = 0;  ///< vectors the model was fitted to
  /// Figures worth showing, such as {"validation_loss", 0.12}.
  std::vector<std::pair<std::string, double>> figures;
};

}  // namespace anomaly_exporter::detectors
