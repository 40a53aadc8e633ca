#include "anomaly_exporter/sources/prometheus_source.h"

#include <atomic>
#include <map>
#include <memory>
#include <utility>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/sources/label_cache.h"
#include "anomaly_exporter/sources/query_decoder.h"
#include "anomaly_exporter/sources/selector_reader.h"
#include "api_request.h"
#include "query_range.h"
#include "request_slots.h"
#include "scrape_interval.h"
#include "shared_queries.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;
using core::Status;

Error invalid(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

Error wrong_kind() {
  return {ErrorCode::Unsupported, "a column is a request to a csv source, not to prometheus"};
}

/// Equal requests are equal questions; the metric's name is not part of it.
std::string question_of(const MetricRequest& request) {
  if (request.kind == MetricRequest::Kind::Query) return "query\n" + expanded_text(request);
  return "selector\n" + std::to_string(static_cast<int>(request.as)) + "\n" +
         std::to_string(request.rate_window.count()) + "\n" + expanded_text(request);
}

class PrometheusSource final : public MetricSource {
 public:
  PrometheusSource(PrometheusSourceOptions options, std::unique_ptr<net::HttpClient> http,
                   const core::Clock& clock)
      : options_(std::move(options)),
        http_(std::move(http)),
        reader_(options_, *http_, cache_, clock),
        slots_(options_.concurrency),
        queries_(options_.concurrency) {}

  std::vector<Result<InstantAnswer>> latest(std::span<const MetricRequest> requests,
                                            core::Timestamp time, std::stop_token stop) override {
    begin_tick(time);
    std::vector<SharedQueries::Ticket> tickets;
    tickets.reserve(requests.size());
    for (const MetricRequest& request : requests) {
      tickets.push_back(
          queries_.ask(question_of(request), time, [this, request, time](std::stop_token run_stop) {
            return ask(request, time, run_stop);
          }));
    }
    std::vector<Result<InstantAnswer>> answers;
    answers.reserve(requests.size());
    for (const SharedQueries::Ticket& ticket : tickets) {
      answers.push_back(queries_.wait(ticket, stop));
      if (!answers.back()) count_failure(answers.back().error());
    }
    return answers;
  }

  Status backfill(const MetricRequest& request, core::Timestamp from, core::Timestamp to,
                  core::Duration step, const RangeSink& sink, std::stop_token stop) override {
    Status status = backfill_kind(request, from, to, step, sink, stop);
    if (!status) count_failure(status.error());
    return status;
  }

  Result<std::optional<core::Duration>> scrape_interval(const std::string& selector,
                                                        core::Timestamp time,
                                                        std::stop_token stop) override {
    const auto job = job_of_selector(selector);
    if (job) {
      auto of_job = interval_of_active(job, stop);
      if (!of_job || *of_job) return of_job;
    }
    InstantAnswer answer;
    if (auto status = query(counting_query(selector), time, stop, answer); !status) {
      return status.error();
    }
    std::optional<core::Duration> counted;
    if (!answer.samples.empty()) counted = interval_of_count(answer.samples.front().sample.value);
    if (counted || job) return counted;
    return interval_of_active(job, stop);  // the history is too short to be counted
  }

  Result<std::vector<std::string>> job_names(std::stop_token stop) override {
    const auto body = fetch("/api/v1/label/job/values", {}, stop);
    if (!body) return body.error();
    return decode_strings(*body);
  }

  [[nodiscard]] SourceStats stats() const override {
    SourceStats out;
    const net::HttpClientStats& http = http_->stats();
    out.requests = http.requests;
    out.retries = http.retries;
    out.received_bytes = http.received_bytes;
    out.samples = totals_.samples + reader_.samples();
    out.warnings = totals_.warnings;
    out.fallbacks = reader_.fallbacks();
    out.clock_skew = http_->clock_skew();
    const core::MutexLock lock(mutex_);
    out.failures_by_reason = failures_;
    for (const auto& [reason, count] : failures_) out.failures += count;
    return out;
  }

 private:
  using Form = std::vector<std::pair<std::string, std::string>>;

  Result<std::string> fetch(const std::string& path, const Form& form,
                            const std::stop_token& stop) {
    const RequestSlots::Hold slot(slots_, RequestSlots::Use::Tick, stop);
    if (!slot) return Error{ErrorCode::Unavailable, "stopped"};
    auto response = http_->perform(make_api_request(path, form), stop);
    if (!response) return response.error();
    return std::move(response->body);
  }

  /// A server without target metadata (Thanos, Mimir) is as good as one without the job.
  Result<std::optional<core::Duration>> interval_of_active(const std::optional<std::string>& job,
                                                           const std::stop_token& stop) {
    const auto targets = fetch("/api/v1/targets", {{"state", "active"}}, stop);
    if (!targets && targets.error().is_retryable()) return targets.error();
    if (!targets) return std::optional<core::Duration>();
    auto interval = interval_of_targets(*targets, job);
    return interval ? *interval : std::optional<core::Duration>();
  }

  Status query(const std::string& text, core::Timestamp time, const std::stop_token& stop,
               InstantAnswer& out) {
    const auto body =
        fetch("/api/v1/query", {{"query", text}, {"time", format_seconds(time)}}, stop);
    if (!body) return body.error();
    return decode_vector(*body, cache_, out);
  }

  /// One request of a tick, on a thread of `queries_`.
  Result<InstantAnswer> ask(const MetricRequest& request, core::Timestamp time,
                            const std::stop_token& stop) {
    if (request.kind == MetricRequest::Kind::Column) return wrong_kind();
    if (request.kind == MetricRequest::Kind::Selector) {
      const RequestSlots::Hold slot(slots_, RequestSlots::Use::Tick, stop);
      if (!slot) return Error{ErrorCode::Unavailable, "stopped"};
      auto answer = reader_.latest(request, time, stop);
      if (answer) totals_.warnings += answer->warnings.size();
      return answer;
    }
    InstantAnswer answer;
    if (auto status = query(expanded_text(request), time, stop, answer); !status) {
      return status.error();
    }
    totals_.samples += answer.samples.size();
    totals_.warnings += answer.warnings.size();
    return answer;
  }

  Status backfill_kind(const MetricRequest& request, core::Timestamp from, core::Timestamp to,
                       core::Duration step, const RangeSink& sink, const std::stop_token& stop) {
    if (request.kind == MetricRequest::Kind::Column) return wrong_kind();
    if (request.kind == MetricRequest::Kind::Selector) {
      const RequestSlots::Hold slot(slots_, RequestSlots::Use::Backfill, stop);
      if (!slot) return Error{ErrorCode::Unavailable, "stopped"};
      return reader_.backfill(request, from, to, step, sink, stop);
    }
    const RangeQuestion question{expanded_text(request), from, to, step};
    const RangeLimits limits{options_.max_points, options_.max_samples,
                             options_.http.response_bytes};
    return read_range(question, limits, *http_, slots_, cache_, totals_, sink, stop);
  }

  /// The first call for a time ages the label cache.
  void begin_tick(core::Timestamp time) {
    const core::MutexLock lock(mutex_);
    if (time == last_tick_) return;
    last_tick_ = time;
    cache_.age();
  }

  void count_failure(const Error& error) {
    const core::MutexLock lock(mutex_);
    ++failures_[std::string(core::to_string(error.code))];
  }

  const PrometheusSourceOptions options_;
  std::unique_ptr<net::HttpClient> http_;
  LabelCache cache_;
  SelectorReader reader_;  // borrows the three above
  RequestSlots slots_;
  QueryTotals totals_;
  mutable core::Mutex mutex_;
  core::Timestamp last_tick_ AE_GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> failures_ AE_GUARDED_BY(mutex_);
  SharedQueries queries_;  // last: its threads use all of the above
};

}  // namespace

Status PrometheusSourceOptions::validate() const {
  if (concurrency < 1 || concurrency > 64) {
    return invalid("concurrency: " + std::to_string(concurrency) + " is not in 1 to 64");
  }
  if (max_points == 0) return invalid("max_points: must be at least 1");
  if (max_samples == 0) return invalid("max_samples: must be at least 1");
  if (lookback.count() <= 0) return invalid("lookback: must be longer than 0s");
  if (retry.attempts < 1 || retry.attempts > 100) {
    return invalid("retry.attempts: " + std::to_string(retry.attempts) + " is not in 1 to 100");
  }
  const auto client = net::HttpClient::create(url, http, retry, core::system_clock());
  if (!client) return client.error();
  return {};
}

Result<std::unique_ptr<MetricSource>> make_prometheus_source(PrometheusSourceOptions options,
                                                             const core::Clock& clock) {
  if (auto status = options.validate(); !status) return status.error();
  auto http = net::HttpClient::create(options.url, options.http, options.retry, clock);
  if (!http) return http.error();
  return std::unique_ptr<MetricSource>(
      std::make_unique<PrometheusSource>(std::move(options), std::move(*http), clock));
}

}  // namespace anomaly_exporter::sources
