#include <algorithm>
#include <memory>
#include <string>

#include "anomaly_exporter/app/replay.h"
#include "anomaly_exporter/exposition/writer.h"
#include "anomaly_exporter/sources/prometheus_source.h"
#include "bench_data.h"
#include "bench_measures.h"
#include "bench_rig.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::size_t kEntities = 14'286;  // x 7 metrics: 100,002 series
/// More than the longest detector window (256), so that samples enter and leave.
constexpr std::size_t kWarmTicks = 300;

}  // namespace

core::Result<double> measure_series_bytes(const BenchContext& context) {
  const std::size_t before = resident_bytes();
  auto rig = MonitorRig::create(kEntities, context.seed, *context.clock);
  if (!rig.ok()) return rig.error();
  if (auto status = (*rig)->warm_up((*rig)->state().windows.window()); !status.ok()) {
    return status.error();
  }
  (*rig)->fill_profiles();
  // The published snapshot and its successor live side by side for a moment.
  (*rig)->draw_values();
  const auto published = (*rig)->tick();
  (*rig)->draw_values();
  const auto next = (*rig)->tick();
  return static_cast<double>(resident_bytes() - before) / static_cast<double>((*rig)->series());
}

core::Result<double> measure_tick(const BenchContext& context) {
  constexpr std::size_t kTicks = 5;
  auto rig = MonitorRig::create(kEntities, context.seed, *context.clock);
  if (!rig.ok()) return rig.error();
  if (auto status = (*rig)->warm_up(kWarmTicks); !status.ok()) return status.error();
  const exposition::ExpositionOptions options;
  exposition::SnapshotStore store;
  std::string page;
  double spent = 0;
  std::uint64_t samples = 0;
  for (std::size_t i = 0; i <= kTicks; ++i) {
    (*rig)->draw_values();
    flush_caches();
    const double begin = thread_cpu_ns();
    store.publish((*rig)->tick());
    page.clear();
    exposition::render(exposition::Format::Text, options, store.load(), {}, page);
    if (i == 0) continue;  // renders the label text and takes the page's memory
    spent += thread_cpu_ns() - begin;
    const auto& counts = (*rig)->counts();
    samples += counts.samples;
    const auto scored = counts.outcome[static_cast<std::size_t>(detectors::Outcome::Scored)];
    if (scored != (*rig)->series()) {
      return core::Error{core::ErrorCode::Internal,
                         "only " + std::to_string(scored) + " series have a verdict"};
    }
  }
  return static_cast<double>(samples) / (spent * 1e-9);
}

core::Result<double> measure_backfill(const BenchContext& context) {
  constexpr std::size_t kSeries = 10'000;
  constexpr std::int64_t kTicks = 1'000;
  constexpr std::size_t kMetrics = 8;
  sources::PrometheusSourceOptions options;
  options.name = "prom";
  options.url = context.prometheus_url;
  auto source = sources::make_prometheus_source(options, *context.clock);
  if (!source.ok()) return source.error();

  config::MonitorConfig config;
  config.name = "bench";
  config.source = options.name;
  config.interval = std::chrono::seconds(15);
  config.window = kTicks;
  config.calibration = config.interval * kTicks;
  config.expire_after = config.accept_shift_after = std::chrono::hours(1);
  config.group_by = std::vector<std::string>{"job", "instance"};
  for (std::size_t m = 0; m < kMetrics; ++m) {
    config::MetricConfig metric;
    metric.request.metric = "metric_" + std::to_string(m);
    metric.request.kind = sources::MetricRequest::Kind::Selector;
    metric.request.text = "ae_bench_" + std::to_string(m);
    config.metrics.push_back(std::move(metric));
  }
  series::SeriesBudget budget({});
  series::DropCounters drops;
  auto state = app::MonitorState::create(config, budget, drops);
  if (!state.ok()) return state.error();
  app::Engine engine(std::max(1U, std::thread::hardware_concurrency()), *context.clock);

  const std::int64_t step = config.interval.count();
  const core::Timestamp now{context.clock->now().ms / step * step};
  const auto begin = context.clock->monotonic();
  const auto found = engine.discover(**state, **source, now, {});
  if ((*state)->table->series() != kSeries) {
    return core::Error{core::ErrorCode::NotFound,
                       std::to_string((*state)->table->series()) + " series found in " +
                           options.url + (found.errors.empty() ? "" : ": " + found.errors[0])};
  }
  (*state)->counts_episodes = false;  // as at a start
  const auto replayed = app::replay(engine, **state, **source, now - config.interval * kTicks,
                                    now - config.interval, 1, app::Engine::all_lanes(**state), {});
  const auto spent = context.clock->monotonic() - begin;
  if (!replayed.ok()) return replayed.error();
  if (replayed->samples < kSeries * static_cast<std::uint64_t>(kTicks)) {
    return core::Error{core::ErrorCode::Internal,
                       "only " + std::to_string(replayed->samples) + " samples replayed"};
  }
  return std::chrono::duration<double>(spent).count();
}

}  // namespace anomaly_exporter::tools
