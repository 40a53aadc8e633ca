#include "anomaly_exporter/detectors/registry.h"

#include <array>
#include <string>

#include "anomaly_exporter/detectors/iqr.h"
#include "anomaly_exporter/detectors/mad.h"
#include "anomaly_exporter/detectors/moving_average.h"
#include "anomaly_exporter/detectors/regression.h"
#include "anomaly_exporter/detectors/zscore.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::array kRegistry = {
    RegistryEntry{"zscore",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return ZScore::create(options.zscore, shape);
                  }},
    RegistryEntry{"mad", [](const DetectorOptions& options,
                            const Shape& shape) { return Mad::create(options.mad, shape); }},
    RegistryEntry{"iqr", [](const DetectorOptions& options,
                            const Shape& shape) { return Iqr::create(options.iqr, shape); }},
    RegistryEntry{"moving_average",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return MovingAverage::create(options.moving_average, shape);
                  }},
    RegistryEntry{"regression",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return Regression::create(options.regression, shape);
                  }},
};

}  // namespace

std::span<const RegistryEntry> registry() { return kRegistry; }

core::Result<std::unique_ptr<Detector>> create_detector(std::string_view name,
                                                        const DetectorOptions& options,
                                                        const Shape& shape) {
  std::string known;
  for (const RegistryEntry& entry : kRegistry) {
    if (entry.name == name) {
      auto detector = entry.create(options, shape);
      if (!detector) return detector.error().within(name);
      return detector;
    }
    known += known.empty() ? "" : ", ";
    known += entry.name;
  }
  return core::Error{core::ErrorCode::NotFound,
                     "unknown detector \"" + std::string(name) + "\"; known are " + known};
}

}  // namespace anomaly_exporter::detectors
