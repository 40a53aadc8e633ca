#include "episode_stage.h"

#include <bit>

namespace anomaly_exporter::app {
namespace {

severity::Observation observe(const MonitorState& monitor, std::size_t i, const BlockScratch& s) {
  severity::Observation seen{.level = s.severity.level[i], .is_limit = s.severity.is_limit[i] != 0};
  for (std::size_t d = 0; d < s.verdicts.size(); ++d) {
    const bool is_above = s.scores.confidence[d][i] >= monitor.config.ensemble.threshold;
    seen.detectors |= static_cast<std::uint32_t>(is_above) << d;
  }
  if (s.scores.outcome[i] == detectors::Outcome::Scored) {
    seen.score = s.scores.score[i];
    seen.hold = s.scores.hold[i];
  }
  return seen;
}

void count_step(const severity::Step& step, std::size_t metric, EvaluationCounts& counts) {
  if (step.suppressed) ++counts.suppressed[static_cast<std::size_t>(*step.suppressed)];
  if (step.entered == severity::Level::None) return;
  const std::size_t detectors = counts.detector_seconds.size();
  const auto level = static_cast<std::size_t>(step.entered);
  std::uint64_t* episodes = &counts.episodes[(metric * 4 + level) * (detectors + 1)];
  for (std::size_t d = 0; d < detectors; ++d) episodes[d] += step.detectors >> d & 1U;
  ++episodes[detectors];
}

}  // namespace

series::LaneMask fresh_lanes(MonitorState& monitor, const detectors::Tick& tick) {
  series::LaneMask fresh = 0;
  for (series::LaneMask lanes = tick.active; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    std::int64_t& until = monitor.episodes_until[tick.block * series::kLanes + lane];
    if (until != 0 && tick.time.ms <= until) continue;
    until = tick.time.ms;
    fresh |= series::bit(lane);
  }
  return fresh;
}

void follow_episode(MonitorState& monitor, const detectors::Tick& tick, BlockCell cell,
                    series::LaneMask fresh, BlockScratch& s) {
  const std::size_t i = cell.metric * series::kLanes + cell.lane;
  const series::Row row = tick.row(cell.metric, cell.lane);
  const severity::Policy& policy = monitor.policies[monitor.policy_of_row[row]];
  const bool has_sample = (tick.present[cell.metric] & series::bit(cell.lane)) != 0;
  const bool is_unusual = has_sample && s.severity.level[i] != severity::Level::None;
  if (policy.is_muted) ++s.counts.muted;
  if ((fresh & series::bit(cell.lane)) != 0 && (is_unusual || !monitor.episodes.is_at_rest(row))) {
    const severity::Step step =
        has_sample ? monitor.episodes.advance(row, tick.time, policy, observe(monitor, i, s))
                   : monitor.episodes.advance_without_sample(row, tick.time, policy);
    if (monitor.counts_episodes) count_step(step, cell.metric, s.counts);
  }
  monitor.results.muted[row] = policy.is_muted ? 1 : 0;
  monitor.results.level[row] =
      policy.is_muted ? 0 : static_cast<std::uint8_t>(monitor.episodes.level(row));
}

}  // namespace anomaly_exporter::app
