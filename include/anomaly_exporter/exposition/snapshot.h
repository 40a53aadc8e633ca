#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/detectors/verdict.h"
#include "anomaly_exporter/incidents/incident.h"

namespace anomaly_exporter::exposition {

/// Pre-rendered label text of a monitor's outputs; rebuilt only when series come or go.
///
/// `row_begin[i] .. row_begin[i + 1]` is the text of output row i inside `text`: the labels without
/// braces, `monitor="m",metric="us",job="node",...`, sorted as we emit them, escaped. Entities the
/// same way without `metric`. Output rows are dense (only rows with a series), entity by entity.
struct OutputLabels {
  std::string text;
  std::vector<std::uint32_t> row_begin;      ///< rows + 1
  std::vector<std::uint32_t> entity_begin;   ///< entities + 1
  std::vector<std::uint32_t> row;            ///< output row -> row of the columnar state
  std::vector<std::uint32_t> entity_of_row;  ///< output row -> output entity
  std::vector<std::uint16_t> metric_of_row;  ///< output row -> metric number

  [[nodiscard]] std::size_t rows() const { return row.size(); }
  [[nodiscard]] std::size_t entities() const {
    return entity_begin.empty() ? 0 : entity_begin.size() - 1;
  }
  [[nodiscard]] std::string_view row_text(std::size_t i) const {
    return std::string_view(text).substr(row_begin[i], row_begin[i + 1] - row_begin[i]);
  }
  [[nodiscard]] std::string_view entity_text(std::size_t i) const {
    return std::string_view(text).substr(entity_begin[i], entity_begin[i + 1] - entity_begin[i]);
  }
  [[nodiscard]] std::size_t memory_bytes() const;
};

/// State of one metric of a monitor for the landing page and `/api/v1/monitors`.
struct MetricStatus {
  std::string name;
  std::string request;     ///< the query or selector as sent
  std::size_t series = 0;  ///< series found
  std::string last_error;  ///< empty when the last request succeeded
  std::string hint;        ///< e.g. "no series; existing jobs: node, prometheus"
};

/// What the last tick of one monitor found. Immutable once published.
///
/// Columns are by output row (see OutputLabels) unless said otherwise. A number is only defined
/// where its flag says so; nothing is NaN by accident.
struct MonitorSnapshot {
  std::string monitor;
  std::string source;
  core::Timestamp evaluated;  ///< time of the tick; 0 before the first
  core::Duration interval{0};
  bool source_up = false;
  double warmup_ratio = 0;    ///< 0 to 1: rows with a verdict among rows with a series
  double backfill_ratio = 0;  ///< 0 to 1
  bool is_oversampled = false;
  std::string not_ready;             ///< why /-/ready is not yet true for it; empty when it is
  std::vector<std::string> remarks;  ///< newest last
  std::vector<MetricStatus> metrics;
  std::vector<std::string> detectors;  ///< voting order
  std::vector<double> weights;
  double threshold = 0.6;             ///< score from which a value is an anomaly
  std::vector<std::uint32_t> models;  ///< [detector] version of the model in use; 0 = none
  std::array<std::uint64_t, detectors::kOutcomes> outcome_counts{};

  std::shared_ptr<const OutputLabels> labels;
  enum Flag : std::uint8_t {
    kScored = 1,       ///< score is valid, and severity even where it is 0
    kHasValue = 2,     ///< value is valid
    kHasExpected = 4,  ///< expected, lower, upper, sigmas are valid
    kMissing = 8,      ///< had samples before, has none now, not yet expired
  };
  std::vector<std::uint8_t> flags;
  std::vector<detectors::Outcome> outcome;
  std::vector<float> score, value, expected, lower, upper, sigmas;
  /// Level of the open episode, 0 to 3; 0 where none is open or the row is muted. Above 0 it is
  /// valid whatever the flags say: limits need no warm-up, an episode stays open for a while when
  /// samples stay away, and for as long as nobody can tell because the source is down.
  std::vector<std::uint8_t> severity;
  /// Of the episode, muted or not: its first unusual tick, and when it opened; 0 = there is none,
  /// or it has not opened (yet). Whole seconds.
  std::vector<core::Timestamp> onset, opened;
  std::vector<float> peak_score;    ///< highest score since the onset; 0 = there is none
  std::vector<std::uint8_t> muted;  ///< 1 = a rule mutes the row
  std::vector<float> contribution;  ///< part in the multivariate verdict; negative = none
  std::vector<float> entity_score;  ///< by output entity; negative = none
  std::vector<std::vector<float>> confidence;  ///< [detector][output row]; negative = no verdict
  std::shared_ptr<const incidents::IncidentList> incidents;  ///< nothing = there are none
};

/// The newest snapshot of every monitor. A scrape takes the list once and then never waits for an
/// evaluation; an evaluation never waits for a scrape.
///
/// Threads: safe for concurrent use; the lock is held for pointer copies only.
class SnapshotStore {
 public:
  using List = std::vector<std::shared_ptr<const MonitorSnapshot>>;

  /// Replaces the snapshot of the monitor of the same name, or adds it behind the others.
  void publish(std::shared_ptr<const MonitorSnapshot> snapshot);
  /// Keeps only the named monitors, in that order (after a reload).
  void retain(const std::vector<std::string>& monitors);
  [[nodiscard]] List load() const;

 private:
  mutable core::Mutex mutex_;
  List list_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::exposition
