#include "bench_rig.h"

#include <algorithm>
#include <utility>

#include "anomaly_exporter/core/state_io.h"
#include "bench_data.h"

namespace anomaly_exporter::tools {

namespace {

using series::kLanes;

constexpr core::Duration kInterval = std::chrono::seconds(10);
constexpr core::Timestamp kStart{1'700'000'000'000};
constexpr std::size_t kTemplateBlocks = 4;

config::MonitorConfig monitor_config() {
  config::MonitorConfig config;
  config.name = "bench";
  config.source = "prom";
  config.interval = kInterval;
  config.window = 1000;
  config.calibration = std::chrono::hours(24);
  config.backfill = std::chrono::hours(14 * 24);
  config.expire_after = std::chrono::hours(1);
  config.accept_shift_after = std::chrono::hours(1);
  config.group_by = std::vector<std::string>{"cluster", "instance"};
  for (std::size_t m = 0; m < kRigMetrics; ++m) {
    config::MetricConfig metric;
    metric.request.metric = "metric_" + std::to_string(m);
    metric.request.text = "node_bench_" + std::to_string(m);
    config.metrics.push_back(std::move(metric));
  }
  return config;
}

template <class T>
core::Status copy_state(const T& from, std::size_t from_block, T& to, std::size_t to_block) {
  core::StateWriter writer;
  from.save(from_block, writer);
  core::StateReader reader(writer.bytes());
  return to.restore(to_block, reader);
}

}  // namespace

core::Result<std::unique_ptr<MonitorRig>> MonitorRig::create(std::size_t entities,
                                                             std::uint64_t seed,
                                                             const core::Clock& clock) {
  std::unique_ptr<MonitorRig> rig(new MonitorRig(entities, seed, clock));
  auto state = app::MonitorState::create(monitor_config(), rig->budget_, rig->drops_);
  if (!state.ok()) return state.error();
  rig->state_ = std::move(state).value();
  return rig;
}

MonitorRig::MonitorRig(std::size_t entities, std::uint64_t seed, const core::Clock& clock)
    : entities_(entities),
      seed_(seed),
      rng_(seed),
      clock_(&clock),
      budget_({.series = 1'000'000, .series_per_source = 1'000'000}),
      engine_(1, clock),
      answers_(kRigMetrics),
      time_(kStart) {
  for (std::size_t m = 0; m < kRigMetrics; ++m) {
    for (std::size_t e = 0; e < entities_; ++e) answers_[m].push_back({node_labels(e, m), {}});
  }
}

void MonitorRig::draw_values() {
  time_ = time_ + kInterval;
  for (std::size_t m = 0; m < kRigMetrics; ++m) {
    for (std::size_t e = 0; e < entities_; ++e) {
      const double level = 50 + static_cast<double>((e * kRigMetrics + m) % 97);
      answers_[m][e].sample = {time_, level + rng_.normal()};
    }
  }
}

void MonitorRig::place_answers() {
  auto& state = *state_;
  state.table->begin(time_, state.values);
  for (std::size_t m = 0; m < kRigMetrics; ++m) {
    state.answered[m] = true;
    state.table->place(m, answers_[m], state.values);
  }
  state.table->end(time_, true);
  state.follow_table();
}

std::shared_ptr<const exposition::MonitorSnapshot> MonitorRig::tick() {
  place_answers();
  counts_ = engine_.evaluate(*state_, state_->index + 1, time_, app::Engine::all_lanes(*state_));
  app::RunnerStatus status;
  status.source_up = true;
  status.backfill_ratio = 1;
  return publisher_.snapshot(*state_, status);
}

core::Status MonitorRig::warm_up(std::size_t ticks) {
  // As many whole blocks as templates, and one that is filled as far as our own last one.
  const std::size_t small = kTemplateBlocks * kLanes + entities_ % kLanes;
  if (entities_ <= small) {
    for (std::size_t i = 0; i < ticks; ++i) {
      draw_values();
      (void)tick();
    }
    return {};
  }
  auto templates = create(small, seed_ + 1, *clock_);
  if (!templates.ok()) return templates.error();
  if (auto status = (*templates)->warm_up(ticks); !status.ok()) return status;
  draw_values();
  place_answers();
  return copy_blocks(**templates);
}

core::Status MonitorRig::copy_blocks(const MonitorRig& from) {
  auto& to = *state_;
  const std::size_t block_rows = kRigMetrics * kLanes;
  for (std::size_t b = 0; b < to.blocks(); ++b) {
    const bool is_partial = (b + 1) * kLanes > entities_;
    const std::size_t model = is_partial ? kTemplateBlocks : b % kTemplateBlocks;
    if (auto s = copy_state(from.state_->windows, model, to.windows, b); !s.ok()) return s;
    for (std::size_t d = 0; d < to.detectors.size(); ++d) {
      if (auto s = copy_state(*from.state_->detectors[d], model, *to.detectors[d], b); !s.ok()) {
        return s;
      }
    }
    const float* steps = from.state_->smallest_step.data() + model * block_rows;
    std::copy(steps, steps + block_rows, to.smallest_step.data() + b * block_rows);
  }
  for (std::size_t d = 0; d < to.calibrations.size(); ++d) {
    core::StateWriter writer;
    from.state_->calibrations[d].save(writer);
    core::StateReader reader(writer.bytes());
    if (auto s = to.calibrations[d].restore(reader); !s.ok()) return s;
  }
  to.calibrated_samples = from.state_->calibrated_samples;
  to.index = from.state_->index;
  time_ = from.time_;
  to.time = time_;
  return {};
}

void MonitorRig::fill_profiles() {
  const std::int64_t step = series::Profiles::kStep.count();
  const core::Timestamp last{time_.ms / step * step - step};
  for (series::Row row = 0; row < state_->profiles.rows(); ++row) {
    for (std::size_t i = series::Profiles::kSteps; i-- > 0;) {
      state_->profiles.fill(row, last - series::Profiles::kStep * static_cast<std::int64_t>(i),
                            static_cast<float>(50 + rng_.uniform()));
    }
  }
}

}  // namespace anomaly_exporter::tools
