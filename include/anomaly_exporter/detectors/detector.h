#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/detectors/verdict.h"

namespace anomaly_exporter::detectors {

/// Whether a detector judges one series at a time or an entity's metrics together.
enum class Scope { Series, Entity };

/// Turns the values of a block into raw scores, expected values and scales.
///
/// A detector keeps derived columns by row, never copies of windows. It knows no clock, does no
/// I/O, writes no log, and allocates only in `resize` and `train`. NaN and infinity never enter or
/// leave; rows whose numbers would are `Failed`.
///
/// Threads: `score` and `learn` of distinct blocks may run at the same time; `fit` may run at any
/// time beside everything else, because it reads the options only; all else alone.
class Detector {
 public:
  virtual ~Detector() = default;

  /// Name as in the configuration and in the `detector` label.
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual Scope scope() const = 0;

  /// Raw score from which this detector alone may call a row anomalous (its `threshold` option).
  [[nodiscard]] virtual double threshold() const = 0;

  /// Samples a row needs before its first verdict.
  [[nodiscard]] virtual std::size_t warmup_samples() const = 0;

  /// The shortest of the detector's windows, in ticks. The engine never withholds so many values
  /// from learning that it holds fewer than `least_in_look_back`.
  [[nodiscard]] virtual std::size_t look_back() const = 0;
  /// Values that it needs within `look_back` to have an expectation; at most `warmup_samples`.
  [[nodiscard]] virtual std::size_t least_in_look_back() const { return warmup_samples(); }

  /// Preference for the exported expected value and band: the lowest rank among those that scored
  /// is taken. seasonal_esd 10, zscore 20, mad 21, other statistics 30, networks 90.
  [[nodiscard]] virtual int expectation_rank() const = 0;

  /// Makes room for `blocks` blocks. New rows know nothing.
  virtual void resize(std::size_t blocks) = 0;

  /// Says who has this number from now on: `key` is what TrainingPart::entity is in a training set.
  /// Survives `forget`. REQUIRES: within the blocks there is room for.
  virtual void name_entity(series::Entity, std::uint64_t /*key*/) {}

  /// Judges the rows of `tick.active` by what was learned before this tick. Rows outside `active`
  /// keep whatever `out` held. REQUIRES: `out` sized for the monitor's metrics.
  virtual void score(const Tick& tick, VerdictColumns& out) const = 0;

  /// Takes the values of the rows in `mask` into what was learned and lets those leave that fall
  /// out of the detector's window, for the lanes in `tick.active`. Called once for every tick of a
  /// block, after `score`, also where nothing is present.
  virtual void learn(const Tick& tick, const LearnMask& mask) = 0;

  /// True for detectors that judge by a model which is fitted to history and swapped in whole.
  /// Until one is adopted their rows are `Untrained`.
  [[nodiscard]] virtual bool is_trainable() const { return false; }

  /// Fits a new model; the detector itself does not change. Deterministic for equal options and
  /// sets. Errors: InvalidArgument when the set is too small, saying how much is needed;
  /// Unavailable when `progress` said stop.
  [[nodiscard]] virtual core::Result<FittedModel> fit(const TrainingSet& set,
                                                      const TrainingProgress& progress) const;

  /// Judges by this model from now on; a null pointer makes the detector untrained again.
  /// REQUIRES: made by `fit` or `read_model` of a detector with equal options and shape.
  virtual void adopt(std::shared_ptr<const Model> model);
  [[nodiscard]] virtual std::shared_ptr<const Model> model() const { return nullptr; }

  /// Reads what Model::save wrote. Errors: Corrupt (also: made for another shape or other options),
  /// Unsupported (newer version).
  [[nodiscard]] virtual core::Result<std::shared_ptr<const Model>> read_model(
      core::StateReader& in) const;

  /// Forgets the lanes of a block (an entity was removed, or its number is used again).
  virtual void forget(std::size_t block, LaneMask lanes) = 0;

  /// What was learned of one block, versioned. After restore into a detector with equal options,
  /// and with the same windows, everything continues to the last bit.
  /// Errors of restore: Corrupt, Unsupported (newer version).
  virtual void save(std::size_t block, core::StateWriter& out) const = 0;
  virtual core::Status restore(std::size_t block, core::StateReader& in) = 0;

  /// True for detectors that remember more than the windows hold: what they know of an entity is
  /// part of the state files, survives a gap, and is not taught again when history is replayed
  /// (`learn` leaves the lanes in Tick::repeated alone).
  [[nodiscard]] virtual bool remembers() const { return false; }
  /// One entity of a detector that remembers; as save and restore otherwise.
  virtual void save_entity(series::Entity, core::StateWriter&) const {}
  virtual core::Status restore_entity(series::Entity, core::StateReader&) { return {}; }

  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;
};

}  // namespace anomaly_exporter::detectors
