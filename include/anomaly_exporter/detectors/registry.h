#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"

namespace anomaly_exporter::detectors {

struct RegistryEntry {
  std::string_view name;
  core::Result<std::unique_ptr<Detector>> (*create)(const DetectorOptions&, const Shape&);
};

/// The explicit table of detectors, in the order in which they vote and are shown.
std::span<const RegistryEntry> registry();

/// Errors: NotFound naming the known detectors; InvalidArgument from the options, the message
/// beginning with the detector's name.
core::Result<std::unique_ptr<Detector>> create_detector(std::string_view name,
                                                        const DetectorOptions& options,
                                                        const Shape& shape);

}  // namespace anomaly_exporter::detectors
