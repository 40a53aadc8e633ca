#include "anomaly_exporter/detectors/registry.h"

#include <array>
#include <string>

#include "anomaly_exporter/detectors/autoencoder.h"
#include "anomaly_exporter/detectors/forecaster.h"
#include "anomaly_exporter/detectors/iqr.h"
#include "anomaly_exporter/detectors/isolation_forest.h"
#include "anomaly_exporter/detectors/lstm_autoencoder.h"
#include "anomaly_exporter/detectors/mad.h"
#include "anomaly_exporter/detectors/moving_average.h"
#include "anomaly_exporter/detectors/multi_window.h"
#include "anomaly_exporter/detectors/novelty.h"
#include "anomaly_exporter/detectors/one_class_svm.h"
#include "anomaly_exporter/detectors/regression.h"
#include "anomaly_exporter/detectors/seasonal_esd.h"
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
    RegistryEntry{"seasonal_esd",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return SeasonalEsd::create(options.seasonal_esd, shape);
                  }},
    RegistryEntry{"lstm_autoencoder",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return LstmAutoencoder::create(options.lstm_autoencoder, shape);
                  }},
    RegistryEntry{"autoencoder",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return Autoencoder::create(options.autoencoder, shape);
                  }},
    RegistryEntry{"isolation_forest",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return IsolationForest::create(options.isolation_forest, shape);
                  }},
    RegistryEntry{"one_class_svm",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return OneClassSvm::create(options.one_class_svm, shape);
                  }},
    RegistryEntry{"novelty",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return Novelty::create(options.novelty, shape);
                  }},
    RegistryEntry{"forecaster",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return Forecaster::create(options.forecaster, shape);
                  }},
    RegistryEntry{"multi_window",
                  [](const DetectorOptions& options, const Shape& shape) {
                    return MultiWindow::create(options.multi_window, shape);
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
