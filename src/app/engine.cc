#include "anomaly_exporter/app/engine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "episode_stage.h"

namespace anomaly_exporter::app {

using detectors::Outcome;
using detectors::Tick;
using series::kLanes;
using series::LaneMask;
using series::Row;
using Flag = exposition::MonitorSnapshot::Flag;

namespace {

/// The policies of the rows of the tick's block.
std::span<const std::uint32_t> policies_of(const MonitorState& monitor, const Tick& tick) {
  return monitor.policy_of_row.span().subspan(tick.first_row, tick.metrics * kLanes);
}

/// Calls `body(lane)` for every set bit.
template <class Body>
void for_each_lane(LaneMask lanes, const Body& body) {
  for (; lanes != 0; lanes &= lanes - 1) {
    body(static_cast<std::size_t>(std::countr_zero(lanes)));
  }
}

/// The lanes of which some row is under a silence that gates learning.
LaneMask silenced_lanes(const MonitorState& monitor, const Tick& tick) {
  const LearnGate* gate = monitor.learn_gate.get();
  LaneMask silenced = 0;
  for (std::size_t m = 0; gate != nullptr && m < tick.metrics; ++m) {
    for_each_lane(tick.active, [&](std::size_t lane) {
      const Row row = tick.row(m, lane);
      if (row < gate->size() && (*gate)[row] != 0) silenced |= series::bit(lane);
    });
  }
  return silenced;
}

}  // namespace

/// What one evaluation is about.
struct Engine::Context {
  MonitorState& monitor;
  series::TickIndex index;
  core::Timestamp time;
  const LaneSet& lanes;
};

Engine::Engine(unsigned workers, const core::Clock& clock) : clock_(&clock), pool_(workers) {}

LaneSet Engine::all_lanes(const MonitorState& monitor) {
  LaneSet lanes(monitor.blocks());
  for (std::size_t b = 0; b < lanes.size(); ++b) lanes[b] = monitor.table->live(b);
  return lanes;
}

TickReport Engine::tick(MonitorState& monitor, sources::MetricSource& source, core::Timestamp time,
                        std::stop_token stop) {
  TickReport report = fetch_and_append(monitor, source, time, std::move(stop));
  if (!report.source_up) return report;  // nothing is known of this tick; it will be read later
  const auto begin = clock_->monotonic();
  report.counts = evaluate(monitor, monitor.index + 1, time, all_lanes(monitor));
  report.scored = clock_->monotonic() - begin;
  return report;
}

EvaluationCounts Engine::evaluate(MonitorState& monitor, series::TickIndex index,
                                  core::Timestamp time, const LaneSet& lanes,
                                  ensemble::Detail detail) {
  const Context context{monitor, index, time, lanes};
  while (monitor.scratch.size() < pool_.workers()) {
    monitor.scratch.emplace_back(monitor.metrics(), monitor.detectors.size());
  }

  const auto called = clock_->monotonic();
  std::chrono::nanoseconds queued{0};
  pool_.run(lanes.size(), [&](std::size_t block, unsigned worker) {
    if (block == 0) queued = clock_->monotonic() - called;  // by the one worker that takes block 0
    if (lanes[block] == 0) return;
    BlockScratch& s = monitor.scratch[worker];
    const Tick tick = append(context, block, s);
    score(context, tick, s);
    monitor.ensemble.combine(tick, monitor.voters, s.verdicts, monitor.log_p0,
                             {.columns = &monitor.evidence,
                              .map = &monitor.budget_map,
                              .rises = &s.rises,
                              .repeated = monitor.replayed_evidence.get(),
                              .silenced = silenced_lanes(monitor, tick)},
                             s.scores, detail);
    monitor.judge.judge(tick, s.scores, monitor.policies, policies_of(monitor, tick),
                        monitor.log_p0, s.severity);
    learn(context, tick, s);
    store(context, tick, s);
  });

  calibrate(monitor, time);
  EvaluationCounts counts(monitor.metrics(), monitor.detectors.size());
  for (auto& s : monitor.scratch) {
    counts.add(s.counts);
    s.counts.clear();
  }
  counts.expected_alarms = static_cast<double>(counts.budgeted) * std::exp(monitor.log_p0);
  counts.queued = queued;
  if (!monitor.counts_episodes) {  // of the past, which nobody was told of
    counts.expected_alarms = 0;
    counts.seen_alarms = 0;
  }
  monitor.totals.add(counts);
  if (index > monitor.index) {
    monitor.index = index;
    monitor.time = time;
  }
  return counts;
}

TickReport Engine::discover(MonitorState& monitor, sources::MetricSource& source,
                            core::Timestamp time, std::stop_token stop) {
  return fetch_and_append(monitor, source, time, std::move(stop));
}

TickReport Engine::fetch_and_append(MonitorState& monitor, sources::MetricSource& source,
                                    core::Timestamp time, std::stop_token stop) const {
  TickReport report;
  const auto begin = clock_->monotonic();
  const auto answers = source.latest(monitor.requests, time, std::move(stop));
  report.fetched = clock_->monotonic() - begin;

  report.errors.resize(answers.size());
  monitor.table->begin(time, monitor.values);
  bool all_answered = true;
  for (std::size_t m = 0; m < answers.size(); ++m) {
    monitor.answered[m] = answers[m].ok();
    if (!answers[m].ok()) {
      report.errors[m] = answers[m].error().message;
      all_answered = false;
      continue;
    }
    report.source_up = true;
    const auto& answer = *answers[m];
    report.not_a_number += answer.not_a_number;
    report.invalid_labels += answer.invalid_labels;
    report.warnings.insert(report.warnings.end(), answer.warnings.begin(), answer.warnings.end());
    monitor.table->place(m, answer.samples, monitor.values);
  }
  monitor.table->end(time, all_answered);
  monitor.follow_table();
  report.newest_sample = monitor.values.newest_sample;
  return report;
}

/// The values of one block enter its windows.
Tick Engine::append(const Context& context, std::size_t block, BlockScratch& s) {
  MonitorState& monitor = context.monitor;
  const std::size_t metrics = monitor.metrics();
  const LaneMask active = context.lanes[block];
  const auto first_row = static_cast<Row>(block * metrics * kLanes);
  const auto values =
      std::span<const float>(monitor.values.values).subspan(first_row, metrics * kLanes);

  find_sparse(context, block, s);
  monitor.windows.open(block, context.index, active);
  for (std::size_t m = 0; m < metrics; ++m) {
    s.present[m] = monitor.values.present[block * metrics + m] & active;
    const auto least =
        static_cast<float>(monitor.config.metrics[m].significance.min_deviation_absolute);
    for_each_lane(s.present[m], [&](std::size_t lane) {
      const std::size_t i = m * kLanes + lane;
      monitor.windows.write(block, m, lane, context.index, values[i]);
      s.scale_floor[i] = std::max(least, monitor.smallest_step[first_row + i]);
    });
  }
  LaneMask repeated = 0;
  for_each_lane(active, [&](std::size_t lane) {
    const std::int64_t until = monitor.known_until[block * kLanes + lane];
    if (until != 0 && until >= context.time.ms) {
      repeated |= series::bit(lane);
    }
  });
  return Tick{.time = context.time,
              .utc_offset = monitor.config.timezone.utc_offset(context.time),
              .index = context.index,
              .block = block,
              .metrics = metrics,
              .first_row = first_row,
              .active = active,
              .repeated = repeated,
              .values = values,
              .present = s.present,
              .sparse = monitor.density.size() > 0 ? std::span<const LaneMask>(s.sparse)
                                                   : std::span<const LaneMask>(),
              .scale_floor = s.scale_floor,
              .windows = &monitor.windows,
              .profiles = &monitor.profiles};
}

/// Rows of which too few ticks of the window had a sample.
void Engine::find_sparse(const Context& context, std::size_t block, BlockScratch& s) {
  MonitorState& monitor = context.monitor;
  if (monitor.density.size() == 0) return;
  const auto window = static_cast<std::uint32_t>(monitor.config.window);
  const std::size_t metrics = monitor.metrics();
  for (std::size_t m = 0; m < metrics; ++m) {
    s.sparse[m] = 0;
    const double least = monitor.config.metrics[m].min_rate;
    if (least == 0) continue;
    const LaneMask present = monitor.values.present[block * metrics + m];
    const series::StripView strip = monitor.windows.strip(block, m);
    // There is one slot more than the window: it holds the tick that leaves the window now.
    const LaneMask leaving = strip.present[strip.slot(context.index + 1)];
    for_each_lane(context.lanes[block], [&](std::size_t lane) {
      auto& density = monitor.density[(block * metrics + m) * kLanes + lane];
      const bool is_present = (present & series::bit(lane)) != 0;
      if (density.ticks == 0 && !is_present) return;
      if (density.ticks < window) {
        ++density.ticks;
      } else if ((leaving & series::bit(lane)) != 0) {
        --density.samples;
      }
      if (is_present) ++density.samples;
      if (static_cast<double>(density.samples) < least * static_cast<double>(density.ticks)) {
        s.sparse[m] |= series::bit(lane);
      }
    });
  }
}

void Engine::score(const Context& context, const Tick& tick, BlockScratch& s) const {
  auto begin = clock_->monotonic();
  for (std::size_t d = 0; d < s.verdicts.size(); ++d) {
    context.monitor.detectors[d]->score(tick, s.verdicts[d]);
    const auto end = clock_->monotonic();
    s.counts.detector_seconds[d] += std::chrono::duration<double>(end - begin).count();
    begin = end;
  }
}

/// Detectors, profiles and calibration learn from the tick. Rows at or above half the threshold do
/// not teach detectors until the change has lasted (MonitorState::accepted_ticks): a ramp that is
/// learned on its way up never becomes an alarm. Calibration counts the first tick of an anomaly
/// only.
void Engine::learn(const Context& context, const Tick& tick, BlockScratch& s) {
  MonitorState& monitor = context.monitor;
  const double unusual = monitor.config.ensemble.threshold / 2;
  const std::uint32_t accepted = monitor.accepted_ticks;
  const LearnGate* gate = monitor.learn_gate.get();
  for (std::size_t m = 0; m < tick.metrics; ++m) {
    s.learnable[m] = tick.present[m];
    const series::StripView strip = tick.strip(m);
    const std::size_t before =
        strip.slot(tick.index + static_cast<series::TickIndex>(strip.slots) - 1);
    for_each_lane(tick.present[m], [&](std::size_t lane) {
      const std::size_t i = m * kLanes + lane;
      const Row row = tick.row(m, lane);
      std::uint32_t& abnormal = monitor.abnormal_ticks[row];
      // Under a silence, detectors go without values only as long as in an anomaly.
      const bool is_gated = gate != nullptr && row < gate->size() && (*gate)[row] != 0;
      if (abnormal == 0 && !is_gated) {
        for (std::size_t d = 0; d < s.verdicts.size(); ++d) {
          if (s.verdicts[d].outcome[i] == Outcome::Scored) s.seen[d].add(s.verdicts[d].raw[i]);
        }
      }
      if (is_gated || (s.scores.outcome[i] == Outcome::Scored && s.scores.score[i] >= unusual)) {
        abnormal = std::min(abnormal + 1, accepted + 1);
        if (abnormal <= accepted) s.learnable[m] &= ~series::bit(lane);
      } else if (abnormal > 0) {
        --abnormal;  // not to 0: an anomaly that flickers must not empty the windows either
      }
      if ((s.learnable[m] & series::bit(lane)) != 0 && !is_gated) {
        monitor.profiles.observe(row, tick.time, tick.values[i], tick.utc_offset);
      }
      // The steps into and within an anomaly say nothing about how fine the series is: after the
      // first one, a constant series would hold every further step of that size for ordinary.
      const bool is_new = (tick.repeated & series::bit(lane)) == 0;
      if (is_new && abnormal == 0 && (strip.present[before] & series::bit(lane)) != 0) {
        const float step = std::fabs(tick.values[i] - strip.values[before * strip.stride + lane]);
        float& smallest = monitor.smallest_step[row];
        if (step > 0 && std::isfinite(step) && (smallest == 0 || step < smallest)) smallest = step;
      }
    });
  }
  const detectors::LearnMask mask{.lanes = s.learnable};
  for (std::size_t d = 0; d < monitor.detectors.size(); ++d)
    monitor.detectors[d]->learn(tick, mask);
  for (std::size_t m = 0; m < tick.metrics; ++m) {
    monitor.windows.mark_learned(tick.block, m, tick.index, s.learnable[m]);
  }
}

/// The verdicts of one block become the monitor's results.
void Engine::store(const Context& context, const Tick& tick, BlockScratch& s) {
  MonitorState& monitor = context.monitor;
  RowResults& out = monitor.results;
  const std::size_t detector_count = monitor.detectors.size();
  const double threshold = monitor.config.ensemble.threshold;
  const LaneMask fresh = fresh_lanes(monitor, tick);

  // The budget is per series in a vote, and per entity where an entity has one score.
  const bool is_vote = monitor.config.ensemble.method == ensemble::Method::Vote;
  for_each_lane(tick.active, [&](std::size_t lane) {
    double& score = out.entity_score[tick.block * kLanes + lane];
    const double now = s.scores.entity_score[lane];
    if (!is_vote && now >= 0) {
      ++s.counts.budgeted;
      if (now >= threshold && score < threshold) ++s.counts.seen_alarms;
    }
    score = now;
  });
  for (std::size_t m = 0; m < tick.metrics; ++m) {
    const LaneMask known = monitor.table->known(tick.block, m) & tick.active;
    for_each_lane(known, [&](std::size_t lane) {
      const std::size_t i = m * kLanes + lane;
      const Row row = tick.row(m, lane);
      if ((tick.present[m] & series::bit(lane)) == 0) {
        out.outcome[row] = static_cast<std::uint8_t>(Outcome::NoData);
        // One failed read does not bring back what was missing before.
        const unsigned before = out.flags[row];
        const unsigned now = monitor.answered[m] ? unsigned{Flag::kMissing} : before;
        out.flags[row] = static_cast<std::uint8_t>(now & Flag::kMissing);
        if (monitor.answered[m]) follow_episode(monitor, tick, {m, lane}, fresh, s);
        ++s.counts.outcome[static_cast<std::size_t>(Outcome::NoData)];
        return;
      }
      const Outcome outcome = s.scores.outcome[i];
      const double before = (out.flags[row] & Flag::kScored) != 0 ? out.score[row] : 0;
      unsigned flags = Flag::kHasValue;
      if (outcome == Outcome::Scored) flags |= Flag::kScored;
      if (s.scores.has_expectation[i] != 0) flags |= Flag::kHasExpected;
      out.flags[row] = static_cast<std::uint8_t>(flags);
      out.outcome[row] = static_cast<std::uint8_t>(outcome);
      out.score[row] = s.scores.score[i];
      out.value[row] = tick.values[i];
      out.expected[row] = s.scores.expected[i];
      out.lower[row] = s.scores.lower[i];
      out.upper[row] = s.scores.upper[i];
      out.sigmas[row] = s.severity.sigmas[i];
      out.contribution[row] = s.scores.contribution[i];
      for (std::size_t d = 0; d < detector_count; ++d) {
        out.confidence[d][row] = static_cast<float>(s.scores.confidence[d][i]);
        if (s.scores.confidence[d][i] >= 0) ++s.counts.detector_verdicts[d];
      }
      ++s.counts.samples;
      ++s.counts.outcome[static_cast<std::size_t>(outcome)];
      if (is_vote && outcome == Outcome::Scored) {
        ++s.counts.budgeted;
        if (s.scores.score[i] >= threshold && before < threshold) ++s.counts.seen_alarms;
      }
      follow_episode(monitor, tick, {m, lane}, fresh, s);
    });
  }
}

/// The pooled raw scores of the tick reach the tail maps. They are refitted often while they are
/// young and every 64 ticks later.
void Engine::calibrate(MonitorState& monitor, core::Timestamp time) {
  const bool is_new = monitor.calibrated_until.ms == 0 || time > monitor.calibrated_until;
  constexpr series::TickIndex kRefitTicks = 64;
  for (std::size_t d = 0; d < monitor.calibrations.size(); ++d) {
    // Summed first: counts add up to the same whatever worker saw which block.
    ensemble::ScoreHistogram& seen = monitor.scratch.front().seen[d];
    for (auto& s : monitor.scratch) {
      if (&s.seen[d] == &seen) continue;
      seen.add(s.seen[d]);
      s.seen[d].clear();
    }
    if (is_new) monitor.calibrations[d].learn(seen);
    seen.clear();
  }
  ensemble::RiseHistogram& rises = monitor.scratch.front().rises;
  for (auto& s : monitor.scratch) {
    if (&s.rises == &rises) continue;
    rises.add(s.rises);
    s.rises.clear();
  }
  if (is_new) monitor.budget_map.learn(rises);
  rises.clear();
  const double samples = monitor.calibrations.empty() ? 0 : monitor.calibrations[0].samples();
  if (samples > 1.1 * monitor.calibrated_samples || monitor.index % kRefitTicks == 0) {
    monitor.calibrated_samples = samples;
    for (auto& calibration : monitor.calibrations) calibration.refit();
    monitor.budget_map.refit(monitor.table->entities());
  }
}

}  // namespace anomaly_exporter::app
