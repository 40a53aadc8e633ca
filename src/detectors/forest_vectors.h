#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/detectors/model.h"
#include "forest_features.h"
#include "vector_table.h"

namespace anomaly_exporter::detectors {

/// What forests are grown from.
struct ForestVectors {
  VectorTable table;
  std::vector<std::size_t> ends;  ///< by part: rows up to its last; ascending
  std::vector<float> usual;       ///< by feature: the median, which stands where one is missing

  /// The vectors of one part.
  [[nodiscard]] VectorTable of_part(std::size_t part) const;
};

/// Reads 32,768 vectors of the set at most, spread evenly over it, in the order of its parts. Time
/// features are 0 where the history does not hold every hour of the day (of the week) twice.
/// Errors: InvalidArgument with fewer than 100 vectors; Unavailable when stopped.
core::Result<ForestVectors> read_forest_vectors(const TrainingSet& set,
                                                const ForestFeatures& layout, std::size_t window,
                                                const std::function<bool(double)>& progress);

}  // namespace anomaly_exporter::detectors
