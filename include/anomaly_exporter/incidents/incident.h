#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/severity/severity.h"

namespace anomaly_exporter::incidents {

/// What makes anomalies one incident.
struct IncidentOptions {
  /// An anomaly joins an incident whose newest member opened at most this long before. > 0.
  core::Duration join_within = std::chrono::minutes(5);
  /// Anomalies of different entities belong together when their values correlate at least this
  /// strongly at some shift of up to `most_lag` ticks. 0 < correlation <= 1.
  double correlation = 0.8;
  std::size_t most_lag = 5;
  /// Ticks of history that are correlated. 10 to 1000, and more than 2 * most_lag.
  std::size_t correlated_ticks = 60;
  /// So many entities that share a label and open within `join_within` are a storm: one incident,
  /// whether they correlate or not. >= 2.
  std::size_t storm = 10;
  /// Incidents open at a time per monitor. Beyond it the newest anomalies join none, counted. >= 1.
  std::size_t most_open = 1000;
  /// Resolved incidents that are kept for the API, the newest. >= 0.
  std::size_t most_resolved = 100;

  [[nodiscard]] core::Status validate() const;
};

/// One anomaly of an incident: an episode of one series.
struct Member {
  std::uint32_t row = 0;  ///< of the columnar state
  std::string metric;
  core::Labels labels;                            ///< of the entity (its group_by labels)
  severity::Level level = severity::Level::None;  ///< highest so far
  double score = 0;                               ///< highest so far
  float value = 0, expected = 0;                  ///< at the highest score
  bool has_expected = false;
  core::Timestamp opened;
  core::Timestamp resolved;  ///< 0 while it goes on
  /// With the first member to move: correlation at the strongest shift and that shift in ticks
  /// (positive = this one followed). 0 for the first itself and where nothing is known.
  double correlation = 0;
  int lag = 0;

  [[nodiscard]] bool is_open() const { return resolved.ms == 0; }
};

/// Why the members of an incident are one.
enum class Cause : std::uint8_t {
  Alone,        ///< one series
  Entity,       ///< several metrics of one entity
  Correlation,  ///< several entities whose values moved together
  Storm,        ///< more entities within a short time than can be judged one by one
};
std::string_view to_string(Cause cause);

/// Anomalies that belong together.
struct Incident {
  /// Sixteen hexadecimal digits; equal for equal data, hence on every replica.
  std::string id;
  /// Labels that all members share which go on or ended less than `join_within` ago; the entity's
  /// own for one entity.
  core::Labels shared;
  Cause cause = Cause::Alone;
  core::Timestamp opened;
  core::Timestamp newest;    ///< when its newest member opened
  core::Timestamp resolved;  ///< 0 while any member goes on
  /// Ranked: open ones first, then by level, by score, by who was first.
  std::vector<Member> members;
  std::size_t first = 0;  ///< index in `members` of the first to move

  [[nodiscard]] bool is_open() const { return resolved.ms == 0; }
  /// Highest level among the members that go on; None when resolved.
  [[nodiscard]] severity::Level level() const;
  [[nodiscard]] std::size_t open_members() const;
  /// True from the second member on: then it stands for its members.
  [[nodiscard]] bool is_shown() const { return members.size() > 1; }
};

/// The incidents of a monitor as a tick left them.
struct IncidentList {
  std::vector<Incident> open;                             ///< the oldest first
  std::vector<std::shared_ptr<const Incident>> resolved;  ///< the newest last
};

}  // namespace anomaly_exporter::incidents
