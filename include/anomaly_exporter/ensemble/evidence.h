#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/series/layout.h"

namespace anomaly_exporter::ensemble {

/// What one tick says of one entity, before anything is smoothed.
struct Evidence {
  double novelty = 0;       ///< mean over the metrics present of `novelty`'s raw score
  double excess = 0;        ///< mean over the metrics present of `forecaster`'s excess
  std::size_t metrics = 1;  ///< metrics present, > 0
};

/// What an entity's evidence amounts to over time.
struct Condition {
  double state = 0;  ///< still abnormal: broad, falls slowly
  double onset = 0;  ///< something new began: rare, 0 at nearly every tick
  /// Both on one scale, >= 0: what the alarm is raised on.
  double score = 0;
  double lasting = 0;  ///< part of the state in it
};

/// Joins the evidence of an entity's metrics and ticks into one score.
///
/// With D metrics, N and E the tick's evidence,
///   q = 16 N + D^2 ln(1 + E / D^2),
///   state: 0.34 h + 0.33 EWMA8(q) + 0.33 EWMA32(q), h the larger of EWMA3(q) and 0.95 of the h
///   before; its largest value of the last 10 minutes (at most 10 ticks),
///   onset: o = N + 0.1 ln(1 + E), where it is larger than every o of the last 18 hours (12 to 2000
///   ticks); divided by 1 + 0.3 k, k = the number of earlier onsets of its size (0.9 o and more),
///   each worth half after 30 days; 0 below 0.2. One within 1.5 hours of the last replaces it.
///   score = state + 32 / D^3 onset, times 4 for D > 1.
/// A single metric needs the logarithm, because its excess reaches 100; the mean over many metrics
/// is bounded already. Several metrics are smoothed over each other, so that the state alone is
/// rare enough; a single one is not, and its alarms come from the onset.
///
/// Threads: distinct blocks at the same time; `resize` alone. Cost: 800 B per entity, about 60 ns
/// per entity and tick.
class EvidenceColumns {
 public:
  EvidenceColumns(std::size_t metrics, core::Duration interval);

  /// The score that was worth an alarm on real series of many kinds; see BudgetMap.
  static constexpr double kAnchor = 9.0;

  /// Weight of the mean novelty beside that of the mean excess.
  static constexpr double kNoveltyWeight = 16;

  void resize(std::size_t blocks);
  /// Moves one entity on by a tick. REQUIRES: times of an entity ascend.
  Condition advance(series::Entity entity, core::Timestamp time, const Evidence& evidence);
  /// The joined score of the last tick; 0 before the first.
  [[nodiscard]] double last_score(series::Entity entity) const {
    return static_cast<double>(entities_[entity].score);
  }
  /// True once the entity has been watched for twice as long as an onset is held: before, nearly
  /// everything is new, and says nothing about how often alarms will come.
  [[nodiscard]] bool is_grown(series::Entity entity) const {
    return entities_[entity].ticks > grown_ticks_;
  }
  /// Adds what a metric brought at this tick to its blame, which falls by a tenth a tick. Returns
  /// the blame.
  double blame(series::Entity entity, std::size_t metric, double brought);
  void forget(series::Entity entity);

  /// One entity, versioned. Errors of restore: Corrupt, Unsupported; the entity is then unchanged.
  void save(series::Entity entity, core::StateWriter& out) const;
  core::Status restore(series::Entity entity, core::StateReader& in);
  [[nodiscard]] std::size_t memory_bytes() const { return entities_.bytes() + blame_.bytes(); }

 private:
  static constexpr std::size_t kBuckets = 32;
  static constexpr std::size_t kPeaks = 32;
  static constexpr std::size_t kMostKept = 10;

  /// Zeroed memory is an entity that nothing is known of.
  struct Entity {
    float fast, held, middle, slow;
    std::array<float, kMostKept + 1> recent;  // ring of states
    std::uint32_t ticks;
    std::array<float, kBuckets> largest;        // of o, by slices of the hold time
    std::array<std::uint32_t, kBuckets> slice;  // number of the slice + 1
    std::array<float, kPeaks> peak;
    std::array<std::uint32_t, kPeaks> peak_time;  // seconds + 1
    std::uint32_t peaks;
    std::uint32_t last_onset;  // seconds + 1; 0 = none
    float score;
  };

  double state_of(Entity& entity, double q) const;
  double onset_of(Entity& entity, core::Timestamp time, double o) const;

  std::size_t metrics_;
  std::size_t kept_ticks_;
  double hold_seconds_;
  std::uint32_t grown_ticks_;
  series::Column<Entity> entities_;
  series::Column<float> blame_;  // [entity][metric]
};

}  // namespace anomaly_exporter::ensemble
