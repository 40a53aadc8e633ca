#include "anomaly_exporter/sources/selector_reader.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <utility>

#include "anomaly_exporter/sources/query_decoder.h"
#include "anomaly_exporter/sources/rate.h"
#include "anomaly_exporter/sources/time_slices.h"
#include "api_request.h"
#include "query_range.h"
#include "raw_read.h"
#include "remote_support.h"

namespace anomaly_exporter::sources {
namespace {

using core::Duration;
using core::Error;
using core::ErrorCode;
using core::Labels;
using core::LabelsPtr;
using core::Result;
using core::Status;
using core::Timestamp;
using series::Sample;

/// Up to this much of time, plain samples cost a server less than chunks, because it re-encodes the
/// chunks that a range cuts (a chunk holds 120 samples).
constexpr Duration kLongestForSamples = std::chrono::minutes(10);
/// An answer of a backfill is meant to be this part of the largest allowed.
constexpr std::uint64_t kPartOfLargest = 8;

/// A request, understood.
struct Selector {
  Matchers matchers;
  As as = As::Gauge;
  Duration width{0};  ///< of the range, or the look-back

  [[nodiscard]] RawRead read(Timestamp from, Timestamp to) const {
    return {&matchers, from - width, to, as == As::Gauge};
  }
};

Result<Selector> understand(const MetricRequest& request, Duration lookback) {
  auto matchers = parse_selector(request.text);
  if (!matchers.ok()) return matchers.error();
  const Duration width = request.as == As::Gauge ? lookback : request.rate_window;
  if (width <= Duration::zero()) {
    return Error{ErrorCode::InvalidArgument, "selector: the range must be longer than 0"};
  }
  return Selector{std::move(*matchers), request.as, width};
}

}  // namespace

struct SelectorReader::Impl {
  Impl(const PrometheusSourceOptions& o, net::HttpClient& h, LabelCache& c,
       const core::Clock& clock)
      : remote_read(o.remote_read),
        lookback(o.lookback),
        max_points(o.max_points),
        max_bytes(o.http.response_bytes),
        http(&h),
        cache(&c),
        support(h, clock) {}

  Status read(const Selector& selector, Timestamp from, Timestamp to, RemoteAnswer answer,
              const RawSink& sink, const std::function<Status()>& by_query, RawNotes& notes,
              std::stop_token stop);
  Status gauge_by_query(const Selector& selector, Timestamp time, InstantAnswer& answer,
                        RawNotes& notes, std::stop_token stop);
  Status gauge_range_by_query(const Selector& selector, Timestamp from, Timestamp to, Duration step,
                              const RangeSink& sink, RawNotes& notes, std::stop_token stop);
  Result<InstantAnswer> latest(const Selector& selector, Timestamp time, std::stop_token stop);
  Status slice(const Selector& selector, Timestamp from, Timestamp to, Duration step,
               const RangeSink& sink, RawNotes& notes, std::stop_token stop);

  const bool remote_read;
  const Duration lookback;
  const std::size_t max_points;
  const std::uint64_t max_bytes;
  net::HttpClient* const http;
  LabelCache* const cache;
  RemoteSupport support;
  std::atomic<std::uint64_t> fallbacks{0};
  std::atomic<std::uint64_t> samples{0};
};

/// Reads by remote-read where that is possible, and by `by_query` otherwise.
Status SelectorReader::Impl::read(const Selector& selector, Timestamp from, Timestamp to,
                                  RemoteAnswer answer, const RawSink& sink,
                                  const std::function<Status()>& by_query, RawNotes& notes,
                                  std::stop_token stop) {
  if (!remote_read) return by_query();
  if (support.refused()) {
    ++fallbacks;
    return by_query();
  }
  const RawRead raw = selector.read(from, to);
  const auto external = support.labels_to_strip(selector.matchers, raw.from, raw.to, stop);
  if (!external.ok()) return external.error();
  if (!external->has_value()) return by_query();

  const Status status =
      read_remote(*http, *cache, raw, answer, **external, max_bytes, sink, notes, std::move(stop));
  if (status.ok()) return status;
  const ErrorCode code = status.error().code;
  const bool refusal = code == ErrorCode::Unsupported ||
                       (notes.received_bytes == 0 && code == ErrorCode::InvalidArgument);
  if (!refusal) return status;
  // A request that the query API refuses too says nothing about remote-read.
  Status other = by_query();
  if (other.ok()) {
    support.refuse();
    ++fallbacks;
  }
  return other;
}

/// An instant query of the selector itself knows what is stale; the samples' own times come from
/// its range.
Status SelectorReader::Impl::gauge_by_query(const Selector& selector, Timestamp time,
                                            InstantAnswer& answer, RawNotes& notes,
                                            std::stop_token stop) {
  const auto response =
      http->perform(make_api_request("/api/v1/query", {{"query", selector_text(selector.matchers)},
                                                       {"time", format_seconds(time)}}),
                    stop);
  if (!response.ok()) return response.error();
  notes.received_bytes += response->body.size();
  if (Status status = decode_vector(response->body, *cache, answer); !status.ok()) return status;
  if (answer.samples.empty()) return {};

  std::unordered_map<const Labels*, Timestamp> newest;
  const RawSink remember = [&](const LabelsPtr& labels, std::vector<Sample>& raw) -> Status {
    newest[labels.get()] = raw.back().time;
    return {};
  };
  Status status =
      read_by_query(*http, *cache, selector.read(time, time), remember, notes, std::move(stop));
  for (series::LabelledSample& sample : answer.samples) {
    const auto found = newest.find(sample.labels.get());
    if (found != newest.end()) sample.sample.time = found->second;
  }
  return status;
}

Status SelectorReader::Impl::gauge_range_by_query(const Selector& selector, Timestamp from,
                                                  Timestamp to, Duration step,
                                                  const RangeSink& sink, RawNotes& notes,
                                                  std::stop_token stop) {
  net::HttpRequest request =
      make_api_request("/api/v1/query_range", {{"query", selector_text(selector.matchers)},
                                               {"start", format_seconds(from)},
                                               {"end", format_seconds(to)},
                                               {"step", format_seconds({step.count()})}});
  request.accept_status = {400, 413, 422};
  const auto response = http->perform(request, std::move(stop));
  if (!response.ok()) return response.error();
  if (response->status >= 400) {
    const bool is_too_much = is_refused_for_size(response->status, response->body);
    return Error{is_too_much ? ErrorCode::Exhausted : ErrorCode::InvalidArgument,
                 "query_range: HTTP " + std::to_string(response->status) + ": " +
                     error_text(response->body)};
  }
  notes.received_bytes += response->body.size();
  QueryNotes query_notes;
  Status status = decode_matrix(response->body, *cache, sink, query_notes);
  notes.samples += query_notes.samples;
  return status;
}

Result<InstantAnswer> SelectorReader::Impl::latest(const Selector& selector, Timestamp time,
                                                   std::stop_token stop) {
  InstantAnswer answer;
  RawNotes notes;
  std::vector<Sample> value;
  const RawSink sink = [&](const LabelsPtr& labels, std::vector<Sample>& raw) -> Status {
    value.clear();
    values_on_grid(raw, selector.as, selector.width, time, time, Duration(1), value);
    const auto newest = newest_sample_time(raw, time);
    if (!value.empty() && newest) {
      answer.samples.push_back({labels, {*newest, value.front().value}});
    }
    return {};
  };
  const auto by_query = [&] {
    if (selector.as == As::Gauge) return gauge_by_query(selector, time, answer, notes, stop);
    return read_by_query(*http, *cache, selector.read(time, time), sink, notes, stop);
  };
  const Status status =
      read(selector, time, time, RemoteAnswer::Samples, sink, by_query, notes, stop);
  samples += notes.samples;
  if (!status.ok()) return status.error();
  std::move(notes.warnings.begin(), notes.warnings.end(), std::back_inserter(answer.warnings));
  answer.not_a_number += notes.not_a_number;
  answer.invalid_labels += notes.invalid_labels;
  return answer;
}

/// One slice of a backfill.
Status SelectorReader::Impl::slice(const Selector& selector, Timestamp from, Timestamp to,
                                   Duration step, const RangeSink& sink, RawNotes& notes,
                                   std::stop_token stop) {
  std::vector<Sample> values;
  const RawSink evaluate = [&](const LabelsPtr& labels, std::vector<Sample>& raw) -> Status {
    values.clear();
    values_on_grid(raw, selector.as, selector.width, from, to, step, values);
    return values.empty() ? Status{} : sink(labels, values);
  };
  const auto by_query = [&] {
    if (selector.as == As::Gauge) {
      return gauge_range_by_query(selector, from, to, step, sink, notes, stop);
    }
    return read_by_query(*http, *cache, selector.read(from, to), evaluate, notes, stop);
  };
  const RemoteAnswer answer = to - from + selector.width <= kLongestForSamples
                                  ? RemoteAnswer::Samples
                                  : RemoteAnswer::StreamedXorChunks;
  return read(selector, from, to, answer, evaluate, by_query, notes, stop);
}

SelectorReader::SelectorReader(const PrometheusSourceOptions& options, net::HttpClient& http,
                               LabelCache& cache, const core::Clock& clock)
    : impl_(std::make_unique<Impl>(options, http, cache, clock)) {}

SelectorReader::~SelectorReader() = default;

Result<InstantAnswer> SelectorReader::latest(const MetricRequest& request, Timestamp time,
                                             std::stop_token stop) {
  const auto selector = understand(request, impl_->lookback);
  if (!selector.ok()) return selector.error();
  return impl_->latest(*selector, time, std::move(stop));
}

Status SelectorReader::backfill(const MetricRequest& request, Timestamp from, Timestamp to,
                                Duration step, const RangeSink& sink, std::stop_token stop) {
  const auto selector = understand(request, impl_->lookback);
  if (!selector.ok()) return selector.error();
  TimeSlices slices({.from = from,
                     .to = to,
                     .step = step,
                     .shortest = selector->width,
                     .target_bytes = impl_->max_bytes / kPartOfLargest,
                     .max_points = impl_->max_points});
  while (!slices.done()) {
    RawNotes notes;
    const Status status =
        impl_->slice(*selector, slices.first(), slices.last(), step, sink, notes, stop);
    impl_->samples += notes.samples;
    if (status.ok()) {
      slices.advance(notes.received_bytes);
      continue;
    }
    // Only while nothing of the slice has been delivered.
    const bool is_too_much = status.error().code == ErrorCode::Exhausted && notes.samples == 0;
    if (!is_too_much || !slices.shrink()) return status;
  }
  return {};
}

std::uint64_t SelectorReader::fallbacks() const { return impl_->fallbacks; }
std::uint64_t SelectorReader::samples() const { return impl_->samples; }

}  // namespace anomaly_exporter::sources
