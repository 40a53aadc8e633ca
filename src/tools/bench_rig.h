#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/publisher.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/exposition/snapshot.h"
#include "anomaly_exporter/series/drops.h"

namespace anomaly_exporter::tools {

inline constexpr std::size_t kRigMetrics = 7;

/// A monitor of seven metrics as it is configured by default (evidence, window 1000, 10 s),
/// with one engine worker, and the answers of a source that has just been decoded.
///
/// Ownership: owns everything; borrows the clock. Threads: one at a time.
class MonitorRig {
 public:
  static core::Result<std::unique_ptr<MonitorRig>> create(std::size_t entities, std::uint64_t seed,
                                                          const core::Clock& clock);

  /// Every series admitted and every window of windows and detectors full. A few blocks are moved
  /// through `ticks` ticks and their state is restored into the others.
  core::Status warm_up(std::size_t ticks);
  /// Two weeks of half hours for every series.
  void fill_profiles();

  /// The answer for the next tick: a fresh value for every series.
  void draw_values();
  /// Places the drawn answer, evaluates it, and returns what is to be published.
  std::shared_ptr<const exposition::MonitorSnapshot> tick();

  [[nodiscard]] std::size_t series() const { return entities_ * kRigMetrics; }
  [[nodiscard]] const app::EvaluationCounts& counts() const { return counts_; }
  [[nodiscard]] const app::MonitorState& state() const { return *state_; }

 private:
  MonitorRig(std::size_t entities, std::uint64_t seed, const core::Clock& clock);
  void place_answers();
  core::Status copy_blocks(const MonitorRig& from);

  std::size_t entities_;
  std::uint64_t seed_;
  core::Rng rng_;
  const core::Clock* clock_;
  series::SeriesBudget budget_;
  series::DropCounters drops_;
  app::Engine engine_;
  app::Publisher publisher_;
  std::unique_ptr<app::MonitorState> state_;
  std::vector<std::vector<series::LabelledSample>> answers_;  ///< by metric
  core::Timestamp time_;
  app::EvaluationCounts counts_;
};

}  // namespace anomaly_exporter::tools
