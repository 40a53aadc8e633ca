#include "anomaly_exporter/detectors/verdict.h"

namespace anomaly_exporter::detectors {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::NoData:
      return "no_data";
    case Outcome::WarmingUp:
      return "warming_up";
    case Outcome::InputMissing:
      return "input_missing";
    case Outcome::Untrained:
      return "untrained";
    case Outcome::Sparse:
      return "sparse";
    case Outcome::Failed:
      return "failed";
    case Outcome::Scored:
      return "scored";
  }
  return "unknown";
}

}  // namespace anomaly_exporter::detectors
