#include "anomaly_exporter/app/monitor_models.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace anomaly_exporter::app {

namespace {

constexpr std::chrono::nanoseconds kLookPeriod = std::chrono::minutes(1);
/// By then every configured monitor has noted what it uses, however long the program stood still.
constexpr std::chrono::nanoseconds kFirstExpiry = std::chrono::hours(1);
constexpr std::chrono::nanoseconds kExpiryPeriod = std::chrono::hours(24);
constexpr std::size_t kProfiledEntities = 64;
constexpr double kProfileHalfLifeHours = 24;
/// Values per metric below which an index is noise.
constexpr double kLeastProfile = 2000;

/// The last `ticks` learned values of a row; NaN = absent or not learned.
void window_of(const MonitorState& monitor, series::Entity entity, std::size_t metric,
               std::size_t ticks, std::vector<float>& out) {
  const series::StripView strip = monitor.windows.strip(series::block_of(entity), metric);
  const std::size_t lane = series::lane_of(entity);
  out.assign(ticks, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t k = 0; k < ticks; ++k) {
    const series::TickIndex tick = monitor.index - static_cast<series::TickIndex>(k);
    if (tick < 0) break;
    const std::size_t slot = strip.slot(tick);
    if ((strip.learned[slot] & series::bit(lane)) == 0) continue;
    out[k] = strip.values[slot * strip.stride + lane];
  }
}

}  // namespace

MonitorModels::MonitorModels(ModelDependencies dependencies, MonitorState& monitor,
                             config::TrainingConfig config)
    : deps_(std::move(dependencies)),
      monitor_(&monitor),
      config_(config),
      recent_(monitor.metrics()) {
  for (std::size_t d = 0; d < monitor.detectors.size(); ++d) {
    if (!monitor.detectors[d]->is_trainable()) continue;
    std::string name(monitor.detectors[d]->name());
    deps_.metrics->add_detector(monitor.config.name, name);
    slots_.push_back({.index = d,
                      .name = name,
                      .schedule = TrainingSchedule(monitor.config.name, name, config),
                      .watch = ModelWatch(d),
                      .in_use = std::nullopt,
                      .before = std::nullopt});
  }
}

MonitorModels::~MonitorModels() {
  mailbox_->close();
  deps_.metrics->remove_monitor(monitor_->config.name);
}

std::optional<storage::ModelStore> MonitorModels::store() const {
  if (deps_.storage_path.empty()) return std::nullopt;
  return storage::ModelStore(deps_.storage_path, config_.keep);
}

std::string MonitorModels::parameters(const Slot& slot) const {
  return config::model_parameters(monitor_->config, slot.name);
}

void MonitorModels::adopt(Slot& slot, TrainedModel model) {
  monitor_->detectors[slot.index]->adopt(model.model);
  monitor_->model_versions[slot.index] = model.metadata.version;
  slot.before = std::exchange(slot.in_use, std::move(model));
}

void MonitorModels::restore() {
  const auto files = store();
  if (!files) return tell_untrained(false);
  note_use();
  const std::string& name = monitor_->config.name;
  bool is_problem = false;
  for (Slot& slot : slots_) {
    std::optional<TrainedModel> found;
    const auto recovery = files->recover(
        name, slot.name, parameters(slot), [&](const storage::StoredModel& stored) -> core::Status {
          auto model = decode_body(stored, *monitor_->detectors[slot.index], monitor_->metrics());
          if (!model.ok()) return model.error();
          found = std::move(model).value();
          return {};
        });
    for (const auto& problem : recovery.problems) {
      deps_.log->warn("model not used",
                      {{"monitor", name}, {"detector", slot.name}, {"reason", problem}});
    }
    if (const auto named = files->current(name, slot.name); named.ok()) slot.named_version = *named;
    if (!found) {
      is_problem = is_problem || !recovery.problems.empty();
      continue;
    }
    const auto& m = found->metadata;
    const bool is_second_best = !recovery.problems.empty();
    deps_.log->log(is_second_best ? core::LogLevel::Warn : core::LogLevel::Info,
                   "continues with version " + std::to_string(m.version),
                   {{"monitor", name},
                    {"detector", slot.name},
                    {"fitted", core::format_rfc3339(m.created)},
                    {"samples", m.samples}});
    slot.schedule.note_trained(m.created, m.last - m.first);
    adopt(slot, std::move(*found));
    slot.before.reset();
  }
  tell_untrained(is_problem);
}

/// One line for all: their rows stay without a verdict of theirs for a while, which looks like a
/// fault to whoever does not know.
void MonitorModels::tell_untrained(bool is_problem) const {
  std::string names;
  for (const Slot& slot : slots_) {
    if (!slot.in_use) names += (names.empty() ? "" : ", ") + slot.name;
  }
  if (names.empty()) return;
  const bool is_fitted = deps_.trainer != nullptr && config_.enabled;
  const core::Duration wait =
      monitor_->config.interval * static_cast<std::int64_t>(config_.min_samples);
  deps_.log->log(is_problem || !is_fitted ? core::LogLevel::Warn : core::LogLevel::Info,
                 is_problem ? "no good model is left for some detectors; they have no vote"
                            : "detectors without a model have no vote",
                 {{"monitor", monitor_->config.name},
                  {"detectors", names},
                  {"first_training", is_fitted ? "after " + std::to_string(config_.min_samples) +
                                                     " ticks (" + core::format_duration(wait) +
                                                     "), replayed history included"
                                               : "never: training is off; see anomalytool train"}});
}

void MonitorModels::note_use() {
  const auto files = store();
  if (!files) return;
  for (const Slot& slot : slots_) {
    if (slot.is_training) continue;  // the folder is the trainer's
    const auto noted = files->note_use(monitor_->config.name, slot.name, deps_.clock->now());
    if (noted.ok()) continue;
    deps_.log->warn("use of a model could not be noted", {{"monitor", monitor_->config.name},
                                                          {"detector", slot.name},
                                                          {"error", noted.error().message}});
  }
}

void MonitorModels::expire() {
  const auto now = deps_.clock->monotonic();
  if (next_expiry_.count() == 0) next_expiry_ = now + kFirstExpiry;
  if (now < next_expiry_) return;
  next_expiry_ = now + kExpiryPeriod;
  const auto files = store();
  if (!files) return;
  note_use();
  for (const std::string& folder : files->expire(deps_.clock->now(), config_.expire_after)) {
    deps_.metrics->count_expired(1);
    deps_.log->info("unused models removed",
                    {{"models", folder},
                     {"unused_for", "more than " + core::format_duration(config_.expire_after)}});
  }
}

void MonitorModels::configure(config::TrainingConfig config) {
  config_ = config;
  for (Slot& slot : slots_) slot.schedule.configure(config);
  next_look_ = {};
}

void MonitorModels::before_tick() {
  expire();
  if (slots_.empty()) return;
  for (TrainingOutcome& outcome : mailbox_->take()) {
    for (Slot& slot : slots_) {
      if (slot.name == outcome.detector) {
        take_outcome(slot, std::move(outcome));
        break;
      }
    }
  }
  const auto now = deps_.clock->monotonic();
  if (now >= next_look_) {
    next_look_ = now + kLookPeriod;
    look_for_changes();
  }
}

void MonitorModels::take_outcome(Slot& slot, TrainingOutcome outcome) {
  using Kind = TrainingOutcome::Kind;
  slot.is_training = false;
  const core::Timestamp now = deps_.clock->now();
  if (outcome.kind != Kind::Adopted && outcome.kind != Kind::Rejected) {
    slot.schedule.note_failure(now);
    return;
  }
  const auto& m = outcome.trained.metadata;
  slot.schedule.note_fitted(now, m.first, m.last);
  slot.drift = 0;
  if (outcome.kind == Kind::Rejected) return;
  slot.named_version = m.version;
  slot.watch.start(now, config_.watch);
  adopt(slot, std::move(outcome.trained));
}

/// Takes up a version that somebody else made the current one. While a training runs, the pointer
/// may be the trainer's.
void MonitorModels::look_for_changes() {
  const auto files = store();
  if (!files) return;
  const std::string& name = monitor_->config.name;
  for (Slot& slot : slots_) {
    if (slot.is_training) continue;
    const auto named = files->current(name, slot.name);
    if (!named.ok() || *named == slot.named_version) continue;
    slot.named_version = *named;
    const auto stored = files->load(name, slot.name, *named);
    core::Result<TrainedModel> model =
        stored.ok() ? decode_body(*stored, *monitor_->detectors[slot.index], monitor_->metrics())
                    : core::Result<TrainedModel>(stored.error());
    if (model.ok() && model->metadata.parameters != parameters(slot)) {
      model = core::Error{core::ErrorCode::InvalidArgument, "made with other options"};
    }
    if (!model.ok()) {
      deps_.log->warn("the model that was chosen is not used", {{"monitor", name},
                                                                {"detector", slot.name},
                                                                {"version", *named},
                                                                {"error", model.error().message}});
      continue;
    }
    deps_.log->info("model changed on disk",
                    {{"monitor", name}, {"detector", slot.name}, {"version", *named}});
    // An operator's choice is neither taken back nor replaced at once.
    slot.schedule.note_trained(deps_.clock->now(), model->metadata.last - model->metadata.first);
    slot.drift = 0;
    slot.watch.forget();
    adopt(slot, std::move(model).value());
  }
}

void MonitorModels::after_tick(const std::shared_ptr<sources::MetricSource>& source) {
  if (slots_.empty()) return;
  const core::Timestamp now = deps_.clock->now();
  monitor_->untaught.observe(*monitor_);
  profile_inputs();
  for (Slot& slot : slots_) {
    slot.watch.observe(*monitor_, now);
    if (slot.watch.is_bad(*monitor_, now)) roll_back(slot);
    const unsigned version = slot.in_use ? slot.in_use->metadata.version : 0;
    const double age =
        slot.in_use
            ? core::to_seconds(std::max(now - slot.in_use->metadata.created, core::Duration(0)))
            : 0;
    deps_.metrics->observe_model(monitor_->config.name, slot.name, version, age);
    if (deps_.trainer == nullptr || !config_.enabled || slot.is_training) continue;
    const auto samples = static_cast<std::size_t>(std::max<series::TickIndex>(monitor_->index, 0));
    if (const auto why = slot.schedule.due(now, samples, monitor_->config.interval, slot.drift)) {
      order(slot, *why, source);
    }
  }
}

void MonitorModels::roll_back(Slot& slot) {
  const std::string& name = monitor_->config.name;
  const double share = slot.watch.share();
  const double before = slot.watch.share_before();
  slot.watch.forget();
  if (!slot.before) {
    deps_.log->warn(
        "the first model calls far more anomalous than expected; it stays, there is "
        "none before it",
        {{"monitor", name}, {"detector", slot.name}, {"share", share}});
    return;
  }
  TrainedModel parent = std::move(*slot.before);
  const unsigned bad = slot.in_use->metadata.version;
  deps_.metrics->count_rollback(name, slot.name);
  deps_.log->warn("model taken back: it called far more anomalous than the one before",
                  {{"monitor", name},
                   {"detector", slot.name},
                   {"version", bad},
                   {"back_to", parent.metadata.version},
                   {"share", share},
                   {"share_before", before}});
  if (const auto files = store()) {
    const auto set = files->set_current(name, slot.name, parent.metadata.version);
    if (!set.ok()) {
      deps_.log->warn("the model in use could not be noted on disk",
                      {{"monitor", name}, {"detector", slot.name}, {"error", set.error().message}});
    }
  }
  slot.named_version = parent.metadata.version;
  slot.schedule.note_trained(deps_.clock->now(), parent.metadata.last - parent.metadata.first);
  adopt(slot, std::move(parent));
  slot.before.reset();
}

/// Now and then the recent windows of a sample of entities are compared with what models saw.
void MonitorModels::profile_inputs() {
  const std::size_t ticks = std::min(kProfileTicks, monitor_->config.window);
  if (++ticks_since_profile_ < ticks) return;
  ticks_since_profile_ = 0;
  const double hours =
      core::to_seconds(monitor_->config.interval) * static_cast<double>(ticks) / 3600;
  recent_.fade(std::exp2(-hours / kProfileHalfLifeHours));
  const std::size_t step =
      std::max<std::size_t>(1, monitor_->table->capacity() / kProfiledEntities);
  std::vector<float> window;
  for (std::size_t e = 0; e < monitor_->table->capacity(); e += step) {
    const auto entity = static_cast<series::Entity>(e);
    if ((monitor_->table->live(series::block_of(entity)) & series::bit(series::lane_of(entity))) ==
        0) {
      continue;
    }
    for (std::size_t m = 0; m < monitor_->metrics(); ++m) {
      window_of(*monitor_, entity, m, ticks, window);
      recent_.add(m, window);
    }
  }
  if (recent_.least_weight() < kLeastProfile) return;
  for (Slot& slot : slots_) {
    if (!slot.in_use || slot.in_use->inputs == nullptr) continue;
    slot.drift = stability_index(*slot.in_use->inputs, recent_);
    deps_.metrics->observe_drift(monitor_->config.name, slot.name, slot.drift);
  }
}

void MonitorModels::order(Slot& slot, storage::ModelOrigin origin,
                          const std::shared_ptr<sources::MetricSource>& source) {
  TrainingLimits limits;
  limits.history = config_.history;
  auto plan = plan_training(*monitor_, monitor_->time, limits, &monitor_->untaught);
  if (!plan) return;
  const config::MonitorConfig& config = monitor_->config;
  const detectors::Shape shape{
      .metrics = monitor_->metrics(), .window = config.window, .interval = config.interval};
  TrainingJob job;
  job.monitor = config.name;
  job.detector = slot.name;
  job.task = {
      .factory = [create = deps_.create_detector, name = slot.name, options = config.detectors,
                  shape] { return create(name, options, shape); },
      .shape = shape,
      .parameters = parameters(slot),
      .origin = origin,
      .champion = slot.in_use ? slot.in_use->model : nullptr,
      .champion_version = slot.in_use ? slot.in_use->metadata.version : 0,
      .min_samples = config_.min_samples};
  job.plan = std::move(*plan);
  job.source_series = monitor_->table->series();
  job.source = source;
  job.cpu_budget = config_.cpu_budget;
  job.store = store();
  job.mailbox = mailbox_;
  slot.is_training = true;
  deps_.log->info(
      "fitting a model",
      {{"monitor", config.name}, {"detector", slot.name}, {"reason", to_string(origin)}});
  deps_.trainer->submit(std::move(job));
}

}  // namespace anomaly_exporter::app
