#include "anomaly_exporter/app/source_watch.h"

#include <utility>

#include "anomaly_exporter/app/hints.h"

namespace anomaly_exporter::app {
namespace {

constexpr std::chrono::nanoseconds kEmptyBeforeExplained = std::chrono::seconds(30);
constexpr core::Duration kMostSkew = std::chrono::seconds(30);

}  // namespace

SourceWatch::SourceWatch(SourceWatchDependencies dependencies, const MonitorState& monitor)
    : deps_(dependencies), monitor_(&monitor), empty_since_(monitor.metrics()) {}

void SourceWatch::note(const TickReport& report, sources::MetricSource& source,
                       RunnerStatus& status, const std::stop_token& stop) {
  status.source_up = report.source_up;
  status.metric_errors = report.errors;
  if (!report.source_up) {
    const std::string error = report.errors.empty() ? "" : report.errors.front();
    say(core::LogLevel::Warn, "down", "the source does not answer", error);
  } else {
    if (!is_up_) {
      deps_.log->info("the source answers",
                      {{"monitor", monitor_->config.name}, {"source", monitor_->config.source}});
    }
    for (std::size_t m = 0; m < report.errors.size(); ++m) {
      if (report.errors[m].empty()) continue;
      say(core::LogLevel::Warn, "metric " + monitor_->config.metrics[m].request.metric,
          "a metric could not be read", report.errors[m]);
    }
    if (!report.warnings.empty()) {
      say(core::LogLevel::Warn, "warnings", "the source warns; data may be partial",
          report.warnings.front());
    }
    if (const auto skew = source.stats().clock_skew; skew && std::chrono::abs(*skew) > kMostSkew) {
      say(core::LogLevel::Warn, "clock", "the clocks of the source and of this host differ",
          "the source is " + core::format_duration(std::chrono::abs(*skew)) +
              (skew->count() > 0 ? " ahead" : " behind"));
    }
    explain_empty_metrics(report, source, status, stop);
  }
  is_up_ = report.source_up;
  deps_.self->sources().observe(monitor_->config.source, source,
                                {.monitor = monitor_->config.name,
                                 .is_answered = report.source_up,
                                 .now = deps_.clock->monotonic(),
                                 .interval = monitor_->config.interval});
}

/// A metric that has matched no series for half a minute is named once, with the jobs that do
/// exist.
void SourceWatch::explain_empty_metrics(const TickReport& report, sources::MetricSource& source,
                                        RunnerStatus& status, const std::stop_token& stop) {
  status.metric_hints.resize(monitor_->metrics());
  std::optional<std::vector<std::string>> jobs;
  for (std::size_t m = 0; m < monitor_->metrics(); ++m) {
    EmptySince& empty = empty_since_[m];
    if (monitor_->table->series_per_metric()[m] != 0 || !report.errors[m].empty()) {
      status.metric_hints[m].clear();
      empty = {};
      continue;
    }
    const auto now = deps_.clock->monotonic();
    if (!empty.since) empty.since = now;
    if (empty.is_explained || now - *empty.since < kEmptyBeforeExplained) continue;
    if (!jobs) {
      auto names = source.job_names(stop);
      jobs = names.ok() ? std::move(names).value() : std::vector<std::string>{};
    }
    status.metric_hints[m] = empty_metric_hint(monitor_->requests[m].text, *jobs);
    empty.is_explained = true;
    deps_.log->warn("a metric matches no series",
                    {{"monitor", monitor_->config.name},
                     {"metric", monitor_->config.metrics[m].request.metric},
                     {"request", monitor_->shown_request(m)},
                     {"hint", status.metric_hints[m]}});
  }
}

void SourceWatch::say(core::LogLevel level, const std::string& key, std::string_view message,
                      const std::string& error) {
  const auto held_back = deps_.throttle->admit(monitor_->config.name + " " + key);
  if (!held_back) return;
  deps_.log->log(level, message,
                 {{"monitor", monitor_->config.name},
                  {"source", monitor_->config.source},
                  {"error", error},
                  {"held_back", *held_back}});
}

}  // namespace anomaly_exporter::app
