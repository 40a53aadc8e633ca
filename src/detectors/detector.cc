#include "anomaly_exporter/detectors/detector.h"

#include <string>

namespace anomaly_exporter::detectors {

core::Result<FittedModel> Detector::fit(const TrainingSet&, const TrainingProgress&) const {
  return core::Error{core::ErrorCode::InvalidArgument,
                     std::string(name()) + " learns online and is not trained"};
}

void Detector::adopt(std::shared_ptr<const Model>) {}

core::Result<std::shared_ptr<const Model>> Detector::read_model(core::StateReader&) const {
  return core::Error{core::ErrorCode::InvalidArgument,
                     std::string(name()) + " learns online and has no model"};
}

}  // namespace anomaly_exporter::detectors
