#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/ensemble/calibration.h"

namespace anomaly_exporter::ensemble {

/// How often a score rose past each level: what an alarm at that level would have been raised by.
/// A block fills its own; adding is commutative.
class RiseHistogram {
 public:
  /// One entity's scores at two ticks in succession. REQUIRES: both >= 0, finite.
  void add(double before, double now);
  void add(const RiseHistogram& other);
  void clear();
  /// Ticks of entities counted.
  [[nodiscard]] std::uint64_t ticks() const { return ticks_; }
  /// Rises past the lower edge of a bin of ScoreHistogram.
  [[nodiscard]] std::array<std::uint64_t, ScoreHistogram::kBins> rises() const;

 private:
  std::uint64_t ticks_ = 0;
  // Rises of which this edge is the first, less those of which the one before was the last.
  std::array<std::int64_t, ScoreHistogram::kBins + 1> changes_{};
};

/// Maps an entity's joined score to confidence, so that 0.6 is reached as often as the alarm budget
/// allows.
///
/// confidence = 1 - 0.4^g. By assumption g = log2(1 + score / anchor): the anchor is the score that
/// was worth an alarm on real series of many kinds. What was seen says g = ln p / ln p0, p the
/// rises past the score per entity and tick, pooled over the monitor's entities, with a generalised
/// Pareto tail beyond the 64 highest. Rises, not ticks above: one episode is one alarm however long
/// it lasts (runs declustering; Coles 2001, section 5.3.2). The two are mixed by
///   weight of what was seen = a^2 / (a^2 + 10^2), a = alarms the budget allowed so far x (1 - 1 /
///   entities):
/// A budget larger than half the rises past the busiest level is held to that.
/// The data speak when many entities have brought them, because a map fitted to one entity whose
/// past holds faults makes it deaf.
///
/// Threads: `confidence` is const and may run on many threads; the others alone.
/// Cost: confidence about 20 ns; refit about 20 us. Memory: 6 kB.
class BudgetMap {
 public:
  /// REQUIRES: anchor > 0, log_p0 < 0.
  BudgetMap(double anchor, double log_p0);

  /// REQUIRES: score >= 0, finite. Strictly increasing until it rounds to 1 - 2^-53.
  [[nodiscard]] double confidence(double score) const;
  /// -ln of the usual frequency per tick of a score at least this high, for people.
  [[nodiscard]] double exponent(double score) const;

  void learn(const RiseHistogram& seen);
  /// Takes what was learned into the map. `entities`: those that were watched.
  void refit(std::size_t entities);
  void set_budget(double log_p0) { log_p0_ = log_p0; }

  /// Ticks of entities learned from; older ones count less.
  [[nodiscard]] double ticks() const { return ticks_; }
  /// Share of the map that comes from what was seen, 0 to 1.
  [[nodiscard]] double learned_share() const { return learned_share_; }

  /// Versioned. Errors of restore: Corrupt, Unsupported; the map is then unchanged. Call refit.
  void save(core::StateWriter& out) const;
  core::Status restore(core::StateReader& in);

 private:
  double anchor_;
  double log_p0_;
  double ticks_ = 0;
  double learned_share_ = 0;
  double attainable_ = 0;  // the largest ln p0 that what was seen can be held to
  std::array<double, ScoreHistogram::kBins> rises_{};
  std::array<double, ScoreHistogram::kBins + 1> seen_{};  // -ln p at the edges, ascending
};

}  // namespace anomaly_exporter::ensemble
