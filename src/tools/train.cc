#include "anomaly_exporter/tools/train.h"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "anomaly_exporter/app/application.h"
#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/rate_windows.h"
#include "anomaly_exporter/app/training_run.h"
#include "anomaly_exporter/app/training_set.h"
#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/storage/model_store.h"
#include "progress_bar.h"

namespace anomaly_exporter::tools {

namespace {

using core::Error;
using core::ErrorCode;

detectors::Shape shape_of(const config::MonitorConfig& monitor) {
  return {
      .metrics = monitor.metrics.size(), .window = monitor.window, .interval = monitor.interval};
}

/// Names of the monitor's voting detectors that are trained.
core::Result<std::vector<std::string>> trained_detectors(const TrainOptions& options,
                                                         const config::MonitorConfig& monitor) {
  std::vector<std::string> names;
  for (const auto& weight : monitor.ensemble.weights) {
    auto detector = options.create_detector(weight.detector, monitor.detectors, shape_of(monitor));
    if (!detector.ok()) return detector.error();
    if (!(*detector)->is_trainable()) continue;
    if (options.detector.empty() || options.detector == weight.detector) {
      names.push_back(weight.detector);
    }
  }
  return names;
}

app::TrainingLimits limits_of(const TrainOptions& options) {
  app::TrainingLimits limits;
  limits.history = options.history.value_or(options.config.training.history);
  return limits;
}

core::Result<app::TrainingData> read_table(const TrainOptions& options,
                                           const config::MonitorConfig& monitor) {
  const auto table = sources::read_csv(options.input);
  if (!table.ok()) return table.error();
  const auto step = table->median_step();
  if (!step) {
    return Error{ErrorCode::InvalidArgument, options.input + ": fewer than two times; at least " +
                                                 std::to_string(kLeastPoints) +
                                                 " points are needed"};
  }
  if (*step > monitor.interval * 3 / 2) {
    return Error{ErrorCode::InvalidArgument,
                 options.input + ": rows every " + core::format_duration(*step) +
                     ", the monitor's interval is " + core::format_duration(monitor.interval) +
                     "; models see values as far apart as the monitor does"};
  }
  std::vector<std::optional<std::size_t>> columns;
  std::string wanted;
  bool is_any = false;
  for (const auto& metric : monitor.metrics) {
    const auto& names = table->metrics;
    const auto found = std::find(names.begin(), names.end(), metric.request.metric);
    wanted += (wanted.empty() ? "" : ",") + metric.request.metric;
    columns.emplace_back(std::nullopt);
    if (found == names.end()) continue;
    columns.back() = static_cast<std::size_t>(found - names.begin());
    is_any = true;
  }
  if (!is_any) {
    return Error{ErrorCode::InvalidArgument, options.input +
                                                 ": none of its columns is a metric of the "
                                                 "monitor; write timestamp," +
                                                 wanted};
  }
  auto data = app::table_training_data(*table, table->rows(), columns, monitor.interval,
                                       limits_of(options), 1);
  app::cut_incidents(data, {}, {});
  return data;
}

core::Result<app::TrainingData> read_source(const TrainOptions& options,
                                            const config::MonitorConfig& monitor,
                                            const core::Clock& clock) {
  for (config::SourceConfig described : options.config.sources) {
    if (described.name != monitor.source) continue;
    auto* prometheus = std::get_if<sources::PrometheusSourceOptions>(&described.options);
    if (prometheus != nullptr && !options.prometheus_url.empty()) {
      prometheus->url = options.prometheus_url;
    }
    auto source = app::make_source(described, clock);
    if (!source.ok()) return source.error();
    series::SeriesBudget budget(options.config.limits.series);
    series::DropCounters drops;
    auto state = app::MonitorState::create(monitor, budget, drops);
    if (!state.ok()) return state.error();
    app::Engine engine(1, clock);
    const std::int64_t step = monitor.interval.count();
    const core::Timestamp now{(clock.now() - monitor.offset).ms / step * step};
    (void)app::fill_rate_windows(**state, **source, now);
    const auto found = engine.discover(**state, **source, now, {});
    if (!found.source_up) {
      return Error{ErrorCode::Unavailable,
                   found.errors.empty() ? "no answer" : found.errors.front()};
    }
    const auto plan = app::plan_training(**state, now, limits_of(options), nullptr);
    if (!plan) return Error{ErrorCode::NotFound, "the source has no series for it"};
    ProgressBar bar("reading " + monitor.name, clock);
    return app::read_training_data(*plan, **source, (*state)->table->series(), {},
                                   [&](double done) {
                                     bar.update(done);
                                     return true;
                                   });
  }
  return Error{ErrorCode::NotFound, "source " + monitor.source + " is not configured"};
}

std::string days_text(core::Duration d) {
  return core::format_duration(std::chrono::floor<std::chrono::minutes>(d));
}

/// Tells what the data are. Errors: too few of them.
core::Status describe(const app::TrainingData& data, std::ostream& out) {
  for (const auto& problem : data.problems) out << "  not read: " << problem << '\n';
  if (data.vectors < kLeastPoints) {
    return Error{ErrorCode::InvalidArgument, std::to_string(data.vectors) +
                                                 " points of data; a model needs at least " +
                                                 std::to_string(kLeastPoints)};
  }
  const core::Duration span = data.last - data.first;
  out << "  " << data.vectors << " points of " << data.set.parts.size()
      << (data.set.parts.size() == 1 ? " entity, " : " entities, ")
      << core::format_rfc3339(data.first) << " to " << core::format_rfc3339(data.last) << " ("
      << days_text(span) << "), " << data.cut << " values left out as incidents\n";
  if (data.vectors < kFewPoints) {
    out << "  warning: " << data.vectors << " points are few; " << kFewPoints
        << " or more make a better model\n";
  }
  if (span < kFewDays) {
    out << "  warning: " << days_text(span) << " of data are few; "
        << core::format_duration(kFewDays) << " or more show a whole week\n";
  }
  return {};
}

core::Result<bool> train_detector(const TrainOptions& options, const config::MonitorConfig& monitor,
                                  const std::string& name, const app::TrainingData& data,
                                  const core::Clock& clock, std::ostream& out) {
  const storage::ModelStore store(options.storage_path, options.config.training.keep);
  app::TrainingTask task{
      .factory =
          [&] { return options.create_detector(name, monitor.detectors, shape_of(monitor)); },
      .shape = shape_of(monitor),
      .parameters = config::model_parameters(monitor, name),
      .origin = storage::ModelOrigin::Tool,
      .champion = nullptr,
      .min_samples = kLeastPoints};
  const auto detector = task.factory();
  if (!detector.ok()) return detector.error();
  if (const auto current = store.current(monitor.name, name); current.ok()) {
    const auto stored = store.load(monitor.name, name, *current);
    if (stored.ok() && stored->metadata.parameters == task.parameters) {
      auto champion = app::decode_body(*stored, **detector, monitor.metrics.size());
      if (champion.ok()) {
        task.champion = champion->model;
        task.champion_version = *current;
      }
    }
  }
  auto trained = [&] {
    ProgressBar bar("fitting " + monitor.name + " " + name, clock);
    return app::train_model(task, data, clock, [&](double done) {
      bar.update(done);
      return true;
    });
  }();
  if (!trained.ok()) return trained.error();
  const auto& m = trained->metadata;
  out << name << ": " << m.samples << " samples, " << m.verdict << '\n' << "  ";
  for (const auto& [figure, value] : m.figures) {
    out << figure << ' ' << core::number_text(value) << "  ";
  }
  if (m.in_sample) out << "(of data that the model has seen)";
  out << '\n';
  if (!trained->is_accepted) return false;
  const auto version = store.save(monitor.name, name, {m, app::encode_body(*trained)});
  if (!version.ok()) return version.error();
  out << "  version " << *version << " written to " << store.path_of(monitor.name, name, *version)
      << '\n';
  return true;
}

}  // namespace

core::Result<std::size_t> train(const TrainOptions& options, const core::Clock& clock,
                                std::ostream& out) {
  std::size_t written = 0;
  std::size_t tried = 0;
  std::string monitors;
  bool is_known = false;
  for (const auto& monitor : options.config.monitors) {
    monitors += (monitors.empty() ? "" : ", ") + monitor.name;
    if (!options.monitor.empty() && options.monitor != monitor.name) continue;
    is_known = true;
    const std::string place = "monitor " + monitor.name;
    const auto names = trained_detectors(options, monitor);
    if (!names.ok()) return names.error().within(place);
    if (names->empty()) continue;
    out << place << '\n';
    const auto data =
        options.input.empty() ? read_source(options, monitor, clock) : read_table(options, monitor);
    if (!data.ok()) return data.error().within(place);
    if (auto enough = describe(*data, out); !enough.ok()) return enough.error().within(place);
    for (const auto& name : *names) {
      ++tried;
      const auto is_written = train_detector(options, monitor, name, *data, clock, out);
      if (!is_written.ok()) return is_written.error().within(place + ": " + name);
      if (*is_written) ++written;
    }
  }
  if (!is_known) {
    return Error{ErrorCode::NotFound,
                 "no monitor is named " + options.monitor + "; there are " + monitors};
  }
  if (tried == 0) {
    return Error{ErrorCode::NotFound,
                 options.detector.empty()
                     ? "no detector that votes is a trained one; see ensemble.weights"
                     : options.detector +
                           " is not a trained detector that votes; see "
                           "ensemble.weights"};
  }
  return written;
}

}  // namespace anomaly_exporter::tools
