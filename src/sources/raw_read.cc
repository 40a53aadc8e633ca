#include "raw_read.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "anomaly_exporter/sources/query_decoder.h"
#include "anomaly_exporter/sources/remote_frames.h"
#include "api_request.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::LabelsPtr;
using core::Result;
using core::Status;

/// Keys of the label cache that are not bytes of a server start with NUL, as no JSON object does.
constexpr char kOwnKey = '\0';

/// Type of an answer in chunks; servers that know none (Cortex) answer with samples all the same.
constexpr std::string_view kChunkedType = "application/x-streamed-protobuf";

const std::vector<std::string>& name_label() {
  static const std::vector<std::string> kName = {"__name__"};
  return kName;
}

/// Removes the labels that the server added to a series.
core::Labels strip(const core::Labels& labels, const core::Labels& external, bool keeps_name) {
  std::vector<std::string> added;
  for (const core::Label& label : external.items()) {
    if (labels.value(label.name) == label.value) added.push_back(label.name);
  }
  if (!keeps_name) added.push_back(name_label().front());
  return added.empty() ? labels : labels.drop(added);
}

/// Finds or makes the label sets of series that came by remote-read.
class RemoteLabels {
 public:
  RemoteLabels(LabelCache& cache, const core::Labels& external, bool keeps_name)
      : cache_(&cache), external_(&external), keeps_name_(keeps_name) {
    const auto hash = std::bit_cast<std::array<char, 8>>(external.hash());
    prefix_ = {kOwnKey, keeps_name ? 'r' : 'f'};
    prefix_.append(hash.data(), hash.size());
  }

  /// Errors: those of decode_label_bytes.
  Result<LabelsPtr> find(std::string_view label_bytes) {
    key_ = prefix_;
    key_ += label_bytes;
    if (LabelsPtr known = cache_->find(key_)) return known;
    const auto labels = decode_label_bytes(label_bytes);
    if (!labels.ok()) return labels.error();
    return cache_->insert(key_, strip(*labels, *external_, keeps_name_));
  }

 private:
  LabelCache* cache_;
  const core::Labels* external_;
  bool keeps_name_;
  std::string prefix_;
  std::string key_;
};

net::HttpRequest read_request(const RawRead& read, RemoteAnswer answer) {
  net::HttpRequest request;
  request.method = "POST";
  request.path = "/api/v1/read";
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"X-Prometheus-Remote-Read-Version", "0.1.0"}};
  request.body = snappy_compress(encode_read_request(*read.matchers, read.from, read.to, answer));
  return request;
}

}  // namespace

Status read_remote(net::HttpClient& http, LabelCache& cache, const RawRead& read,
                   RemoteAnswer answer, const core::Labels& external, std::uint64_t max_bytes,
                   const RawSink& sink, RawNotes& notes, std::stop_token stop) {
  RemoteLabels labels(cache, external, read.keeps_name);
  const RawSeriesSink on_series = [&](const RawSeries& series) -> Status {
    notes.not_a_number += series.not_a_number;
    notes.samples += series.samples.size();
    auto found = labels.find(series.label_bytes);
    if (found.ok()) return series.samples.empty() ? Status{} : sink(*found, series.samples);
    if (found.error().code != ErrorCode::InvalidArgument) return found.error();
    ++notes.invalid_labels;
    return {};
  };

  const net::HttpRequest request = read_request(read, answer);
  if (answer == RemoteAnswer::Samples) {
    auto response = http.perform(request, std::move(stop));
    if (!response.ok()) return response.error();
    notes.received_bytes += response->body.size();
    const auto message = snappy_uncompress(response->body, max_bytes);
    if (!message.ok()) return message.error();
    return decode_read_response(*message, on_series);
  }
  ChunkedSeriesReader series(on_series);
  FrameReader frames([&](std::string_view message) { return series.message(message); });
  Status broken;  // before the first frame: the answer is then received to its end, for its type
  auto response = http.perform(request, std::move(stop), [&](std::string_view piece) -> Status {
    notes.received_bytes += piece.size();
    if (!broken.ok()) return {};
    Status status = frames.append(piece);
    const bool is_nonsense =
        !status.ok() && frames.frames() == 0 &&
        (status.error().code == ErrorCode::Corrupt || status.error().code == ErrorCode::Exhausted);
    if (!is_nonsense) return status;
    broken = std::move(status);
    return {};
  });
  if (!response.ok()) return response.error();
  if (broken.ok()) broken = frames.finish();
  if (broken.ok()) return series.finish();
  if (frames.frames() == 0 && !response->content_type.starts_with(kChunkedType)) {
    return Error{ErrorCode::Unsupported, "remote-read: asked for a stream of chunks, got \"" +
                                             response->content_type + "\""};
  }
  return broken;
}

Status read_by_query(net::HttpClient& http, LabelCache& cache, const RawRead& read,
                     const RawSink& sink, RawNotes& notes, std::stop_token stop) {
  const std::int64_t width_ms = (read.to - read.from).count() + 1;
  const auto response = http.perform(
      make_api_request("/api/v1/query", {{"query", selector_text(*read.matchers) + "[" +
                                                       std::to_string(width_ms) + "ms]"},
                                         {"time", format_seconds(read.to)}}),
      std::move(stop));
  if (!response.ok()) return response.error();
  notes.received_bytes += response->body.size();

  QueryNotes query_notes;
  std::vector<series::Sample> samples;
  Status status = decode_matrix(
      response->body, cache,
      [&](const LabelsPtr& labels, std::span<const series::Sample> all) -> Status {
        const auto first = std::find_if(all.begin(), all.end(), [&](const series::Sample& sample) {
          return sample.time >= read.from;
        });
        if (first == all.end()) return {};
        samples.assign(first, all.end());
        return sink(read.keeps_name ? labels : without_name(labels, cache), samples);
      },
      query_notes);
  std::move(query_notes.warnings.begin(), query_notes.warnings.end(),
            std::back_inserter(notes.warnings));
  notes.samples += query_notes.samples;
  notes.not_a_number += query_notes.not_a_number;
  notes.invalid_labels += query_notes.invalid_labels;
  return status;
}

LabelsPtr without_name(const LabelsPtr& labels, LabelCache& cache) {
  if (!labels->value(name_label().front())) return labels;
  const std::string key = std::string{kOwnKey, 'n'} + labels->text();
  if (LabelsPtr known = cache.find(key)) return known;
  return cache.insert(key, labels->drop(name_label()));
}

}  // namespace anomaly_exporter::sources
