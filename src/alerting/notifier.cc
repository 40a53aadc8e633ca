#include "anomaly_exporter/alerting/notifier.h"

#include <algorithm>
#include <utility>

namespace anomaly_exporter::alerting {

using core::MutexLock;
using std::chrono::nanoseconds;

namespace {

constexpr core::Duration kHousekeeping = std::chrono::seconds(1);
/// A difference between wall clock and monotonic clock beyond this is a clock that was set (or a
/// host that slept), not one that is slewed.
constexpr core::Duration kClockStep = std::chrono::seconds(5);
/// Saved so often while alerts are open, so that a restart knows until when they were seen.
constexpr nanoseconds kSavePeriod = std::chrono::minutes(1);

/// What the book does where Prometheus alerts: it only follows the episodes.
AlertingOptions book_options(AlertingOptions options) {
  if (options.mode == Mode::Rules) {
    options.throttle = core::Duration(0);
    options.silences.gate_alerts = false;
  }
  return options;
}

core::Duration clock_offset(const core::Clock& clock) {
  const core::Duration monotonic = std::chrono::floor<core::Duration>(clock.monotonic());
  return core::Duration(clock.now().ms) - monotonic;
}

}  // namespace

core::Status Notifier::check(const AlertingOptions& options, const core::Clock& clock) {
  if (auto status = options.validate(); !status) return status;
  for (std::size_t i = 0; i < options.alertmanagers.size(); ++i) {
    const AlertmanagerOptions& alertmanager = options.alertmanagers[i];
    const auto client = net::HttpClient::create(alertmanager.url, alertmanager.http, {}, clock);
    if (!client) return client.error().within("alertmanagers[" + std::to_string(i) + "]");
  }
  return {};
}

Notifier::Notifier(NotifierDependencies dependencies, std::string_view saved)
    : deps_(std::move(dependencies)),
      book_(AlertingOptions{}, deps_.external_url),
      clock_offset_(clock_offset(*deps_.clock)) {
  if (saved.empty()) return;
  if (const auto status = book_.restore(saved); !status) {
    deps_.log->warn("state of open alerts not read", {{"error", status.error().message}});
  } else {
    deps_.log->info("open alerts restored", {{"alerts", book_.open_alerts()}});
  }
}

Notifier::~Notifier() { stop(core::Duration(0)); }

void Notifier::configure(const AlertingOptions& options,
                         const std::map<std::string, std::vector<std::string>>& monitors) {
  const MutexLock turn(turn_);
  if (is_stopped_) return;
  Senders old;
  std::unique_ptr<SilencePoller> old_poller;
  {
    const MutexLock lock(mutex_);
    old.swap(senders_);
    old_poller.swap(poller_);
  }
  std::map<std::string, SenderStats> totals;
  for (auto& sender : old) {
    sender->stop();
    totals[sender->url()] = sender->stats();
  }
  Senders senders;
  for (const AlertmanagerOptions& alertmanager : options.alertmanagers) {
    if (options.mode != Mode::Push) break;
    auto made = Sender::create({.alertmanager = alertmanager,
                                .queue_limit = options.queue_limit,
                                .batch = options.batch,
                                .timeout = options.timeout},
                               *deps_.log, *deps_.clock, totals[alertmanager.url]);
    if (made) {
      senders.push_back(std::move(*made));
    } else {
      deps_.log->error("no alerts to this Alertmanager", {{"error", made.error().message}});
    }
  }
  auto polls = old_poller ? old_poller->stats() : std::map<std::string, SilencePollStats>{};
  old_poller.reset();
  std::vector<std::string> urls;
  std::unique_ptr<SilencePoller> poller;
  if (options.silences.poll.count() > 0 && !options.alertmanagers.empty()) {
    for (const auto& alertmanager : options.alertmanagers) urls.push_back(alertmanager.url);
    poller = std::make_unique<SilencePoller>(options, silence_book_, *deps_.log, *deps_.clock,
                                             std::move(polls));
  }
  silence_book_.retain(urls);
  const bool has_work = options.mode == Mode::Push;
  {
    const MutexLock lock(mutex_);
    options_ = options;
    senders_ = std::move(senders);
    poller_ = std::move(poller);
    book_.configure(book_options(options));
    book_.retain(monitors, deps_.clock->now());
    send(book_.flush());
  }
  if (has_work && !housekeeper_.joinable()) {
    housekeeper_ = std::jthread([this](const std::stop_token& stop) { keep_house(stop); });
  } else if (!has_work && housekeeper_.joinable()) {
    housekeeper_ = {};
  }
}

void Notifier::send(const std::vector<Alert>& alerts) {
  if (alerts.empty()) return;
  for (auto& sender : senders_) sender->enqueue(alerts);
}

/// Before the book takes in anything at the time of now.
void Notifier::follow_clock() {
  const core::Duration offset = clock_offset(*deps_.clock);
  const core::Duration step = offset - clock_offset_;
  if (std::chrono::abs(step) < kClockStep) return;
  clock_offset_ = offset;
  book_.clock_stepped(step);
}

void Notifier::observe(const TickAlerts& tick) {
  const auto silences = silence_book_.active(deps_.clock->now());
  const auto is_silenced = [&](const core::Labels& identity) {
    return std::any_of(silences.begin(), silences.end(),
                       [&](const auto& silence) { return silence->matches(identity); });
  };
  const MutexLock lock(mutex_);
  follow_clock();
  send(book_.update(tick, is_silenced));
}

std::vector<std::string> Notifier::open_keys(const std::string& monitor) const {
  const MutexLock lock(mutex_);
  return book_.open_keys(monitor);
}

void Notifier::keep_house(const std::stop_token& stop) {
  do {
    {
      const MutexLock lock(mutex_);
      follow_clock();
      send(book_.idle(deps_.clock->now()));
    }
    save_if_changed();
  } while (deps_.clock->wait_for(kHousekeeping, stop) && !stop.stop_requested());
}

void Notifier::save_if_changed() {
  if (!deps_.save) return;
  std::string bytes;
  std::uint64_t version = 0;
  const nanoseconds now = deps_.clock->monotonic();
  {
    const MutexLock lock(mutex_);
    version = book_.version();
    const bool is_old = book_.open_alerts() > 0 && now - saved_at_ >= kSavePeriod;
    if (version == saved_version_ && !is_old) return;
    bytes = book_.save();
  }
  saved_at_ = now;
  const core::Status status = deps_.save(bytes);
  const MutexLock lock(mutex_);
  if (status) {
    saved_version_ = version;
  } else if (save_failures_++ == 0) {
    deps_.log->warn("state of open alerts not saved", {{"error", status.error().message}});
  }
}

Receipt Notifier::judge(const WebhookAlert& alert, Notified& notified) {
  if (!alert.labels.value("monitor") || !alert.labels.value("severity")) return Receipt::NotOurs;
  if (!alert.is_firing) return Receipt::Resolved;
  AlertBook::Episode* episode = book_.find(alert.labels);
  if (episode == nullptr) return Receipt::NotOpen;
  notified.opened = episode->began;
  if (episode->notified.ms != 0) return Receipt::Known;
  episode->notified = notified.received;
  if (deps_.observe_latency) {
    const auto seconds = [&](core::Timestamp from) {
      return std::max(core::to_seconds(notified.received - from), 0.0);
    };
    deps_.observe_latency("tick", seconds(episode->began));
    if (episode->sample.ms != 0) deps_.observe_latency("sample", seconds(episode->sample));
  }
  return Receipt::Known;
}

void Notifier::receive(const WebhookMessage& message) {
  const core::Timestamp now = deps_.clock->now();
  std::vector<core::Labels> infos;
  {
    const MutexLock lock(mutex_);
    log_.count_malformed(message.malformed);
    for (const WebhookAlert& alert : message.alerts) {
      Notified notified{.labels = alert.labels,
                        .receiver = message.receiver,
                        .receipt = Receipt::Known,
                        .received = now,
                        .opened = {}};
      notified.receipt = judge(alert, notified);
      if (alert.is_firing && alert.labels.value("severity") == "info") {
        infos.push_back(alert.labels);
      }
      log_.add(std::move(notified));
    }
  }
  for (const core::Labels& labels : infos) {
    deps_.log->info(
        "anomaly",
        {{"severity", "info"}, {"alert", labels.text()}, {"receiver", message.receiver}});
  }
}

std::vector<std::shared_ptr<const Silence>> Notifier::silences() const {
  return silence_book_.active(deps_.clock->now());
}

SilenceOptions Notifier::silence_options() const {
  const MutexLock lock(mutex_);
  return options_.silences;
}

std::map<std::string, std::string> Notifier::external_labels() const {
  const MutexLock lock(mutex_);
  return options_.external_labels;
}

NotifierStats Notifier::stats() const {
  NotifierStats out;
  out.active_silences = silences().size();
  const MutexLock lock(mutex_);
  for (const auto& sender : senders_) out.senders[sender->url()] = sender->stats();
  if (poller_) out.silence_polls = poller_->stats();
  out.suppressed = book_.suppressed();
  out.receipts = log_.counts();
  out.open_alerts = book_.open_alerts();
  out.save_failures = save_failures_;
  return out;
}

std::vector<OpenAlert> Notifier::open() const {
  std::vector<OpenAlert> out;
  const MutexLock lock(mutex_);
  for (const AlertBook::Episode* e : book_.open()) {
    out.push_back({.labels = e->identity,
                   .starts_at = e->starts_at,
                   .last_sent = senders_.empty() ? core::Timestamp{} : e->last_sent,
                   .notified = e->notified,
                   .suppressed = e->suppressed});
  }
  return out;
}

std::vector<Notified> Notifier::notified() const {
  const MutexLock lock(mutex_);
  return {log_.entries().begin(), log_.entries().end()};
}

void Notifier::stop(core::Duration deadline) {
  const MutexLock turn(turn_);
  if (is_stopped_) return;
  is_stopped_ = true;
  const bool was_pushing = housekeeper_.joinable();
  housekeeper_ = {};
  if (was_pushing) save_if_changed();
  Senders senders;
  std::unique_ptr<SilencePoller> poller;
  {
    const MutexLock lock(mutex_);
    senders.swap(senders_);
    poller.swap(poller_);
  }
  const nanoseconds until = deps_.clock->monotonic() + deadline;
  for (auto& sender : senders) {
    const auto left = std::chrono::duration_cast<core::Duration>(until - deps_.clock->monotonic());
    (void)sender->drain(std::max(left, core::Duration(0)));
  }
}

}  // namespace anomaly_exporter::alerting
