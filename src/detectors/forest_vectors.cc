#include "forest_vectors.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "forest.h"
#include "scaled_history.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kLeastVectors = 100;
constexpr std::size_t kMostVectors = 32768;
constexpr std::size_t kMostNumbers = std::size_t{1} << 22;  // 16 MiB of training vectors
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// The medians of the features over vectors in which NaN marks what is missing, which they replace.
core::Result<std::vector<float>> fill_with_medians(VectorTable& table,
                                                   const std::function<bool(double)>& progress) {
  std::vector<float> medians(table.features);
  std::vector<float> column;
  for (std::size_t feature = 0; feature < table.features; ++feature) {
    column.clear();
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (const float value = table.at(row, feature); !std::isnan(value)) column.push_back(value);
    }
    if (!column.empty()) medians[feature] = quantile_of(column, 0.5);
    for (std::size_t row = 0; row < table.rows(); ++row) {
      float& value = table.values[row * table.features + feature];
      if (std::isnan(value)) value = medians[feature];
    }
    if (!progress(static_cast<double>(feature) / static_cast<double>(table.features))) {
      return forest_stopped();
    }
  }
  return medians;
}

/// Hours of the day (week) mean nothing to a history that does not hold each at least twice.
void drop_unseen_periods(const TrainingSet& set, const ForestFeatures& layout, VectorTable& table) {
  core::Timestamp first{std::numeric_limits<std::int64_t>::max()};
  core::Timestamp last{std::numeric_limits<std::int64_t>::min()};
  for (const TrainingPart& part : set.parts) {
    first = std::min(first, part.first);
    last = std::max(last, part.first + set.interval * static_cast<std::int64_t>(part.ticks));
  }
  const core::Duration span = last - first;
  const auto clear = [&](std::size_t from, std::size_t to) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      float* values = table.values.data() + row * table.features;
      std::fill(values + from, values + to, 0.0F);
    }
  };
  const std::size_t time = layout.first_of_time();
  if (span < 2 * std::chrono::hours(24)) clear(time, time + 2);
  if (span < 14 * std::chrono::hours(24)) clear(time + 2, time + 4);
}

/// Vectors of the set; what is missing in them is NaN.
core::Result<ForestVectors> read_vectors(const TrainingSet& set, const ForestFeatures& layout,
                                         std::size_t window,
                                         const std::function<bool(double)>& progress) {
  TrainingReader reader(set, window, std::min(kMostVectors, kMostNumbers / layout.size()));
  ForestVectors vectors;
  vectors.ends.assign(set.parts.size(), 0);
  VectorTable& table = vectors.table;
  table.features = layout.size();
  table.values.reserve(reader.size() * layout.size());
  std::vector<ScaledHistory> histories(set.metrics);
  std::vector<float> batch(layout.size() * kLanes);
  const std::vector<float> missing(layout.size(), kNan);
  for (std::size_t first = 0; first < reader.size(); first += reader.batch()) {
    const LaneMask complete = reader.read(first, histories);
    for (std::size_t metric = 0; metric < set.metrics; ++metric) {
      layout.write_metric(metric, histories[metric], missing, batch.data());
    }
    for (LaneMask rest = complete; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      layout.write_time(reader.time(first + lane), lane, 1, batch.data());
      for (std::size_t f = 0; f < layout.size(); ++f) {
        table.values.push_back(batch[f * kLanes + lane]);
      }
      vectors.ends[reader.at(first + lane).part] = table.rows();
    }
    if (!progress(static_cast<double>(first) / static_cast<double>(reader.size()))) {
      return forest_stopped();
    }
  }
  for (std::size_t part = 1; part < vectors.ends.size(); ++part) {
    vectors.ends[part] = std::max(vectors.ends[part], vectors.ends[part - 1]);
  }
  return vectors;
}

}  // namespace

VectorTable ForestVectors::of_part(std::size_t part) const {
  const std::size_t first = part == 0 ? 0 : ends[part - 1];
  const auto at = [this](std::size_t row) {
    return table.values.begin() + static_cast<std::ptrdiff_t>(row * table.features);
  };
  return {.values = std::vector<float>(at(first), at(ends[part])), .features = table.features};
}

core::Result<ForestVectors> read_forest_vectors(const TrainingSet& set,
                                                const ForestFeatures& layout, std::size_t window,
                                                const std::function<bool(double)>& progress) {
  auto vectors =
      read_vectors(set, layout, window, [&](double done) { return progress(0.85 * done); });
  if (!vectors.ok()) return vectors.error();
  if (vectors->table.rows() < kLeastVectors) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "isolation_forest needs " + std::to_string(kLeastVectors) +
                           " ticks with at least half of the metrics, behind the first " +
                           std::to_string(TrainingReader::kLeastHistory) +
                           " of each history; there are " + std::to_string(vectors->table.rows())};
  }
  drop_unseen_periods(set, layout, vectors->table);
  auto usual =
      fill_with_medians(vectors->table, [&](double done) { return progress(0.85 + 0.15 * done); });
  if (!usual.ok()) return usual.error();
  vectors->usual = std::move(usual).value();
  return vectors;
}

}  // namespace anomaly_exporter::detectors
