#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "anomaly_exporter/app/incident_log.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/sources/csv_source.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::app {

/// How much a training set may hold.
struct TrainingLimits {
  core::Duration history = std::chrono::hours(14 * 24);
  std::size_t values = 2'000'000;  ///< entities x metrics x ticks; 4 bytes each
  std::size_t entities = 64;       ///< a sample of so many at most
  /// So many are kept, where there are that many, before the range is shortened: a model that all
  /// entities share should have seen more than one.
  std::size_t least_entities = 8;
  /// Samples that may be asked of the source. A query answers for all its series, sampled or not.
  std::size_t read_samples = 50'000'000;
};

/// Values of one part that must not be learned.
struct Incident {
  std::size_t part = 0;
  std::optional<std::size_t> metric;  ///< nothing = all
  core::Timestamp first, last;        ///< inclusive
};

/// What to read for a training set: decided on the monitor's thread, carried out elsewhere.
struct TrainingPlan {
  std::vector<sources::MetricRequest> requests;  ///< one per metric
  core::Duration interval{0};
  core::Timestamp first, last;                       ///< on the tick grid, inclusive
  std::optional<std::vector<std::string>> group_by;  ///< as the monitor's
  std::map<core::Labels, std::size_t> parts;         ///< entity key -> part
  std::vector<Incident> incidents;
  /// Before this time nobody judged the values; 0 = never anybody.
  core::Timestamp scored_since;
  std::uint64_t seed = 1;

  [[nodiscard]] std::size_t ticks() const {
    return static_cast<std::size_t>((last - first) / interval) + 1;
  }
};

/// A training set and what became of its data.
struct TrainingData {
  detectors::TrainingSet set;
  std::size_t vectors = 0;            ///< (entity, tick) pairs with at least one value
  std::size_t values = 0;             ///< that may be learned
  std::uint64_t cut = 0;              ///< values left out because they belong to incidents
  core::Timestamp first, last;        ///< of the ticks with values; 0 = none
  std::vector<std::string> problems;  ///< metrics that were refused; their columns are empty
};

/// Chooses entities, evenly over their numbers, and the range up to `now`, so that the limits hold:
/// fewer entities first, then a shorter range. `incidents` may be null. Nothing when the monitor
/// has no entity. Runs on the monitor's thread.
std::optional<TrainingPlan> plan_training(const MonitorState& monitor, core::Timestamp now,
                                          const TrainingLimits& limits,
                                          const IncidentLog* incidents);

/// Called after each piece that was read, with the share done; may block; false = stop.
using ReadProgress = std::function<bool(double)>;

/// Reads what the plan says, in pieces of about 2,000,000 samples of the source, and cuts incidents
/// out. Ticks before the first value of all are dropped. `source_series`: series that the requests
/// answer for in all. Runs on any thread. Errors: Unavailable, Timeout of the source; Unavailable
/// when stopped.
core::Result<TrainingData> read_training_data(const TrainingPlan& plan,
                                              sources::MetricSource& source,
                                              std::size_t source_series, std::stop_token stop,
                                              const ReadProgress& progress);

/// The first `rows` rows of a table as one part on a grid of `interval`; each row on its nearest
/// tick, the first of several on one tick counts. `columns` says which column of the table each
/// metric is; nothing = that metric is absent. The newest ticks are kept where `limits.history` or
/// `limits.values` are exceeded.
TrainingData table_training_data(const sources::CsvTable& table, std::size_t rows,
                                 std::span<const std::optional<std::size_t>> columns,
                                 core::Duration interval, const TrainingLimits& limits,
                                 std::uint64_t seed);

/// Turns values into NaN that were taken in an incident, and those before `scored_since` that lie
/// more than 10 robust sigmas from their part's median. The latter only in a metric that usually
/// moves (at least half of its successive values differ), and only where they are at most 5 % of
/// its values in the part: what happens more often is not an incident. Updates counts and range.
void cut_incidents(TrainingData& data, std::span<const Incident> incidents,
                   core::Timestamp scored_since);

/// The first `share` of the ticks of every part.
detectors::TrainingSet head_of(const detectors::TrainingSet& set, double share);

}  // namespace anomaly_exporter::app
