#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/detectors/registry.h"

namespace anomaly_exporter::tools {

struct TrainOptions {
  config::Config config;
  /// CSV file with the columns `timestamp,<metric>,...`; empty = the monitors' own sources.
  std::string input;
  std::string prometheus_url;  ///< replaces the URL of every prometheus source; empty keeps them
  std::string monitor;         ///< only this one; empty = all
  std::string detector;        ///< only this one; empty = all that are trained
  std::string storage_path;    ///< of the exporter; models go below it
  std::optional<core::Duration> history;  ///< nothing = training.history
  /// Makes the detectors; another one in tests.
  decltype(&detectors::create_detector) create_detector = &detectors::create_detector;
};

/// Points (vectors of one entity at one time) below which a model is refused, and below which it is
/// made with a warning; and days of data below which there is a warning.
inline constexpr std::size_t kLeastPoints = 100;
inline constexpr std::size_t kFewPoints = 10'000;
inline constexpr core::Duration kFewDays = std::chrono::hours(7 * 24);

/// Fits the trained detectors of monitors to history, compares each with the model in use, and
/// writes those that are accepted, which a running exporter takes up within a minute. Prints what
/// the data are, the figures, and where each model went; a progress bar stands on stderr meanwhile
/// where that is a terminal.
///
/// Returns the number of models written. Errors: NotFound (no such monitor or trained detector),
/// InvalidArgument (fewer than 100 points, a file that does not fit the monitor, with the reason),
/// the source's and the disk's.
core::Result<std::size_t> train(const TrainOptions& options, const core::Clock& clock,
                                std::ostream& out);

}  // namespace anomaly_exporter::tools
