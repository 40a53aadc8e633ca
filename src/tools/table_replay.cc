#include "table_replay.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "anomaly_exporter/app/engine.h"
#include "standing_clock.h"
#include "table_source.h"
#include "table_training.h"

namespace anomaly_exporter::tools {

namespace {

config::MetricConfig gauge_of(const std::string& name) {
  config::MetricConfig metric;
  metric.request = {.metric = name,
                    .kind = sources::MetricRequest::Kind::Column,
                    .text = name,
                    .as = sources::As::Gauge,
                    .rate_window = core::Duration(0)};
  return metric;
}

config::MonitorConfig monitor_for(const sources::CsvTable& table, core::Duration interval,
                                  const TableReplayOptions& options) {
  config::MonitorConfig config = options.settings;
  config.name = "backtest";
  config.source = "table";
  config.interval = interval;
  config.group_by.reset();
  config.labels.reset();
  config.expire_after = std::chrono::hours(24 * 365 * 100);
  std::vector<config::MetricConfig> metrics;
  for (std::size_t m = 0; m < table.metrics.size(); ++m) {
    metrics.push_back(gauge_of(table.metrics[m]));
    const auto own =
        std::find_if(config.metrics.begin(), config.metrics.end(),
                     [&](const auto& metric) { return metric.request.metric == table.metrics[m]; });
    if (!options.keep_metrics || own == config.metrics.end()) continue;
    metrics[m].unit = own->unit;
    metrics[m].significance = own->significance;
    metrics[m].critical = own->critical;
  }
  config.metrics = std::move(metrics);
  return config;
}

}  // namespace

core::Status replay_tables(std::span<const sources::CsvTable> tables,
                           const TableReplayOptions& options) {
  const sources::CsvTable& table = tables.front();
  const auto step = table.median_step();
  if (!step) return {};
  const std::size_t series = std::max<std::size_t>(table.metrics.size() * tables.size(), 1);
  series::SeriesBudget budget({.series = series, .series_per_source = series});
  series::DropCounters drops;
  auto made = app::MonitorState::create(monitor_for(table, *step, options), budget, drops);
  if (!made.ok()) return made.error();
  app::MonitorState& monitor = **made;
  TableSource source(tables);
  const StandingClock clock;
  app::Engine engine(1, clock);
  TableTraining training(tables, monitor, options.training);

  const core::Timestamp first = table.times.front();
  std::int64_t last_tick = -1;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double offset = static_cast<double>((table.times[row] - first).count());
    const auto tick =
        static_cast<std::int64_t>(std::llround(offset / static_cast<double>(step->count())));
    const bool is_judged = tick > last_tick;
    if (is_judged) {
      const std::int64_t missing = tick - last_tick - 1;
      if (missing > static_cast<std::int64_t>(monitor.config.window)) {
        monitor.forget_all();
      } else {
        source.point_at_nothing();
        for (std::int64_t k = last_tick + 1; k < tick; ++k) {
          (void)engine.tick(monitor, source, first + *step * k, {});
        }
      }
      source.point_at(row);
      (void)engine.tick(monitor, source, first + *step * tick, {});
      training.after_tick(monitor, row + 1);
      last_tick = tick;
    }
    if (options.after_row) {
      options.after_row({.row = row, .is_judged = is_judged, .monitor = monitor});
    }
  }
  return {};
}

}  // namespace anomaly_exporter::tools
