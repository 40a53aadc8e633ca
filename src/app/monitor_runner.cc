#include "anomaly_exporter/app/monitor_runner.h"

#include <algorithm>
#include <utility>

#include "anomaly_exporter/app/alert_feed.h"
#include "anomaly_exporter/app/rate_windows.h"
#include "anomaly_exporter/app/replay.h"
#include "anomaly_exporter/core/thread_priority.h"

namespace anomaly_exporter::app {

namespace {

constexpr core::Duration kAdmissionPeriod = std::chrono::minutes(1);
constexpr core::Duration kProbePeriod = std::chrono::seconds(10);
constexpr core::Duration kLongestRetry = std::chrono::seconds(30);
constexpr core::Duration kBackfillPause = std::chrono::milliseconds(200);
constexpr std::size_t kRemarks = 50;

void keep_newest(std::vector<std::string>& remarks) {
  if (remarks.size() > kRemarks) {
    remarks.erase(remarks.begin(), remarks.end() - static_cast<std::ptrdiff_t>(kRemarks));
  }
}

}  // namespace

MonitorRunner::MonitorRunner(RunnerDependencies dependencies,
                             std::shared_ptr<sources::MetricSource> source,
                             std::unique_ptr<MonitorState> monitor,
                             std::unique_ptr<series::DropCounters> drops,
                             config::StorageConfig storage, std::size_t backfill_samples,
                             config::TrainingConfig training)
    : deps_(dependencies),
      name_(monitor->config.name),
      state_key_(monitor->config.state_key()),
      storage_(storage),
      backfill_samples_(backfill_samples),
      drops_(std::move(drops)),
      monitor_(std::move(monitor)),
      source_(std::move(source)),
      models_({.trainer = deps_.trainer,
               .metrics = &deps_.self->models(),
               .log = deps_.log,
               .clock = deps_.clock,
               .storage_path = deps_.storage_path},
              *monitor_, training),
      incidents_(monitor_->config),
      watch_(
          {.self = deps_.self, .log = deps_.log, .throttle = deps_.throttle, .clock = deps_.clock},
          *monitor_) {
  deps_.self->add_monitor(*monitor_, *drops_);
}

MonitorRunner::~MonitorRunner() {
  thread_ = {};  // stops and joins
  deps_.self->remove_monitor(name_);
}

void MonitorRunner::start() {
  status_.not_ready = "starting";
  publish();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void MonitorRunner::update(config::MonitorConfig config,
                           std::shared_ptr<sources::MetricSource> source,
                           config::TrainingConfig training, config::StorageConfig storage) {
  core::MutexLock lock(mutex_);
  update_ = Update{std::move(config), std::move(source), training, storage};
}

void MonitorRunner::apply_update() {
  std::optional<Update> update;
  {
    core::MutexLock lock(mutex_);
    update.swap(update_);
  }
  if (!update) return;
  monitor_->adopt(std::move(update->config));
  incidents_.configure(monitor_->config.incidents);
  source_ = std::move(update->source);
  models_.configure(update->training);
  storage_ = update->storage;
  knows_scrape_interval_ = false;
}

core::Timestamp MonitorRunner::floor_tick(core::Timestamp now) const {
  const std::int64_t step = interval().count();
  return {(now - monitor_->config.offset).ms / step * step};
}

void MonitorRunner::run(const std::stop_token& stop) {
  core::lower_thread_priority();
  if (!warm_up(stop)) return;
  go_live(stop);
}

/// Until the source answers and its recent history has been replayed. False when stopped.
bool MonitorRunner::warm_up(const std::stop_token& stop) {
  models_.restore();
  restore_state();
  core::Duration delay = std::chrono::milliseconds(500);
  while (!stop.stop_requested()) {
    apply_update();
    if (try_warm_up(stop)) return true;
    publish();
    if (!deps_.clock->wait_for(delay, stop)) return false;
    delay =
        std::min(delay * 2, std::min(kLongestRetry, std::max(interval(), core::Duration(1000))));
  }
  return false;
}

bool MonitorRunner::try_warm_up(const std::stop_token& stop) {
  const core::Timestamp now = floor_tick(deps_.clock->now());
  resolve_rate_windows(now, stop);
  const TickReport found = deps_.engine->discover(*monitor_, *source_, now, stop);
  note_report(found, stop);
  if (!found.source_up) {
    status_.not_ready = "source " + monitor_->config.source + " does not answer";
    return false;
  }
  status_.not_ready = "reading history";
  publish();

  const std::size_t ticks = history_ticks(*monitor_, backfill_samples_);
  const core::Timestamp from = now - interval() * static_cast<std::int64_t>(ticks);
  const auto begin = deps_.clock->monotonic();
  const series::TickIndex last_index = monitor_->index;
  monitor_->begin_replay();
  const auto done = replay(*deps_.engine, *monitor_, *source_, from, now - interval(),
                           monitor_->index + 1, Engine::all_lanes(*monitor_), stop,
                           {.progress =
                                [&](double ratio) {
                                  status_.backfill_ratio = ratio / 2;
                                  publish();
                                },
                            .after_tick = nullptr});
  monitor_->end_replay();
  monitor_->newcomers.clear();
  if (!done.ok()) {
    watch_.say(core::LogLevel::Warn, "backfill", "history could not be read", done.error().message);
    monitor_->forget_all();
    // What was read teaches no second time.
    if (monitor_->index > last_index) monitor_->teach_no_more_until(monitor_->time);
    return false;
  }
  for (const auto& error : done->errors) {
    watch_.say(core::LogLevel::Warn, "backfill-refused", "history of a metric was refused", error);
  }
  const double seconds = std::chrono::duration<double>(deps_.clock->monotonic() - begin).count();
  deps_.log->info("history replayed", {{"monitor", name_},
                                       {"series", monitor_->table->series()},
                                       {"ticks", done->ticks},
                                       {"samples", done->samples},
                                       {"seconds", seconds}});
  monitor_->index = std::max<series::TickIndex>(monitor_->index, 0);
  monitor_->time = now - interval();
  start_profile_backfill(now);
  return true;
}

void MonitorRunner::restore_state() {
  profiles_from_ = {};
  if (deps_.state == nullptr) return;
  const RestoreReport report = deps_.state->restore(*monitor_);
  for (const auto& problem : report.problems) {
    deps_.log->warn("state file not used", {{"monitor", name_}, {"reason", problem}});
  }
  if (report.entities == 0) return;
  profiles_from_ = report.saved;
  if (const core::Timestamp now = floor_tick(deps_.clock->now()); report.newest > now) {
    // Nothing after now has been seen, or no alarm would begin or end until then.
    deps_.log->warn("the state is newer than the clock; going on from the time of the clock",
                    {{"monitor", name_}, {"by", core::format_duration(report.newest - now)}});
    monitor_->set_back(now - interval());
    monitor_->time = {};  // nothing has been evaluated yet
  }
  // The replay of the last window must not count again what the restored maps have seen.
  if (report.has_calibration) monitor_->calibrated_until = report.newest;
  deps_.log->info("state restored", {{"monitor", name_},
                                     {"entities", report.entities},
                                     {"saved", core::format_rfc3339(report.saved)}});
}

/// Rate windows that were not configured become four scrape intervals, at least 20 s. Asked again
/// now and then until the source can tell: a Prometheus that has just started cannot.
void MonitorRunner::resolve_rate_windows(core::Timestamp now, const std::stop_token& stop) {
  const auto monotonic = deps_.clock->monotonic();
  if (knows_scrape_interval_ || monotonic < next_probe_) return;
  next_probe_ = monotonic + kProbePeriod;
  const auto scrape = fill_rate_windows(*monitor_, *source_, now, stop);
  knows_scrape_interval_ = scrape || probe_selector(*monitor_).empty();
  status_.is_oversampled = scrape && interval() < *scrape;
}

void MonitorRunner::start_profile_backfill(core::Timestamp now) {
  const core::Timestamp wanted = now - monitor_->config.backfill;
  const core::Timestamp from = std::max(wanted, profiles_from_);
  if (from >= now) {
    status_.backfill_ratio = 1;
    return;
  }
  profile_backfill_ =
      std::make_unique<ProfileBackfill>(source_, monitor_->requests, from, now, *deps_.clock);
}

void MonitorRunner::go_live(const std::stop_token& stop) {
  is_warm_ = true;
  status_.not_ready = "waiting for the first tick";
  publish();
  next_save_ = deps_.clock->monotonic() + storage_.snapshot_interval;
  core::Timestamp due;
  while (wait_until_due(stop, due)) {
    apply_update();
    if (!close_gap(due, stop)) continue;
    models_.before_tick();
    run_tick(due, stop);
    if (watch_.is_up() && !stop.stop_requested()) models_.after_tick(source_);
    admit_newcomers(due, stop);
    save_state_when_due();
  }
}

void MonitorRunner::advance_profile_backfill() {
  profile_backfill_->apply(*monitor_);
  const double done = profile_backfill_->done_ratio();
  status_.backfill_ratio = 0.5 + done / 2;
  if (done < 1) return;
  if (profile_backfill_->lost() > 0) {
    deps_.log->warn("some of the older history could not be read",
                    {{"monitor", name_}, {"pieces", profile_backfill_->lost()}});
  }
  profile_backfill_.reset();
}

/// Waits for the next tick and tells its data time; meanwhile takes in what the background backfill
/// has read. False when stopped.
bool MonitorRunner::wait_until_due(const std::stop_token& stop, core::Timestamp& due) {
  const core::Clock& clock = *deps_.clock;
  const core::Timestamp last = std::max(monitor_->time, last_tried_);
  for (;;) {
    if (stop.stop_requested()) return false;
    const core::Timestamp now = clock.now();
    due = floor_tick(now);
    if (due > last) break;
    if (last - due > interval()) {
      // The wall clock was set back. Windows go on; only the time axis moves.
      deps_.self->count_clock_step(name_);
      deps_.log->warn("the clock was set back; going on from the new time",
                      {{"monitor", name_}, {"by", core::format_duration(last - due)}});
      monitor_->set_back(due - interval());
      break;
    }
    const core::Timestamp next = last + interval() + monitor_->config.offset;
    if (profile_backfill_) advance_profile_backfill();
    const core::Duration longest = profile_backfill_ ? kBackfillPause : interval();
    const core::Duration wait = std::clamp<core::Duration>(next - now, core::Duration(1), longest);
    if (!clock.wait_for(wait, stop)) return false;
  }
  last_tried_ = due;
  return true;
}

/// Reads the ticks between the last one evaluated and `due`. False when the source went away.
bool MonitorRunner::close_gap(core::Timestamp due, const std::stop_token& stop) {
  const std::int64_t missed = (due - monitor_->time) / interval() - 1;
  if (!watch_.is_up()) excused_gaps_ = kExcusedGaps;
  if (missed <= 0) {
    excused_gaps_ = 0;
    return true;
  }
  if (excused_gaps_ > 0) {
    --excused_gaps_;
  } else {
    deps_.self->count_missed_ticks(name_, static_cast<std::uint64_t>(missed));
  }
  const auto went_away = [&](const TickReport& down) {
    note_report(down, stop);
    deps_.self->observe_tick(*monitor_, down, status_, 0);
    publish();
    return false;
  };
  if (!watch_.is_up()) {
    // A server that refuses everything would make the gap look like one without samples.
    const TickReport probe = deps_.engine->discover(*monitor_, *source_, due, stop);
    if (!probe.source_up) return went_away(probe);
  }
  const auto longest = static_cast<std::int64_t>(monitor_->config.window);
  if (missed > longest) monitor_->forget_all();
  const core::Timestamp from = due - interval() * std::min(missed, longest);
  const auto done = replay(*deps_.engine, *monitor_, *source_, from, due - interval(),
                           monitor_->index + 1, Engine::all_lanes(*monitor_), stop);
  if (!done.ok()) {
    TickReport down;
    down.errors.assign(monitor_->metrics(), done.error().message);
    return went_away(down);
  }
  deps_.log->info("gap replayed", {{"monitor", name_}, {"ticks", done->ticks}});
  return true;
}

void MonitorRunner::run_tick(core::Timestamp due, const std::stop_token& stop) {
  resolve_rate_windows(due, stop);
  const TickReport report = deps_.engine->tick(*monitor_, *source_, due, stop);
  if (stop.stop_requested()) return;
  const core::Timestamp scored = deps_.clock->now();
  note_report(report, stop);
  if (report.source_up) {
    status_.not_ready.clear();
    status_.incidents = incidents_.update(*monitor_);
    deps_.self->observe_incidents(name_, incidents_.refused());
  }
  const auto snapshot = publish();
  deps_.self->observe_tick(*monitor_, report, status_,
                           monitor_->memory_bytes() + publisher_.memory_bytes());
  if (!report.source_up) return;
  if (deps_.alerts != nullptr) {
    monitor_->learn_gate =
        deps_.alerts->observe(*snapshot, monitor_->config.offset, report.newest_sample);
  }
  const double total = core::to_seconds(scored - due);
  const double in_line = std::chrono::duration<double>(report.scored).count();
  const double published = core::to_seconds(deps_.clock->now() - due);
  deps_.self->observe_latency("source", "tick", total - in_line);
  const double queued = std::chrono::duration<double>(report.counts.queued).count();
  deps_.self->observe_latency("queue", "tick", total - in_line + queued);
  deps_.self->observe_latency("score", "tick", total);
  deps_.self->observe_latency("publish", "tick", published);
  if (report.newest_sample.ms != 0 && report.newest_sample != due) {
    const double age = core::to_seconds(due - report.newest_sample);
    deps_.self->observe_latency("source", "sample", age + total - in_line);
    deps_.self->observe_latency("queue", "sample", age + total - in_line + queued);
    deps_.self->observe_latency("score", "sample", age + total);
    deps_.self->observe_latency("publish", "sample", age + published);
  }
}

/// Entities that appeared get their history too, all that came within a minute together.
void MonitorRunner::admit_newcomers(core::Timestamp now, const std::stop_token& stop) {
  const auto monotonic = deps_.clock->monotonic();
  if (monitor_->newcomers.empty() || monotonic < next_admission_ || !watch_.is_up()) return;
  next_admission_ = monotonic + kAdmissionPeriod;
  LaneSet lanes(monitor_->blocks());
  for (const auto entity : std::exchange(monitor_->newcomers, {})) {
    monitor_->relearn(entity);
    lanes[series::block_of(entity)] |= series::bit(series::lane_of(entity));
  }
  for (std::size_t b = 0; b < lanes.size(); ++b) lanes[b] &= monitor_->table->live(b);
  const auto ticks = std::min<series::TickIndex>(
      static_cast<series::TickIndex>(monitor_->config.window), monitor_->index);
  monitor_->counts_episodes = false;
  const auto done = replay(*deps_.engine, *monitor_, *source_, now - interval() * (ticks - 1), now,
                           monitor_->index - ticks + 1, lanes, stop);
  monitor_->counts_episodes = true;
  if (done.ok()) {
    deps_.log->info("history of new series replayed",
                    {{"monitor", name_}, {"samples", done->samples}});
  } else if (!stop.stop_requested()) {
    watch_.say(core::LogLevel::Warn, "newcomers", "history of new series could not be read",
               done.error().message);
  }
  publish();
}

void MonitorRunner::save_state_when_due() {
  if (deps_.state == nullptr) return;
  const std::size_t parts = StateStore::parts(*monitor_);
  if (next_part_ >= parts) {
    if (deps_.clock->monotonic() < next_save_ || parts == 0) return;
    next_save_ = deps_.clock->monotonic() + storage_.snapshot_interval;
    next_part_ = 0;
  }
  if (deps_.state->enqueue(name_, next_part_,
                           StateStore::encode(*monitor_, next_part_, deps_.clock->now()), parts)) {
    ++next_part_;
  } else {
    deps_.self->count_state_skipped();
  }
}

std::size_t MonitorRunner::stop_and_save(std::chrono::nanoseconds until) {
  thread_ = {};
  if (deps_.state == nullptr || !is_warm_) return 0;
  const std::size_t parts = StateStore::parts(*monitor_);
  for (std::size_t part = 0; part < parts; ++part) {
    const auto left = std::max(until - deps_.clock->monotonic(), std::chrono::nanoseconds(0));
    const bool has_room =
        deps_.state->wait_for_room(std::chrono::ceil<std::chrono::milliseconds>(left));
    if (!has_room ||
        !deps_.state->enqueue(name_, part, StateStore::encode(*monitor_, part, deps_.clock->now()),
                              parts)) {
      return parts - part;
    }
  }
  return 0;
}

void MonitorRunner::note_report(const TickReport& report, const std::stop_token& stop) {
  if (stop.stop_requested()) return;
  watch_.note(report, *source_, status_, stop);
  drops_->add(series::DropReason::NotANumber, report.not_a_number);
  drops_->add(series::DropReason::InvalidLabels, report.invalid_labels);
  for (auto& remark : monitor_->table->take_remarks()) {
    deps_.log->warn("a series is not used", {{"monitor", name_}, {"reason", remark}});
    status_.remarks.push_back(std::move(remark));
  }
  keep_newest(status_.remarks);
  const series::SeriesLimitOptions limits = deps_.budget->options();
  const std::string& source_name = monitor_->config.source;
  deps_.self->observe_limits(deps_.budget->total(), limits.series);
  deps_.self->sources().observe_series(source_name, deps_.budget->of_source(source_name),
                                       limits.series_per_source);
}

std::shared_ptr<const exposition::MonitorSnapshot> MonitorRunner::publish() {
  auto snapshot = publisher_.snapshot(*monitor_, status_);
  deps_.snapshots->publish(snapshot);
  return snapshot;
}

}  // namespace anomaly_exporter::app
