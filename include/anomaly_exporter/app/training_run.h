#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/app/challenge.h"
#include "anomaly_exporter/app/drift.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/training_set.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/storage/model_store.h"

namespace anomaly_exporter::app {

/// Ticks of the windows over which inputs are profiled for drift.
inline constexpr std::size_t kProfileTicks = 256;

/// A model with what goes along with it.
struct TrainedModel {
  std::shared_ptr<const detectors::Model> model;
  std::shared_ptr<const InputProfile> inputs;  ///< of the data it was fitted to
  storage::ModelMetadata metadata;
  bool is_accepted = false;
};

/// What is to be fitted.
struct TrainingTask {
  DetectorFactory factory;
  detectors::Shape shape;
  std::string parameters;  ///< config::model_parameters
  storage::ModelOrigin origin = storage::ModelOrigin::Schedule;
  std::shared_ptr<const detectors::Model> champion;  ///< in use; null = none
  unsigned champion_version = 0;
  std::size_t min_samples = 100;
};

/// Fits a model and compares it with the one in use.
///
/// The first 80 % of every part are fitted and the model is examined on the rest (see challenge.h),
/// as is the champion; the model that was examined is the one that is used. Where there is no
/// champion and 80 % are fewer vectors than `min_samples`, everything is fitted, and the metadata
/// say that the figures are `in_sample`. The verdict stands there too. `created` is the clock's
/// time at the end of the fit; the range of the data is that of both parts. Errors: InvalidArgument
/// when there are fewer vectors than `min_samples`, with the reason; the detector's; Unavailable
/// when stopped.
core::Result<TrainedModel> train_model(const TrainingTask& task, const TrainingData& data,
                                       const core::Clock& clock,
                                       const detectors::TrainingProgress& progress);

/// The body of a model file: model and input profile.
std::string encode_body(const TrainedModel& trained);
/// Reads `encode_body` back by a detector of the right kind. Errors: Corrupt, Unsupported.
core::Result<TrainedModel> decode_body(const storage::StoredModel& stored,
                                       const detectors::Detector& detector, std::size_t metrics);

/// Fits and adopts every trainable detector of a monitor at once, without comparison, for
/// backtests. A set too small for a detector leaves it as it is. Returns the detectors that were
/// fitted.
std::vector<std::string> train_now(MonitorState& monitor, const detectors::TrainingSet& set);

/// True when one of the monitor's detectors is trained.
bool has_trainable(const MonitorState& monitor);

}  // namespace anomaly_exporter::app
