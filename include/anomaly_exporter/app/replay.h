#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::app {

/// What a replay read and what it could not read.
struct ReplayReport {
  std::size_t ticks = 0;
  std::uint64_t samples = 0;
  std::vector<std::string> errors;  ///< requests refused for good; their metrics stay empty
};

/// Called during a replay, on the caller's thread.
struct ReplayHooks {
  std::function<void(double ratio)> progress;            ///< after each part that was read
  std::function<void(core::Timestamp time)> after_tick;  ///< after each tick, results in place
};

/// Reads a range of the past and moves the given lanes of a monitor through it, tick by tick, by
/// the same evaluation as live. The range is read in parts of bounded memory (16 MiB of values).
///
/// `first_index` is the tick number of `from`. Lanes must be new there: either never evaluated, or
/// last evaluated at first_index - 1. Only series that the table knows take part.
/// Errors: Unavailable, Timeout when the source went away (the monitor stands at the last part that
/// was read whole); requests refused for good are reported and skipped.
/// Cost: about 1 us per sample beside the source's.
core::Result<ReplayReport> replay(Engine& engine, MonitorState& monitor,
                                  sources::MetricSource& source, core::Timestamp from,
                                  core::Timestamp to, series::TickIndex first_index,
                                  const LaneSet& lanes, std::stop_token stop,
                                  const ReplayHooks& hooks = {});

/// The longest start-up history, in ticks, that stays within `max_samples` for this monitor: at
/// least the window (which is bounded by the series limit), at most what `calibration` asks for.
std::size_t history_ticks(const MonitorState& monitor, std::size_t max_samples);

}  // namespace anomaly_exporter::app
