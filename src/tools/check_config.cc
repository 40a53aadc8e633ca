#include "anomaly_exporter/tools/check_config.h"

#include <algorithm>
#include <ostream>
#include <sstream>
#include <utility>

#include "anomaly_exporter/app/alert_feed.h"
#include "anomaly_exporter/app/application.h"
#include "anomaly_exporter/app/hints.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/rate_windows.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/exposition/dialect.h"

namespace anomaly_exporter::tools {

namespace {

/// Exposition lines of one series; an entity adds one for anomaly_entity_score.
std::size_t lines_per_series(const config::Config& config, const config::MonitorConfig& monitor) {
  std::size_t lines = 0;
  for (const auto& family : config.exposition.families) {
    if (family == "anomaly_entity_score" || family.starts_with("anomaly_incident_")) continue;
    lines += family == "anomaly_detector_score" ? monitor.ensemble.weights.size() : 1;
  }
  return lines + exposition::dialect_lines(config.exposition, 0).per_series;
}

bool has_entity_family(const config::Config& config) {
  const auto& families = config.exposition.families;
  return std::find(families.begin(), families.end(), "anomaly_entity_score") != families.end();
}

const char* plural(std::size_t n, const char* one, const char* many) { return n == 1 ? one : many; }

/// Longest of a few distances back at which the request still has an answer.
std::string history_found(sources::MetricSource& source, const sources::MetricRequest& request,
                          core::Timestamp now) {
  const core::Duration distances[] = {std::chrono::hours(24 * 14), std::chrono::hours(24 * 7),
                                      std::chrono::hours(24),      std::chrono::hours(4),
                                      std::chrono::hours(1),       std::chrono::minutes(10)};
  for (const auto distance : distances) {
    const auto answers = source.latest({&request, 1}, now - distance, {});
    if (answers[0].ok() && !answers[0]->samples.empty()) {
      return "at least " + core::format_duration(distance);
    }
  }
  return "less than 10m";
}

core::Status check_monitor(const config::Config& config, const config::MonitorConfig& monitor,
                           sources::MetricSource& source, core::Timestamp now, std::ostream& out) {
  series::SeriesBudget budget(config.limits.series);
  series::DropCounters drops;
  auto made = app::MonitorState::create(monitor, budget, drops);
  if (!made.ok()) return made.error();
  app::MonitorState& state = **made;

  const auto scrape = app::fill_rate_windows(state, source, now);
  const auto answers = source.latest(state.requests, now, {});
  state.table->begin(now, state.values);
  std::size_t answered = 0;
  for (std::size_t m = 0; m < answers.size(); ++m) {
    if (!answers[m].ok()) continue;
    ++answered;
    state.table->place(m, answers[m]->samples, state.values);
  }
  state.table->end(now, true);
  if (answered == 0 && !answers.empty()) return answers[0].error();

  if (scrape) {
    out << "    scrape interval: " << core::format_duration(*scrape);
    if (monitor.interval < *scrape) {
      out << "  (longer than the monitor's interval of " << core::format_duration(monitor.interval)
          << ": every scrape is judged more than once)";
    }
    out << '\n';
  }
  const std::size_t per_series = lines_per_series(config, monitor);
  for (std::size_t m = 0; m < state.metrics(); ++m) {
    out << "    " << monitor.metrics[m].request.metric << ": ";
    if (!answers[m].ok()) {
      out << "not read: " << answers[m].error().message << '\n';
      continue;
    }
    const std::size_t series = state.table->series_per_metric()[m];
    if (series == 0) {
      auto jobs = source.job_names({});
      out << app::empty_metric_hint(state.requests[m].text,
                                    jobs.ok() ? *jobs : std::vector<std::string>{})
          << "\n        asked: " << state.shown_request(m) << '\n';
      continue;
    }
    out << series << " series, history " << history_found(source, state.requests[m], now) << ", "
        << series * per_series << " output lines\n";
  }
  const std::size_t entities = state.table->entities();
  const std::size_t lines =
      state.table->series() * per_series + (has_entity_family(config) ? entities : 0);
  out << "    in all: " << entities << plural(entities, " entity, ", " entities, ")
      << state.table->series() << " series, " << lines << " output lines\n";
  for (const auto& remark : state.table->take_remarks()) out << "    note: " << remark << '\n';
  return {};
}

}  // namespace

core::Status check_config(const std::string& path, bool live, const core::Clock& clock,
                          std::ostream& out) {
  const auto config = config::load_config(path);
  if (!config.ok()) return config.error();
  if (auto status = app::AlertFeed::check(*config, clock); !status.ok()) {
    return status.error().within(path);
  }
  std::ostringstream sources;
  for (const auto& source : config->sources) {
    const auto* prometheus = std::get_if<sources::PrometheusSourceOptions>(&source.options);
    sources << "source " << source.name << ": "
            << (prometheus != nullptr
                    ? "prometheus " + prometheus->url
                    : "csv " + std::get<sources::CsvSourceOptions>(source.options).path)
            << '\n';
    const auto made = app::make_source(source, clock);
    if (made.ok()) continue;
    if (prometheus != nullptr) return made.error().within(path);
    sources << "    note: " << made.error().message << '\n';  // the files may come later
  }
  out << path << ": valid\n" << sources.str();
  core::Status status;
  for (const auto& monitor : config->monitors) {
    out << "monitor " << monitor.name << ": " << monitor.metrics.size()
        << plural(monitor.metrics.size(), " metric", " metrics") << " of source " << monitor.source
        << " every " << core::format_duration(monitor.interval) << ", "
        << lines_per_series(*config, monitor) << " output lines per series";
    if (has_entity_family(*config)) out << " and 1 per entity";
    const auto dialects =
        exposition::dialect_lines(config->exposition, monitor.ensemble.weights.size());
    if (dialects.per_metric > 0)
      out << ", " << dialects.per_metric << " per metric of dialect dwcp";
    out << '\n';
    if (!live) continue;
    const auto found = std::find_if(config->sources.begin(), config->sources.end(),
                                    [&](const auto& s) { return s.name == monitor.source; });
    auto source = app::make_source(*found, clock);
    if (!source.ok()) return source.error();
    auto checked = check_monitor(*config, monitor, **source, clock.now(), out);
    if (checked.ok()) continue;
    out << "    source " << monitor.source << " does not answer\n";
    if (status.ok()) status = checked.error().within("monitor " + monitor.name);
  }
  return status;
}

}  // namespace anomaly_exporter::tools
