#include <algorithm>
#include <cmath>
#include <iomanip>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

#include "anomaly_exporter/api/json_writer.h"
#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/worker_pool.h"
#include "anomaly_exporter/sources/csv_source.h"
#include "anomaly_exporter/tools/noise_series.h"
#include "standing_clock.h"
#include "table_source.h"

namespace anomaly_exporter::tools {

namespace {

using series::kLanes;

/// Ticks drawn at once: so many that waking the drawing threads costs nothing per value.
constexpr std::size_t kBatch = 32;
constexpr double kProbability = 0.999;
const core::Timestamp kStart{1'700'006'400'000};

config::MonitorConfig monitor_for(const NoiseOptions& options) {
  config::MonitorConfig config = options.settings;
  config.name = "noise";
  config.source = "noise";
  config.interval = options.interval;
  config.group_by.reset();
  config.labels.reset();
  config.expire_after = std::chrono::hours(24 * 365 * 100);
  config::MetricConfig metric;
  metric.request = {.metric = "value",
                    .kind = sources::MetricRequest::Kind::Column,
                    .text = "value",
                    .as = sources::As::Gauge,
                    .rate_window = core::Duration(0)};
  config.metrics = {metric};
  return config;
}

/// Noise for every entity of a monitor, drawn batch by batch by several threads, block by block.
class Drawer {
 public:
  Drawer(const NoiseOptions& options, NoiseFamily family, std::size_t blocks, unsigned threads)
      : pool_(threads), blocks_(blocks), drawn_(kBatch * blocks * kLanes) {
    for (std::size_t b = 0; b < blocks; ++b) streams_.emplace_back(family, options.seed, b);
  }

  void next(std::span<float> values) {
    if (at_ == kBatch) at_ = 0;
    if (at_ == 0) {
      pool_.run(blocks_, [&](std::size_t block, unsigned) {
        for (std::size_t k = 0; k < kBatch; ++k) {
          streams_[block].next(std::span(drawn_).subspan((k * blocks_ + block) * kLanes, kLanes));
        }
      });
    }
    const auto begin = drawn_.begin() + static_cast<std::ptrdiff_t>(at_ * blocks_ * kLanes);
    std::copy(begin, begin + static_cast<std::ptrdiff_t>(blocks_ * kLanes), values.begin());
    ++at_;
  }

 private:
  app::WorkerPool pool_;
  std::size_t blocks_;
  std::vector<NoiseStream> streams_;
  std::vector<float> drawn_;  ///< [tick of the batch][block][lane]
  std::size_t at_ = 0;
};

/// One row of values for every entity, so that the monitor admits them all.
std::vector<sources::CsvTable> first_answers(std::size_t entities) {
  sources::CsvTable table;
  table.metrics = {"value"};
  table.times = {kStart};
  table.values = {0};
  return std::vector<sources::CsvTable>(entities, table);
}

core::Result<NoiseResult> run_family(const NoiseOptions& options, NoiseFamily family,
                                     const std::function<void(double)>& progress) {
  series::SeriesBudget budget({.series = options.entities, .series_per_source = options.entities});
  series::DropCounters drops;
  auto made = app::MonitorState::create(monitor_for(options), budget, drops);
  if (!made.ok()) return made.error();
  app::MonitorState& monitor = **made;
  const unsigned threads =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  const StandingClock clock;
  app::Engine engine(threads, clock);
  {
    const auto tables = first_answers(options.entities);
    TableSource source(tables);
    source.point_at(0);
    (void)engine.discover(monitor, source, kStart, {});
  }
  const app::LaneSet lanes = app::Engine::all_lanes(monitor);
  std::copy(lanes.begin(), lanes.end(), monitor.values.present.begin());
  Drawer drawer(options, family, monitor.blocks(), threads);

  const core::Duration week = std::chrono::hours(24 * 7);
  const auto in_weeks = [&](double ticks) {
    return ticks * core::to_seconds(options.interval) / core::to_seconds(week);
  };
  const std::int64_t burn_in = options.burn_in / options.interval;
  const auto counted = static_cast<std::int64_t>(
      std::ceil(options.series_weeks / static_cast<double>(options.entities) / in_weeks(1)));
  NoiseResult result;
  result.family = family;
  for (std::int64_t tick = 1; tick <= burn_in + counted; ++tick) {
    drawer.next({monitor.values.values.data(), monitor.blocks() * kLanes});
    const auto counts = engine.evaluate(monitor, tick, kStart + options.interval * tick, lanes);
    if (tick > burn_in) {
      result.expected += counts.expected_alarms;
      result.seen += counts.seen_alarms;
    }
    if (progress && tick % 64 == 0) {
      progress(static_cast<double>(tick) / static_cast<double>(burn_in + counted));
    }
  }
  result.series_weeks =
      in_weeks(static_cast<double>(counted)) * static_cast<double>(options.entities);
  result.ratio = result.expected > 0 ? static_cast<double>(result.seen) / result.expected : 0;
  std::tie(result.low, result.high) = poisson_interval(result.expected, kProbability);
  return result;
}

}  // namespace

core::Result<std::vector<NoiseResult>> run_noise(const NoiseOptions& options,
                                                 const std::function<void(double)>& progress) {
  if (options.entities == 0 || options.interval.count() <= 0 || !(options.series_weeks > 0)) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "noise needs entities, series-weeks and an interval above 0"};
  }
  std::vector<NoiseResult> results;
  for (std::size_t f = 0; f < options.families.size(); ++f) {
    auto result = run_family(options, options.families[f], [&](double ratio) {
      if (progress) {
        progress((static_cast<double>(f) + ratio) / static_cast<double>(options.families.size()));
      }
    });
    if (!result.ok()) return result.error();
    results.push_back(*result);
  }
  return results;
}

void print_noise(std::span<const NoiseResult> results, std::ostream& out) {
  out << "family      series-weeks    budget      seen   ratio  Poisson 99.9 %\n" << std::fixed;
  for (const auto& r : results) {
    out << std::left << std::setw(12) << to_string(r.family) << std::right << std::setprecision(0)
        << std::setw(12) << r.series_weeks << std::setprecision(1) << std::setw(10) << r.expected
        << std::setw(10) << r.seen << std::setprecision(2) << std::setw(8) << r.ratio << "  "
        << r.low << " to " << r.high << '\n';
  }
  out << std::defaultfloat << std::setprecision(6);
}

std::string noise_json(std::span<const NoiseResult> results) {
  api::JsonWriter json;
  json.begin_array();
  for (const auto& r : results) {
    json.begin_object();
    json.member("family", to_string(r.family));
    json.member("series_weeks", r.series_weeks);
    json.member("expected", r.expected);
    json.member("seen", r.seen);
    json.member("ratio", r.ratio);
    json.member("low", r.low);
    json.member("high", r.high);
    json.end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace anomaly_exporter::tools
