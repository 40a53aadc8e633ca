#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/stats/digest.h"

namespace anomaly_exporter::detectors {

/// What is new against everything a series has done so far, and against the usual at this time of
/// day.
///
/// Finds values, steps, levels and restlessness that were not there before, however long ago; what
/// recurs every day stops being new. Cannot see: a value that is ordinary in itself and for the
/// time of day (a broken correlation), and whatever the past is full of.
///
/// Model. Four streams are derived from the series: the distance of the value from the usual at
/// this time of day, the step from the value before, and standard deviation and mean of the last
/// hour (6 to 60 ticks). For each, a digest holds the quantiles of all that came before:
///   excess = distance outside the 5 % to 95 % range, in units of that range, at most 3,
///   raw = mean over the streams of ln(1 + excess) + 0.5 stuck.
/// A series that moved at more than half of its ticks is stuck once it has stood still for twice
/// its longest run r of equal values (at least 6 ticks): stuck = ln(1 + min(ticks / 2 r, 3)). The
/// usual at a time of day is an exponential mean over days (weight 0.3 a day) in up to 72 phases
/// of the local day; its stream is silent until its phase was seen. expected = that usual plus the
/// median distance from it (the median of the hourly means while it is silent), scale = the 5 % to
/// 95 % range / 3.29, which is one sigma of a normal distribution. raw is not |value - expected| /
/// scale: three of the four streams look at more than the value.
///
/// Warm-up: 20 values. Raw: 0 to 2.1, 0 for an ordinary row. Gap: streams skip what is absent;
/// after more than ten absent ticks there is no step, and no deviation until an hour is full again.
/// Digests halve their weight beyond 60 days. Constant: 0; the first other value is as new as can
/// be, unless it is within 1e-3 of the median. Learns also what is marked as anomalous: a quantile
/// of the whole past is not moved by an incident, and what lasts must become the past. Cost: 1.2 kB
/// per row; about 0.2 us per row and tick.
class Novelty final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const NoveltyOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override { return "novelty"; }
  [[nodiscard]] Scope scope() const override { return Scope::Series; }
  [[nodiscard]] double threshold() const override { return options_.threshold; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override;
  [[nodiscard]] int expectation_rank() const override { return 40; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;
  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] bool remembers() const override { return true; }
  void save_entity(series::Entity entity, core::StateWriter& out) const override;
  core::Status restore_entity(series::Entity entity, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  static constexpr std::size_t kStreams = 4;

  /// The streams' values of one strip at a tick; those of lanes outside `known` are not there yet.
  struct Streams {
    std::array<std::array<float, kLanes>, kStreams> value;
    std::array<LaneMask, kStreams> known;
    LaneMask fresh;  ///< nothing recent is known: the first value, or the first after a gap
    LaneMask of;     ///< lanes that were present
    TickIndex tick;  ///< of which they are, plus 1; zeroed memory: of none
  };

  /// What just happened in a row. Zeroed memory: nothing did.
  struct Recent {
    std::uint32_t time;         // s of the newest value; 0 = none
    std::uint32_t quiet_until;  // s until which the deviation is not trusted after a gap
    float value;
    float run, longest;  // ticks of standing still: this time, and the longest so far
    float moves, moved;  // ticks at which it moved, of how many
  };

  Novelty(const NoveltyOptions& options, const Shape& shape);
  [[nodiscard]] std::size_t strip_of(std::size_t block, std::size_t metric) const {
    return block * metrics_ + metric;
  }
  [[nodiscard]] std::size_t phase_of(const Tick& tick) const;
  void derive(const Tick& tick, std::size_t metric, Streams& out) const;
  void judge(const Tick& tick, std::size_t metric, const Streams& streams,
             VerdictColumns& out) const;
  static float stuck_by(const Recent& recent, float value, bool is_fresh);
  void remember(const Tick& tick, float value, bool is_fresh, Recent& recent) const;

  NoveltyOptions options_;
  Shape shape_;
  std::size_t metrics_;
  std::size_t phases_;    // of the day
  std::size_t hour_;      // ticks of the mean and the deviation
  float profile_weight_;  // of a new value in its phase
  float most_weight_;     // of a digest: 60 days
  std::uint32_t gap_seconds_, hour_seconds_;

  series::Column<stats::Digest> digests_;  // [row][stream]
  series::Column<float> usual_;            // [strip][phase][lane]
  series::Column<std::uint8_t> seen_;      // [strip][phase][lane], stops at 255
  series::Column<Recent> recent_;          // by row
  /// By strip: what `score` derived, for `learn` of the same tick. No state: never saved, and read
  /// only by the call that follows.
  mutable series::Column<Streams> streams_;
};

}  // namespace anomaly_exporter::detectors
