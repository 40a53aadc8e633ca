#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/worker_pool.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/exposition/snapshot.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::app {

/// The lanes of a monitor that a step is about: one word per block.
using LaneSet = std::vector<series::LaneMask>;

/// What became of one tick: for the log, our own metrics and the status page.
struct TickReport {
  bool source_up = false;             ///< at least one request was answered
  std::vector<std::string> errors;    ///< per metric; empty = answered
  std::vector<std::string> warnings;  ///< of the server
  std::uint64_t not_a_number = 0, invalid_labels = 0;
  EvaluationCounts counts;
  std::chrono::nanoseconds fetched{0}, scored{0};  ///< spent in the source, in the line
  core::Timestamp newest_sample;                   ///< 0 = none with a time of its own
};

/// Moves a monitor from one tick to the next:
/// `source.fetch -> series.append -> detectors.score -> calibrate -> ensemble.combine ->
/// severity.judge -> publish`. Live service, start-up replay and backtests all come through here,
/// so they cannot differ.
///
/// Threads: several monitors may be moved by several threads; the pool takes their evaluations in
/// turn. The result does not depend on the number of workers.
/// Cost: see docs/performance.md; no allocation in a steady state.
class Engine {
 public:
  Engine(unsigned workers, const core::Clock& clock);

  /// One live tick: asks the source for `time`, appends and evaluates. When the source answers
  /// nothing, the monitor stays where it was: the tick is read later by a Replay of the gap.
  TickReport tick(MonitorState& monitor, sources::MetricSource& source, core::Timestamp time,
                  std::stop_token stop);

  /// Asks the source and admits what it names, without evaluating: how a start learns what there
  /// is.
  TickReport discover(MonitorState& monitor, sources::MetricSource& source, core::Timestamp time,
                      std::stop_token stop);

  /// Evaluates one tick whose values stand in `monitor.values`, for the given lanes. Ticks of a
  /// lane come in order without holes; see MonitorState::forget_all for longer gaps.
  /// `detail`: how much of the results is wanted.
  EvaluationCounts evaluate(MonitorState& monitor, series::TickIndex index, core::Timestamp time,
                            const LaneSet& lanes, ensemble::Detail detail = ensemble::Detail::Full);

  /// Every lane of the monitor.
  static LaneSet all_lanes(const MonitorState& monitor);

 private:
  struct Context;
  TickReport fetch_and_append(MonitorState& monitor, sources::MetricSource& source,
                              core::Timestamp time, std::stop_token stop) const;
  static detectors::Tick append(const Context& context, std::size_t block, BlockScratch& scratch);
  static void find_sparse(const Context& context, std::size_t block, BlockScratch& scratch);
  void score(const Context& context, const detectors::Tick& tick, BlockScratch& scratch) const;
  static void learn(const Context& context, const detectors::Tick& tick, BlockScratch& scratch);
  static void store(const Context& context, const detectors::Tick& tick, BlockScratch& scratch);
  static void calibrate(MonitorState& monitor, core::Timestamp time);

  const core::Clock* clock_;  // borrowed, outlives this
  WorkerPool pool_;
};

}  // namespace anomaly_exporter::app
