#include "anomaly_exporter/app/application.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "anomaly_exporter/core/version.h"

namespace anomaly_exporter::app {

namespace {

constexpr core::Duration kLogPeriod = std::chrono::minutes(1);
constexpr std::chrono::milliseconds kStateDeadline = std::chrono::seconds(5);
constexpr core::Duration kAlertDeadline = std::chrono::seconds(2);

unsigned worker_count(unsigned wanted) {
  return wanted != 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

/// A configuration with everything that it needs, built but not yet in force.
struct Application::Prepared {
  config::Config config;
  std::map<std::string, std::shared_ptr<sources::MetricSource>> sources;
  struct Monitor {
    std::unique_ptr<series::DropCounters> drops;
    std::unique_ptr<MonitorState> state;
  };
  std::vector<Monitor> monitors;
};

core::Result<std::shared_ptr<sources::MetricSource>> make_source(const config::SourceConfig& config,
                                                                 const core::Clock& clock) {
  auto made = std::holds_alternative<sources::PrometheusSourceOptions>(config.options)
                  ? sources::make_prometheus_source(
                        std::get<sources::PrometheusSourceOptions>(config.options), clock)
                  : sources::make_csv_source(std::get<sources::CsvSourceOptions>(config.options));
  if (!made.ok()) return made.error().within("source " + config.name);
  return std::shared_ptr<sources::MetricSource>(std::move(made).value());
}

core::Result<std::unique_ptr<Application>> Application::start(ApplicationOptions options,
                                                              core::Logger& log,
                                                              const core::Clock& clock) {
  std::unique_ptr<Application> app(new Application(std::move(options), log, clock));
  log.info("starting", {{"version", core::kVersion},
                        {"revision", core::kRevision},
                        {"config", app->options_.config_file}});
  if (auto status = app->reload(); !status.ok()) return status.error();
  if (auto status = app->serve(); !status.ok()) return status.error();
  return app;
}

Application::Application(ApplicationOptions options, core::Logger& log, const core::Clock& clock)
    : options_(std::move(options)),
      log_(&log),
      clock_(&clock),
      start_time_(clock.now()),
      throttle_(kLogPeriod, clock),
      budget_(series::SeriesLimitOptions{}),
      engine_(worker_count(options_.workers), clock),
      trainer_({.metrics = &self_.models(), .log = &log, .clock = &clock}),
      alerts_({.storage_path = options_.storage_path,
               .external_url = options_.server.external_url,
               .self = &self_,
               .log = &log,
               .clock = &clock}) {
  if (!options_.storage_path.empty()) {
    state_ = std::make_unique<StateStore>(
        options_.storage_path, [this](bool ok, const std::string& error) {
          self_.observe_state_write(ok, clock_->now());
          if (!ok && throttle_.admit("state write")) {
            log_->warn("state file not written", {{"error", error}});
          }
        });
  }
}

Application::~Application() { stop(); }

RunnerDependencies Application::runner_dependencies() {
  return {.engine = &engine_,
          .snapshots = &snapshots_,
          .self = &self_,
          .state = state_.get(),
          .trainer = &trainer_,
          .alerts = &alerts_,
          .storage_path = options_.storage_path,
          .budget = &budget_,
          .log = log_,
          .throttle = &throttle_,
          .clock = clock_};
}

namespace {

/// On a thread of its own: a reload may come on one of the HTTP server's, whose stack is small.
core::Result<config::Config> load_apart(const std::string& path) {
  std::optional<core::Result<config::Config>> config;
  std::jthread([&] { config.emplace(config::load_config(path)); }).join();
  return std::move(*config);
}

}  // namespace

core::Result<Application::Prepared> Application::prepare() {
  auto config = load_apart(options_.config_file);
  if (!config.ok()) return config.error();
  Prepared prepared{.config = std::move(config).value(), .sources = {}, .monitors = {}};
  for (const auto& source : prepared.config.sources) {
    auto made = make_source(source, *clock_);
    if (!made.ok()) return made.error().within(options_.config_file);
    prepared.sources[source.name] = std::move(made).value();
  }
  for (const auto& monitor : prepared.config.monitors) {
    auto drops = std::make_unique<series::DropCounters>();
    auto state = MonitorState::create(monitor, budget_, *drops);
    if (!state.ok()) return state.error().within(options_.config_file);
    prepared.monitors.push_back({std::move(drops), std::move(state).value()});
  }
  if (auto status = AlertFeed::check(prepared.config, *clock_); !status.ok()) {
    return status.error().within(options_.config_file);
  }
  return prepared;
}

core::Status Application::reload() {
  core::MutexLock turn(reload_mutex_);
  auto prepared = prepare();
  // A success is told once it is in force: what the file no longer names has left the page.
  const auto note = [&](bool ok) {
    core::MutexLock lock(mutex_);
    reload_successful_ = ok;
    self_.observe_reload(ok, clock_->now());
  };
  if (!prepared.ok()) {
    note(false);
    log_->error("configuration not loaded", {{"error", prepared.error().message}});
    return prepared.error();
  }
  if (stopped_) return {};
  log_->info("configuration loaded", {{"file", options_.config_file},
                                      {"monitors", prepared->config.monitors.size()},
                                      {"sources", prepared->config.sources.size()}});
  swap_in(std::move(prepared).value());
  note(true);
  return {};
}

/// From now to a time of the monotonic clock; 0 when that is over.
std::chrono::milliseconds Application::time_until(std::chrono::nanoseconds deadline) const {
  const auto left = std::max(deadline - clock_->monotonic(), std::chrono::nanoseconds(0));
  return std::chrono::ceil<std::chrono::milliseconds>(left);
}

void Application::swap_in(Prepared prepared) {
  budget_.set_options(prepared.config.limits.series);
  std::vector<std::unique_ptr<MonitorRunner>> kept(prepared.monitors.size());
  for (std::size_t i = 0; i < prepared.monitors.size(); ++i) {
    const auto& config = prepared.monitors[i].state->config;
    const auto found = std::find_if(runners_.begin(), runners_.end(), [&](const auto& runner) {
      return runner && runner->state_key() == config.state_key();
    });
    if (found == runners_.end()) continue;
    kept[i] = std::move(*found);
    kept[i]->update(config, prepared.sources.at(config.source), prepared.config.training,
                    prepared.config.storage);
  }
  const std::chrono::nanoseconds until = clock_->monotonic() + kStateDeadline;
  for (auto& runner : runners_) {
    if (runner) runner->request_stop();
  }
  for (auto& runner : runners_) {
    if (runner) (void)runner->stop_and_save(until);
  }
  runners_.clear();
  if (state_) (void)state_->drain(time_until(until));  // before those that come read it
  // A source that no monitor reads is neither up nor down.
  std::set<std::string> read;
  for (const auto& monitor : prepared.config.monitors) read.insert(monitor.source);
  for (const auto& [name, source] : sources_) {
    if (!read.contains(name)) self_.sources().remove(name);
  }
  for (const auto& name : read) self_.sources().add(name, *prepared.sources.at(name));
  sources_ = std::move(prepared.sources);
  const config::Config& config = prepared.config;

  std::vector<std::string> names;
  for (const auto& monitor : config.monitors) names.push_back(monitor.name);
  snapshots_.retain(names);
  self_.retain_monitors(names);
  alerts_.configure(config);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) {
      auto& monitor = prepared.monitors[i];
      auto source = sources_.at(monitor.state->config.source);
      kept[i] = std::make_unique<MonitorRunner>(runner_dependencies(), std::move(source),
                                                std::move(monitor.state), std::move(monitor.drops),
                                                config.storage, config.limits.backfill_samples,
                                                config.training);
      kept[i]->start();
    }
    runners_.push_back(std::move(kept[i]));
  }
  core::MutexLock lock(mutex_);
  config_ = std::move(prepared.config);
  last_reload_ = clock_->now();
}

core::Status Application::serve() {
  api::ServerHooks hooks;
  hooks.exposition = [this] {
    core::MutexLock lock(mutex_);
    return config_.exposition;
  };
  hooks.own_metrics = [this] {
    auto families = self_.collect();
    auto alerting = alerts_.collect();
    std::move(alerting.begin(), alerting.end(), std::back_inserter(families));
    return families;
  };
  hooks.notified = [this](const alerting::WebhookMessage& message) {
    alerts_.notifier().receive(message);
  };
  hooks.notifications = [this] {
    return api::ServerHooks::Notifications{.open = alerts_.notifier().open(),
                                           .received = alerts_.notifier().notified()};
  };
  hooks.reload = [this] { return reload(); };
  hooks.config_text = [this] {
    core::MutexLock lock(mutex_);
    return config_.text;
  };
  hooks.flags = [this] { return options_.flags; };
  hooks.runtime = [this] {
    core::MutexLock lock(mutex_);
    return api::ServerHooks::RuntimeInfo{.start_time = start_time_,
                                         .reload_successful = reload_successful_,
                                         .last_reload = last_reload_};
  };
  hooks.observe_request = [this](const std::string& handler, int status, double seconds) {
    self_.observe_request(handler, status, seconds);
  };
  auto server = api::Server::start(options_.server, std::move(hooks), snapshots_, *log_);
  if (!server.ok()) return server.error();
  server_ = std::move(server).value();
  for (const auto& address : server_->addresses()) log_->info("listening", {{"address", address}});
  return {};
}

void Application::stop() {
  {
    core::MutexLock turn(reload_mutex_);
    if (stopped_) return;
    stopped_ = true;
    log_->info("stopping");
    trainer_.request_stop();
    for (auto& runner : runners_) runner->request_stop();
    const std::chrono::nanoseconds until = clock_->monotonic() + kStateDeadline;
    std::size_t unsaved = 0;
    for (auto& runner : runners_) unsaved += runner->stop_and_save(until);
    if (state_) {
      unsaved += state_->drain(time_until(until));
      if (unsaved > 0) {
        log_->warn("some state stays as it was at the last snapshot", {{"parts", unsaved}});
      }
    }
    runners_.clear();
    alerts_.stop(kAlertDeadline);
  }
  server_.reset();
  log_->info("stopped");
}

std::vector<std::string> Application::addresses() const {
  return server_ ? server_->addresses() : std::vector<std::string>{};
}

}  // namespace anomaly_exporter::app
