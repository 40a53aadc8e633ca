#include "anomaly_exporter/alerting/silence_poller.h"

#include <utility>

namespace anomaly_exporter::alerting {
namespace {
constexpr std::uint64_t kAnswerBytes = 16ULL << 20;
constexpr core::Duration kLogPeriod = std::chrono::minutes(1);
}  // namespace

SilencePoller::SilencePoller(const AlertingOptions& options, SilenceBook& book, core::Logger& log,
                             const core::Clock& clock,
                             std::map<std::string, SilencePollStats> stats)
    : period_(options.silences.poll),
      book_(&book),
      log_(&log),
      clock_(&clock),
      throttle_(kLogPeriod, clock) {
  for (const AlertmanagerOptions& alertmanager : options.alertmanagers) {
    net::HttpClientOptions http = alertmanager.http;
    http.timeout = options.timeout;
    http.response_bytes = kAnswerBytes;
    auto client = net::HttpClient::create(alertmanager.url, std::move(http),
                                          net::RetryOptions{.attempts = 1}, clock);
    if (!client) {
      log.error("silences not read", {{"error", client.error().message}});
      continue;
    }
    clients_.emplace_back(alertmanager.url, std::move(*client));
    stats_[alertmanager.url] = stats[alertmanager.url];
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void SilencePoller::run(const std::stop_token& stop) {
  do {
    for (auto& [url, client] : clients_) ask(url, *client, stop);
  } while (clock_->wait_for(period_, stop) && !stop.stop_requested());
}

void SilencePoller::ask(const std::string& url, net::HttpClient& client,
                        const std::stop_token& stop) {
  const auto answer = client.perform({.path = "/api/v2/silences"}, stop);
  if (stop.stop_requested()) return;
  auto list = answer ? parse_silences(answer->body) : core::Result<SilenceList>(answer.error());
  {
    const core::MutexLock lock(mutex_);
    SilencePollStats& stats = stats_[url];
    ++stats.polls;
    if (list) {
      stats.last_heard = clock_->now();
      stats.skipped = list->skipped;
    } else {
      ++stats.failures;
    }
  }
  if (!list) {
    if (throttle_.admit(url)) {
      log_->warn("silences not read; the last known stay",
                 {{"alertmanager", url}, {"error", list.error().message}});
    }
    return;
  }
  if (list->skipped > 0 && throttle_.admit("skipped " + url)) {
    log_->warn(
        "silences skipped",
        {{"alertmanager", url}, {"silences", list->skipped}, {"first", list->first_problem}});
  }
  book_->replace(url, std::move(list->silences));
}

std::map<std::string, SilencePollStats> SilencePoller::stats() const {
  const core::MutexLock lock(mutex_);
  return stats_;
}

}  // namespace anomaly_exporter::alerting
