#include "anomaly_exporter/tools/range_backtest.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <ostream>
#include <string>

#include "anomaly_exporter/app/application.h"
#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/rate_windows.h"
#include "anomaly_exporter/app/replay.h"

namespace anomaly_exporter::tools {

namespace {

struct Episode {
  core::Timestamp start, end;
  severity::Level level = severity::Level::None;
  double score = 0;
  float value = 0, expected = 0;
  bool has_expected = false;
};

/// Follows the severity of every row through a replay.
class EpisodeRecorder {
 public:
  explicit EpisodeRecorder(core::Timestamp from) : from_(from) {}

  void observe(const app::MonitorState& monitor, core::Timestamp time) {
    if (time < from_) return;
    const auto& results = monitor.results;
    for (series::Row row = 0; row < results.level.size(); ++row) {
      const auto level = static_cast<severity::Level>(results.level[row]);
      const auto open = open_.find(row);
      if (level == severity::Level::None) {
        if (open != open_.end()) {
          closed_.emplace_back(row, open->second);
          open_.erase(open);
        }
        continue;
      }
      if (open == open_.end()) {
        const bool has_expected =
            (results.flags[row] & exposition::MonitorSnapshot::kHasExpected) != 0;
        open_[row] = {.start = time,
                      .end = time,
                      .level = level,
                      .score = results.score[row],
                      .value = results.value[row],
                      .expected = results.expected[row],
                      .has_expected = has_expected};
      } else {
        open->second.end = time;
        open->second.level = std::max(open->second.level, level);
        open->second.score = std::max(open->second.score, results.score[row]);
      }
    }
  }

  std::size_t print(const app::MonitorState& monitor, std::ostream& out) {
    for (const auto& episode : open_) closed_.emplace_back(episode);
    std::stable_sort(closed_.begin(), closed_.end(),
                     [](const auto& a, const auto& b) { return a.second.start < b.second.start; });
    for (const auto& [row, e] : closed_) {
      const std::size_t metrics = monitor.metrics();
      const auto entity = static_cast<series::Entity>(
          row / (metrics * series::kLanes) * series::kLanes + row % series::kLanes);
      const std::size_t metric = row / series::kLanes % metrics;
      out << core::format_rfc3339(e.start) << "  "
          << core::format_duration(e.end - e.start + monitor.config.interval) << "  "
          << to_string(e.level) << "  score " << std::setprecision(3) << e.score << "  "
          << monitor.config.metrics[metric].request.metric
          << monitor.table->output_labels(entity).text() << "  value " << std::setprecision(6)
          << e.value;
      if (e.has_expected) out << ", expected " << e.expected;
      out << '\n';
    }
    return closed_.size();
  }

 private:
  core::Timestamp from_;
  std::map<series::Row, Episode> open_;
  std::vector<std::pair<series::Row, Episode>> closed_;
};

core::Result<std::size_t> run_monitor(const config::MonitorConfig& config,
                                      sources::MetricSource& source, core::Timestamp from,
                                      core::Timestamp to, series::SeriesBudget& budget,
                                      app::Engine& engine, std::ostream& out) {
  series::DropCounters drops;
  auto made = app::MonitorState::create(config, budget, drops);
  if (!made.ok()) return made.error();
  app::MonitorState& monitor = **made;
  const std::int64_t step = config.interval.count();
  const core::Timestamp first{from.ms / step * step};
  const core::Timestamp last{to.ms / step * step};
  (void)app::fill_rate_windows(monitor, source, last);
  const auto found = engine.discover(monitor, source, last, {});
  if (!found.source_up) {
    return core::Error{core::ErrorCode::Unavailable,
                       found.errors.empty() ? "no answer" : found.errors.front()};
  }
  EpisodeRecorder recorder(first);
  const auto warm_up = config.interval * static_cast<std::int64_t>(config.window);
  const auto done = app::replay(
      engine, monitor, source, first - warm_up, last, 1, app::Engine::all_lanes(monitor), {},
      {.progress = nullptr,
       .after_tick = [&](core::Timestamp time) { recorder.observe(monitor, time); }});
  if (!done.ok()) return done.error();
  out << "monitor " << config.name << ": " << monitor.table->series() << " series, " << done->ticks
      << " ticks, " << done->samples << " samples\n";
  for (const auto& error : found.errors) {
    if (!error.empty()) out << "  not read: " << error << '\n';
  }
  for (const auto& error : done->errors) out << "  not read: " << error << '\n';
  for (const auto& remark : monitor.table->take_remarks()) out << "  note: " << remark << '\n';
  for (const auto& detector : monitor.detectors) {
    if (!detector->is_trainable()) continue;
    out << "  note: " << detector->name() << " has no model in a replay, and takes no part\n";
  }
  return recorder.print(monitor, out);
}

}  // namespace

core::Result<std::size_t> backtest_range(const RangeBacktestOptions& options,
                                         const core::Clock& clock, std::ostream& out) {
  if (options.from >= options.to) {
    return core::Error{core::ErrorCode::InvalidArgument, "--from must lie before --to"};
  }
  series::SeriesBudget budget(options.config.limits.series);
  app::Engine engine(std::max(1U, std::thread::hardware_concurrency()), clock);
  std::size_t episodes = 0;
  for (const auto& monitor : options.config.monitors) {
    for (config::SourceConfig source_config : options.config.sources) {
      if (source_config.name != monitor.source) continue;
      auto* prometheus = std::get_if<sources::PrometheusSourceOptions>(&source_config.options);
      if (prometheus != nullptr && !options.prometheus_url.empty()) {
        prometheus->url = options.prometheus_url;
      }
      auto source = app::make_source(source_config, clock);
      if (!source.ok()) return source.error();
      auto count = run_monitor(monitor, **source, options.from, options.to, budget, engine, out);
      if (!count.ok()) return count.error().within("monitor " + monitor.name);
      episodes += *count;
    }
  }
  out << episodes << (episodes == 1 ? " anomaly\n" : " anomalies\n");
  return episodes;
}

}  // namespace anomaly_exporter::tools
