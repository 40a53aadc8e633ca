#include "anomaly_exporter/alerting/sender.h"

#include <algorithm>
#include <utility>

#include "anomaly_exporter/net/error_text.h"

namespace anomaly_exporter::alerting {

using core::Duration;
using std::chrono::nanoseconds;

namespace {
constexpr std::size_t kMostRefused = 1000;
constexpr std::uint64_t kAnswerBytes = 1ULL << 20;
constexpr Duration kLogPeriod = std::chrono::minutes(1);
/// How well a clock is known from whole seconds: below this a shift stays as it is, so that the
/// same alert is told with the same start.
constexpr Duration kClockNoise = std::chrono::seconds(2);

std::vector<Alert> shifted(std::span<const Alert> alerts, Duration by) {
  std::vector<Alert> out(alerts.begin(), alerts.end());
  for (Alert& alert : out) {
    alert.starts_at = alert.starts_at + by;
    alert.ends_at = alert.ends_at + by;
  }
  return out;
}
}  // namespace

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::QueueFull:
      return "queue_full";
    case DropReason::Superseded:
      return "superseded";
    case DropReason::Stale:
      return "stale";
    case DropReason::Refused:
      return "refused";
    case DropReason::Failed:
      return "failed";
    case DropReason::Shutdown:
      return "shutdown";
  }
  return "failed";
}

core::Result<std::unique_ptr<Sender>> Sender::create(SenderOptions options, core::Logger& log,
                                                     const core::Clock& clock, SenderStats stats) {
  net::HttpClientOptions http = options.alertmanager.http;
  http.timeout = options.timeout;
  http.response_bytes = kAnswerBytes;
  auto client = net::HttpClient::create(options.alertmanager.url, std::move(http),
                                        net::RetryOptions{.attempts = 1}, clock);
  if (!client) return client.error();
  return std::unique_ptr<Sender>(
      new Sender(std::move(options), std::move(*client), log, clock, stats));
}

Sender::Sender(SenderOptions options, std::unique_ptr<net::HttpClient> client, core::Logger& log,
               const core::Clock& clock, SenderStats stats)
    : options_(std::move(options)),
      client_(std::move(client)),
      log_(&log),
      clock_(&clock),
      throttle_(kLogPeriod, clock),
      stats_(stats) {
  stats_.queue_capacity = options_.queue_limit;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Sender::~Sender() { stop(); }

void Sender::drop(DropReason reason, std::size_t alerts) {
  const core::MutexLock lock(mutex_);
  stats_.dropped[static_cast<std::size_t>(reason)] += alerts;
}

void Sender::enqueue(const std::vector<Alert>& alerts) {
  const core::MutexLock lock(mutex_);
  const auto count = [&](DropReason reason) AE_REQUIRES(mutex_) {
    ++stats_.dropped[static_cast<std::size_t>(reason)];
  };
  for (const Alert& alert : alerts) {
    const auto [it, is_new] = waiting_.try_emplace(alert.labels, queue_.end());
    if (!is_new) {
      *it->second = alert;  // keeps its place
      count(DropReason::Superseded);
      continue;
    }
    it->second = queue_.insert(queue_.end(), alert);
    if (queue_.size() <= options_.queue_limit) continue;
    waiting_.erase(queue_.front().labels);
    queue_.pop_front();
    count(DropReason::QueueFull);
  }
  changed_.notify_all();
}

/// The oldest that are still worth sending.
std::vector<Alert> Sender::take_batch() {
  std::vector<Alert> batch;
  const core::Timestamp now = clock_->now();
  const nanoseconds monotonic = clock_->monotonic();
  const core::MutexLock lock(mutex_);
  while (batch.size() < options_.batch && !queue_.empty()) {
    Alert alert = std::move(queue_.front());
    queue_.pop_front();
    waiting_.erase(alert.labels);
    const auto refused = refused_.find(alert.labels);
    if (refused != refused_.end() && refused->second > monotonic) {
      ++stats_.dropped[static_cast<std::size_t>(DropReason::Refused)];
    } else if (!alert.is_resolved && alert.ends_at <= now) {
      ++stats_.dropped[static_cast<std::size_t>(DropReason::Stale)];
    } else {
      batch.push_back(std::move(alert));
    }
  }
  is_busy_ = !batch.empty();
  if (!is_busy_) changed_.notify_all();
  return batch;
}

/// A batch to be tried again goes to the front, without what came anew meanwhile.
void Sender::put_back(std::vector<Alert> batch) {
  const core::MutexLock lock(mutex_);
  for (auto alert = batch.rbegin(); alert != batch.rend(); ++alert) {
    const auto [it, is_new] = waiting_.try_emplace(alert->labels, queue_.end());
    DropReason reason = DropReason::Superseded;
    if (is_new && queue_.size() >= options_.queue_limit) {
      waiting_.erase(it);
      reason = DropReason::QueueFull;
    } else if (is_new) {
      it->second = queue_.insert(queue_.begin(), std::move(*alert));
      continue;
    }
    ++stats_.dropped[static_cast<std::size_t>(reason)];
  }
}

/// What is added to the times of alerts to have them in the Alertmanager's time.
Duration Sender::clock_shift() {
  const auto skew = client_->clock_skew();
  const Duration wanted = skew && std::chrono::abs(*skew) > kClockTolerance ? *skew : Duration(0);
  if (std::chrono::abs(wanted - shift_) <= kClockNoise) return shift_;
  shift_ = wanted;
  if (shift_.count() != 0 && throttle_.admit("clock")) {
    log_->warn("clocks differ; alerts are told in the Alertmanager's time",
               {{"alertmanager", url()}, {"skew_seconds", core::to_seconds(shift_)}});
  }
  return shift_;
}

Sender::Outcome Sender::deliver(std::span<const Alert> alerts, unsigned& splits,
                                const std::stop_token& stop) {
  net::HttpRequest request;
  request.method = "POST";
  request.path = "/api/v2/alerts";
  request.headers = {{"Content-Type", "application/json"}};
  const bool knows_clock = client_->clock_skew().has_value();
  const Duration shift = clock_shift();
  request.body = alerts_body(shift.count() == 0 ? alerts : shifted(alerts, shift));
  request.accept_status = {400, 413, 422};
  const nanoseconds begin = clock_->monotonic();
  const auto answer = client_->perform(request, stop);
  const double seconds = std::chrono::duration<double>(clock_->monotonic() - begin).count();
  const bool is_sent = answer.ok() && answer->status < 300;
  {
    const core::MutexLock lock(mutex_);
    ++stats_.posts;
    const auto bucket = std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), seconds);
    ++stats_.latency_counts[static_cast<std::size_t>(bucket - kLatencyBounds.begin())];
    stats_.latency_sum += seconds;
    (is_sent ? stats_.sent : stats_.errors) += alerts.size();
    if (!is_sent) ++stats_.failed_posts;
  }
  if (is_sent) {
    // The first answer may tell of clocks that differ: what was sent may have looked resolved.
    const bool was_right = knows_clock || clock_shift() == shift;
    return was_right ? Outcome::Sent : deliver(alerts, splits, stop);
  }
  if (answer.ok()) return split(alerts, net::error_text(answer->body), splits, stop);
  if (stop.stop_requested()) return Outcome::Retry;
  const bool is_final = !answer.error().is_retryable();
  if (throttle_.admit("failed")) {
    log_->warn(
        is_final ? "alerts not taken" : "alerts not delivered, will be tried again",
        {{"alertmanager", url()}, {"alerts", alerts.size()}, {"error", answer.error().message}});
  }
  if (!is_final) return Outcome::Retry;
  drop(DropReason::Failed, alerts.size());
  return Outcome::Dropped;
}

/// The server took the good ones of a batch with a bad one, or none; it does not say which was bad.
Sender::Outcome Sender::split(std::span<const Alert> alerts, const std::string& words,
                              unsigned& splits, const std::stop_token& stop) {
  if (alerts.size() == 1) {
    drop(DropReason::Refused);
    if (refused_.size() >= kMostRefused) refused_.clear();
    refused_[alerts.front().labels] = clock_->monotonic() + kRefusedFor;
    if (throttle_.admit("refused " + alerts.front().labels.text())) {
      log_->warn(
          "alert refused",
          {{"alertmanager", url()}, {"alert", alerts.front().labels.text()}, {"error", words}});
    }
    return Outcome::Dropped;
  }
  if (splits >= kMostSplits) {
    drop(DropReason::Refused, alerts.size());
    return Outcome::Dropped;
  }
  const std::size_t half = alerts.size() / 2;
  for (const auto part : {alerts.first(half), alerts.subspan(half)}) {
    ++splits;
    if (deliver(part, splits, stop) == Outcome::Retry) return Outcome::Retry;
  }
  return Outcome::Dropped;
}

// The analysis does not follow condition_variable_any through its unlock.
void Sender::run(const std::stop_token& stop) AE_NO_THREAD_SAFETY_ANALYSIS {
  Duration delay = options_.first_retry;
  while (!stop.stop_requested()) {
    {
      const core::MutexLock lock(mutex_);
      if (!changed_.wait(mutex_, stop,
                         [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return !queue_.empty(); })) {
        return;
      }
    }
    std::vector<Alert> batch = take_batch();
    if (batch.empty()) continue;
    unsigned splits = 0;
    if (deliver(batch, splits, stop) != Outcome::Retry) {
      delay = options_.first_retry;
    } else {
      put_back(std::move(batch));
      (void)clock_->wait_for(delay, stop);
      delay = std::min(delay * 2, options_.last_retry);
    }
    const core::MutexLock lock(mutex_);
    is_busy_ = false;
    changed_.notify_all();
  }
}

bool Sender::drain(Duration deadline) AE_NO_THREAD_SAFETY_ANALYSIS {
  const core::MutexLock lock(mutex_);
  return changed_.wait_for(mutex_, deadline, [this]() AE_NO_THREAD_SAFETY_ANALYSIS {
    return queue_.empty() && !is_busy_;
  });
}

void Sender::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const core::MutexLock lock(mutex_);
  stats_.dropped[static_cast<std::size_t>(DropReason::Shutdown)] += queue_.size();
  queue_.clear();
  waiting_.clear();
}

SenderStats Sender::stats() const {
  const core::MutexLock lock(mutex_);
  SenderStats out = stats_;
  out.queue_length = queue_.size();
  out.clock_skew = client_->clock_skew();
  return out;
}

}  // namespace anomaly_exporter::alerting
