#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/series/layout.h"
#include "anomaly_exporter/severity/policy.h"

namespace anomaly_exporter::severity {

/// Why an anomaly was not announced.
enum class Suppression : std::uint8_t {
  Mute,      ///< a rule mutes the series
  Cooldown,  ///< it came too soon after the one before; counted once per delayed opening
  For,       ///< it ended before it had lasted long enough
};
inline constexpr std::size_t kSuppressions = 3;
std::string_view to_string(Suppression reason);

/// What one tick says of one row.
struct Observation {
  Level level = Level::None;
  bool is_limit = false;        ///< a critical limit is crossed
  double score = 0;             ///< 0 where not scored
  double hold = 0;              ///< score of the state alone, see EnsembleColumns::hold
  std::uint32_t detectors = 0;  ///< bit d: detector d stands at or above the threshold
};

/// What became of an episode at one tick.
struct Step {
  Level entered = Level::None;  ///< level that it opened at or rose to; None = neither
  /// Detectors that stood above the threshold at any tick since the onset; with `entered`.
  std::uint32_t detectors = 0;
  std::optional<Suppression> suppressed;
};

/// From levels that flicker from tick to tick to episodes that open, rise and close: the state
/// behind `anomaly_severity`.
///
/// A tick *holds* a row when its level is above none, or when the state that began with an alarm by
/// score goes on: hold >= min(threshold - hysteresis, share x the largest hold since). In a vote
/// the share is 1, so only hysteresis counts; with evidence it is a half, because the onset of a
/// single metric stands far above the state that follows it.
///
/// * The first tick above none is the onset. Once `for_ticks` in succession have held the row
///   (`critical_for_ticks` for critical), the episode opens at the highest level seen since the
///   onset. A crossed critical limit opens at once.
/// * While open the level only rises, by the same rule.
/// * It closes at the first tick that is `keep_firing_for` or more after the last that held it.
/// * For `cooldown` after it opened or rose last, the row opens again at a higher level or by a
///   crossed limit only; what is still held afterwards opens then.
/// * A tick without a sample neither holds nor breaks; an onset or episode that it leaves alone for
///   `keep_firing_for` ends.
/// * A muted row goes through all this silently, so that it is right when it is heard again.
///
/// Units: times to the second. Threads: distinct rows at the same time; `resize` and
/// `set_back` alone. Cost: 32 B per row; 2 ns per row and tick at rest.
class Episodes {
 public:
  void resize(std::size_t rows) { rows_.resize(rows); }

  /// Moves one row on by a tick that brought a sample. REQUIRES: times of a row ascend.
  Step advance(series::Row row, core::Timestamp time, const Policy& policy,
               const Observation& seen);
  /// By a tick that brought none though the source answered.
  Step advance_without_sample(series::Row row, core::Timestamp time, const Policy& policy);

  /// True when nothing is known of the row that a tick without an anomaly could change.
  [[nodiscard]] bool is_at_rest(series::Row row) const { return rows_[row].held_ticks == 0; }
  /// Level of the open episode, muted or not.
  [[nodiscard]] Level level(series::Row row) const { return rows_[row].level; }
  /// The numbers below are 0 at rest; those of the opening are 0 until it opens.
  [[nodiscard]] core::Timestamp onset(series::Row row) const;
  [[nodiscard]] core::Timestamp opened(series::Row row) const;
  /// Highest score since the onset.
  [[nodiscard]] float peak_score(series::Row row) const;

  void forget(series::Row row) { rows_[row] = {}; }
  /// The clock was set back: nothing lies after `now`.
  void set_back(core::Timestamp now);

  /// True when the row has something to save.
  [[nodiscard]] bool is_known(series::Row row) const {
    return !is_at_rest(row) || rows_[row].last_level != Level::None;
  }
  /// One row, versioned. Errors of restore: Corrupt, Unsupported; the row is then unchanged.
  void save(series::Row row, core::StateWriter& out) const;
  core::Status restore(series::Row row, core::StateReader& in);
  [[nodiscard]] std::size_t memory_bytes() const { return rows_.bytes(); }

 private:
  /// Zeroed memory is a row at rest.
  struct Episode {
    std::uint32_t onset, opened, last_held;  // seconds
    std::uint32_t entered;                   // seconds; last opening or rise, kept after closing
    std::uint32_t detectors;
    float peak_score, peak_hold;  // peak_hold 0 = no score was at the threshold yet
    std::uint16_t held_ticks;     // since the onset; 0 = at rest
    Level level : 2, pending : 2, last_level : 2;  // last: of the opening or rise at `entered`
    bool is_delayed : 1;
  };
  static_assert(sizeof(Episode) == 32);

  static bool holds(const Episode& episode, const Policy& policy, const Observation& seen);
  static void rest(Episode& episode);
  static Step end_if_over(Episode& episode, std::uint32_t now, const Policy& policy);
  static Step enter(Episode& episode, std::uint32_t now, const Policy& policy, bool is_limit);

  series::Column<Episode> rows_;
};

}  // namespace anomaly_exporter::severity
