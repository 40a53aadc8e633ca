#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <thread>
#include <utility>

#include "anomaly_exporter/app/application.h"
#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/rate_windows.h"
#include "anomaly_exporter/tools/evaluate.h"

namespace anomaly_exporter::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostValues = 200'000'000;

/// The first row of every tick; further ones repeat a tick that was judged already.
sources::CsvTable one_row_a_tick(const sources::CsvTable& table) {
  const auto step = table.median_step();
  if (!step) return table;
  sources::CsvTable out;
  out.metrics = table.metrics;
  std::int64_t last = -1;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double offset = static_cast<double>((table.times[row] - table.times.front()).count());
    const std::int64_t tick = std::llround(offset / static_cast<double>(step->count()));
    if (tick <= last) continue;
    last = tick;
    out.times.push_back(table.times[row]);
    const auto begin =
        table.values.begin() + static_cast<std::ptrdiff_t>(row * table.metrics.size());
    out.values.insert(out.values.end(), begin,
                      begin + static_cast<std::ptrdiff_t>(table.metrics.size()));
  }
  return out;
}

bool is_csv(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".csv") || name.ends_with(".csv.gz");
}

}  // namespace

core::Result<std::vector<ExamHistory>> read_exam_files(const std::string& path) {
  std::error_code error;
  std::vector<fs::path> files;
  if (fs::is_directory(path, error)) {
    for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
         at.increment(error)) {
      if (is_csv(at->path())) files.push_back(at->path());
    }
    std::sort(files.begin(), files.end());
  } else {
    files.emplace_back(path);
  }
  if (error) return core::Error{core::ErrorCode::NotFound, path + ": " + error.message()};
  if (files.empty()) {
    return core::Error{core::ErrorCode::NotFound, path + ": no *.csv or *.csv.gz below it"};
  }
  std::vector<ExamHistory> histories;
  for (const auto& file : files) {
    const auto table = sources::read_csv(file.string());
    if (!table.ok()) return table.error();
    const std::string name =
        files.size() == 1 ? file.filename().string() : fs::relative(file, path, error).string();
    histories.push_back({.name = name, .entities = {name}, .tables = {one_row_a_tick(*table)}});
  }
  return histories;
}

core::Result<ExamHistory> read_exam_range(const config::Config& config,
                                          const config::MonitorConfig& monitor,
                                          core::Timestamp from, core::Timestamp to,
                                          const core::Clock& clock) {
  const auto described = std::find_if(config.sources.begin(), config.sources.end(),
                                      [&](const auto& s) { return s.name == monitor.source; });
  if (described == config.sources.end()) {
    return core::Error{core::ErrorCode::NotFound, "no source \"" + monitor.source + "\""};
  }
  auto source = app::make_source(*described, clock);
  if (!source.ok()) return source.error();
  series::SeriesBudget budget(config.limits.series);
  series::DropCounters drops;
  auto made = app::MonitorState::create(monitor, budget, drops);
  if (!made.ok()) return made.error();
  app::MonitorState& state = **made;
  const std::int64_t step = monitor.interval.count();
  const core::Timestamp first{from.ms / step * step};
  const core::Timestamp last{to.ms / step * step};
  (void)app::fill_rate_windows(state, **source, last);
  app::Engine engine(1, clock);
  const auto found = engine.discover(state, **source, last, {});
  if (!found.source_up) {
    return core::Error{core::ErrorCode::Unavailable,
                       found.errors.empty() ? "no answer" : found.errors.front()};
  }
  const std::size_t metrics = state.metrics();
  const auto ticks = static_cast<std::size_t>((last - first) / monitor.interval) + 1;
  const std::size_t entities = state.table->capacity();
  if (ticks * metrics * std::max<std::size_t>(entities, 1) > kMostValues) {
    return core::Error{core::ErrorCode::Exhausted,
                       std::to_string(entities) + " entities with " + std::to_string(metrics) +
                           " metrics and " + std::to_string(ticks) +
                           " ticks are more than 200 million values; take a shorter range"};
  }
  sources::CsvTable empty;
  for (const auto& metric : monitor.metrics) empty.metrics.push_back(metric.request.metric);
  for (std::size_t k = 0; k < ticks; ++k) {
    empty.times.push_back(first + monitor.interval * static_cast<std::int64_t>(k));
  }
  empty.values.assign(ticks * metrics, std::numeric_limits<double>::quiet_NaN());
  std::vector<sources::CsvTable> tables(entities, empty);
  std::vector<bool> has_values(entities);
  for (std::size_t m = 0; m < metrics; ++m) {
    const auto read = (*source)->backfill(
        state.requests[m], first, last, monitor.interval,
        [&](const core::LabelsPtr& labels,
            std::span<const series::Sample> samples) -> core::Status {
          const auto row = state.table->find(m, labels);
          if (!row) return {};
          const std::size_t entity =
              *row / (metrics * series::kLanes) * series::kLanes + *row % series::kLanes;
          for (const auto& sample : samples) {
            if (!std::isfinite(sample.value) || sample.time < first || sample.time > last) continue;
            const auto tick = static_cast<std::size_t>((sample.time - first) / monitor.interval);
            tables[entity].values[tick * metrics + m] = sample.value;
            has_values[entity] = true;
          }
          return {};
        },
        {});
    if (!read.ok()) return read.error().within(monitor.metrics[m].request.metric);
  }
  ExamHistory history{.name = monitor.name, .entities = {}, .tables = {}};
  for (std::size_t e = 0; e < entities; ++e) {
    if (!has_values[e]) continue;
    history.entities.push_back(state.table->key(static_cast<series::Entity>(e)).text());
    history.tables.push_back(std::move(tables[e]));
  }
  if (history.tables.empty()) {
    return core::Error{core::ErrorCode::NotFound, "no series has a value in this range"};
  }
  return history;
}

}  // namespace anomaly_exporter::tools
