#include "anomaly_exporter/app/trainer.h"

#include <algorithm>
#include <utility>

#include "anomaly_exporter/app/cpu_budget.h"
#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/thread_priority.h"

namespace anomaly_exporter::app {

namespace {

constexpr int kLowestPriority = 19;

TrainingOutcome failed(const TrainingJob& job, const core::Error& error, bool is_stopped) {
  TrainingOutcome outcome;
  outcome.detector = job.detector;
  outcome.error = error.message;
  outcome.kind = is_stopped                                       ? TrainingOutcome::Kind::Stopped
                 : error.code == core::ErrorCode::InvalidArgument ? TrainingOutcome::Kind::TooFew
                                                                  : TrainingOutcome::Kind::Failed;
  return outcome;
}

std::string figures_text(const storage::ModelMetadata& m) {
  std::string text;
  for (const auto& [name, value] : m.figures) {
    text += (text.empty() ? "" : " ") + name + "=" + core::number_text(value);
  }
  return text;
}

}  // namespace

std::string to_string(TrainingOutcome::Kind kind) {
  switch (kind) {
    case TrainingOutcome::Kind::Adopted:
      return "adopted";
    case TrainingOutcome::Kind::Rejected:
      return "rejected";
    case TrainingOutcome::Kind::TooFew:
      return "too_few";
    case TrainingOutcome::Kind::Failed:
      return "failed";
    case TrainingOutcome::Kind::Stopped:
      return "stopped";
  }
  return "";
}

void Mailbox::put(TrainingOutcome outcome) {
  core::MutexLock lock(mutex_);
  outcomes_.push_back(std::move(outcome));
}

std::vector<TrainingOutcome> Mailbox::take() {
  core::MutexLock lock(mutex_);
  return std::exchange(outcomes_, {});
}

TrainingOutcome run_training(const TrainingJob& job, const core::Clock& clock,
                             std::stop_token stop) {
  CpuBudget budget(job.cpu_budget, clock, stop);
  const auto goes_on = [&] { return budget.spend() && !job.mailbox->is_closed(); };
  const auto is_stopped = [&] { return stop.stop_requested() || job.mailbox->is_closed(); };
  auto data = read_training_data(job.plan, *job.source, job.source_series, stop,
                                 [&](double) { return goes_on(); });
  if (!data.ok()) return failed(job, data.error(), is_stopped());
  auto trained = train_model(job.task, *data, clock, [&](double) { return goes_on(); });
  if (!trained.ok()) {
    core::Error error = trained.error();
    if (!data->problems.empty()) error.message += " (" + data->problems.front() + ")";
    return failed(job, error, is_stopped());
  }
  if (is_stopped()) return failed(job, {core::ErrorCode::Unavailable, "stopped"}, true);

  TrainingOutcome outcome;
  outcome.detector = job.detector;
  outcome.trained = std::move(trained).value();
  auto& metadata = outcome.trained.metadata;
  if (!outcome.trained.is_accepted) {
    outcome.kind = TrainingOutcome::Kind::Rejected;
    return outcome;
  }
  metadata.version = job.task.champion_version + 1;
  if (job.store) {
    const auto version =
        job.store->save(job.monitor, job.detector, {metadata, encode_body(outcome.trained)});
    if (!version.ok()) return failed(job, version.error(), false);
    metadata.version = *version;
  }
  outcome.kind = TrainingOutcome::Kind::Adopted;
  return outcome;
}

Trainer::Trainer(TrainerDependencies dependencies)
    : deps_(dependencies), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Trainer::~Trainer() = default;

void Trainer::submit(TrainingJob job) {
  {
    core::MutexLock lock(mutex_);
    queue_.push_back(std::move(job));
  }
  changed_.notify_all();
}

void Trainer::run(const std::stop_token& stop) AE_NO_THREAD_SAFETY_ANALYSIS {
  core::lower_thread_priority(kLowestPriority);
  for (;;) {
    std::optional<TrainingJob> job;
    {
      core::MutexLock lock(mutex_);
      if (!changed_.wait(mutex_, stop,
                         [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return !queue_.empty(); })) {
        return;
      }
      if (stop.stop_requested()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    if (job->mailbox->is_closed()) continue;
    const auto begin = deps_.clock->monotonic();
    TrainingOutcome outcome = run_training(*job, *deps_.clock, stop);
    const auto spent = deps_.clock->monotonic() - begin;
    if (job->mailbox->is_closed()) continue;  // nobody is left to hear of it
    report(*job, outcome, std::chrono::duration<double>(spent).count());
    job->mailbox->put(std::move(outcome));
  }
}

void Trainer::report(const TrainingJob& job, const TrainingOutcome& outcome, double seconds) const {
  deps_.metrics->observe_training(job.monitor, job.detector, to_string(outcome.kind), seconds);
  const auto& m = outcome.trained.metadata;
  switch (outcome.kind) {
    case TrainingOutcome::Kind::Adopted:
    case TrainingOutcome::Kind::Rejected:
      deps_.log->info("model fitted", {{"monitor", job.monitor},
                                       {"detector", job.detector},
                                       {"version", m.version},
                                       {"reason", to_string(m.origin)},
                                       {"samples", m.samples},
                                       {"entities", m.entities},
                                       {"first", core::format_rfc3339(m.first)},
                                       {"last", core::format_rfc3339(m.last)},
                                       {"figures", figures_text(m)},
                                       {"in_sample", m.in_sample},
                                       {"verdict", m.verdict},
                                       {"seconds", seconds}});
      return;
    case TrainingOutcome::Kind::TooFew:
      deps_.log->info(
          "model not fitted yet",
          {{"monitor", job.monitor}, {"detector", job.detector}, {"reason", outcome.error}});
      return;
    case TrainingOutcome::Kind::Failed:
    case TrainingOutcome::Kind::Stopped:
      deps_.log->warn("model not fitted", {{"monitor", job.monitor},
                                           {"detector", job.detector},
                                           {"result", to_string(outcome.kind)},
                                           {"error", outcome.error}});
  }
}

}  // namespace anomaly_exporter::app
