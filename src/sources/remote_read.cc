#include "anomaly_exporter/sources/remote_read.h"

#include <snappy.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "anomaly_exporter/sources/xor_chunk.h"
#include "proto_wire.h"

// Field numbers below are those of prometheus/prometheus prompb/remote.proto and types.proto.

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;
using core::Status;
using series::Sample;

constexpr std::uint64_t kXorEncoding = 1;  // Chunk.Encoding

Status problem_of(const wire::Reader& reader, const char* message) {
  if (reader.problem() == nullptr) return {};
  return Error{ErrorCode::Corrupt, std::string(message) + ": offset " +
                                       std::to_string(reader.offset()) + ": " + reader.problem()};
}

Error too_many_samples() {
  return {ErrorCode::Exhausted,
          "series of more than " + std::to_string(kMaxSeriesSamples) + " samples in one answer"};
}

/// Sample {double value = 1; int64 timestamp = 2}
Status decode_sample(std::string_view bytes, Sample& sample) {
  wire::Reader reader(bytes);
  wire::Field field;
  while (reader.next(field)) {
    if (field.is_double(1)) sample.value = std::bit_cast<double>(field.scalar);
    if (field.is_varint(2)) sample.time.ms = static_cast<std::int64_t>(field.scalar);
  }
  return problem_of(reader, "Sample");
}

/// Puts samples in strict time order. Nearly always they are already.
void sort_by_time(std::vector<Sample>& samples) {
  const auto not_after = [](const Sample& a, const Sample& b) { return b.time <= a.time; };
  if (std::adjacent_find(samples.begin(), samples.end(), not_after) == samples.end()) return;
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.time < b.time; });
  samples.erase(std::unique(samples.begin(), samples.end(),
                            [](const Sample& a, const Sample& b) { return a.time == b.time; }),
                samples.end());
}

/// Decodes the series of a ReadResponse, with buffers that are used again for each.
class SampleDecoder {
 public:
  explicit SampleDecoder(const RawSeriesSink& sink) : sink_(&sink) {}

  /// TimeSeries {repeated Label labels = 1; repeated Sample samples = 2; ... histograms = 4}
  Status series(std::string_view bytes) {
    label_bytes_.clear();
    samples_.clear();
    std::uint64_t histograms = 0;
    wire::Reader reader(bytes);
    wire::Field field;
    while (reader.next(field)) {
      if (field.is_bytes(1)) label_bytes_.append(field.raw);
      if (field.is_bytes(4)) ++histograms;
      if (!field.is_bytes(2)) continue;
      if (samples_.size() == kMaxSeriesSamples) return too_many_samples();
      if (Status status = decode_sample(field.bytes, samples_.emplace_back()); !status.ok()) {
        return status;
      }
    }
    if (Status status = problem_of(reader, "TimeSeries"); !status.ok()) return status;
    sort_by_time(samples_);
    return (*sink_)({label_bytes_, samples_, histograms});
  }

  /// QueryResult {repeated TimeSeries timeseries = 1}
  Status result(std::string_view bytes) {
    wire::Reader reader(bytes);
    wire::Field field;
    while (reader.next(field)) {
      if (!field.is_bytes(1)) continue;
      if (Status status = series(field.bytes); !status.ok()) return status;
    }
    return problem_of(reader, "QueryResult");
  }

 private:
  const RawSeriesSink* sink_;
  std::string label_bytes_;
  std::vector<Sample> samples_;
};

}  // namespace

std::string encode_read_request(const Matchers& matchers, core::Timestamp from, core::Timestamp to,
                                RemoteAnswer answer) {
  // Query {int64 start_timestamp_ms = 1; end_timestamp_ms = 2; repeated LabelMatcher matchers = 3}
  std::string query;
  wire::append_varint_field(query, 1, static_cast<std::uint64_t>(from.ms));
  wire::append_varint_field(query, 2, static_cast<std::uint64_t>(to.ms));
  for (const Matcher& matcher : matchers) {
    // LabelMatcher {Type type = 1; string name = 2; string value = 3}
    std::string message;
    wire::append_varint_field(message, 1, static_cast<std::uint64_t>(matcher.type));
    wire::append_bytes_field(message, 2, matcher.name);
    wire::append_bytes_field(message, 3, matcher.value);
    wire::append_bytes_field(query, 3, message);
  }
  // ReadRequest {repeated Query queries = 1; repeated ResponseType accepted_response_types = 2}
  std::string request;
  wire::append_bytes_field(request, 1, query);
  const char type = static_cast<char>(answer);
  wire::append_bytes_field(request, 2, {&type, 1});  // packed
  return request;
}

std::string snappy_compress(std::string_view bytes) {
  std::string block;
  snappy::Compress(bytes.data(), bytes.size(), &block);
  return block;
}

Result<std::string> snappy_uncompress(std::string_view block, std::uint64_t max_bytes) {
  // An element of a block makes at most 64 bytes of its 2 to 3 (format_description.txt, 2.2).
  constexpr std::uint64_t kMaxExpansion = 64;
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) {
    return Error{ErrorCode::Corrupt, "snappy: bad length field"};
  }
  if (size > max_bytes) {
    return Error{ErrorCode::Exhausted, "snappy: length of " + std::to_string(size) +
                                           " bytes over the limit of " + std::to_string(max_bytes)};
  }
  if (size / kMaxExpansion > block.size()) {
    return Error{ErrorCode::Corrupt, "snappy: " + std::to_string(block.size()) +
                                         " bytes cannot hold " + std::to_string(size)};
  }
  std::string content(size, '\0');
  if (!snappy::RawUncompress(block.data(), block.size(), content.data())) {
    return Error{ErrorCode::Corrupt, "snappy: bad block"};
  }
  return content;
}

Result<core::Labels> decode_label_bytes(std::string_view label_bytes) {
  std::vector<core::Label> labels;
  wire::Reader outer(label_bytes);
  wire::Field field;
  while (outer.next(field)) {
    if (!field.is_bytes(1)) continue;
    // Label {string name = 1; string value = 2}
    core::Label& label = labels.emplace_back();
    wire::Reader reader(field.bytes);
    wire::Field part;
    while (reader.next(part)) {
      if (part.is_bytes(1)) label.name = part.bytes;
      if (part.is_bytes(2)) label.value = part.bytes;
    }
    if (Status status = problem_of(reader, "Label"); !status.ok()) return status.error();
  }
  if (Status status = problem_of(outer, "Labels"); !status.ok()) return status.error();
  return core::Labels::create(std::move(labels));
}

Status decode_read_response(std::string_view message, const RawSeriesSink& sink) {
  // ReadResponse {repeated QueryResult results = 1}
  SampleDecoder decoder(sink);
  wire::Reader reader(message);
  wire::Field field;
  while (reader.next(field)) {
    if (!field.is_bytes(1)) continue;
    if (Status status = decoder.result(field.bytes); !status.ok()) return status;
  }
  return problem_of(reader, "ReadResponse");
}

Status ChunkedSeriesReader::message(std::string_view bytes) {
  // ChunkedReadResponse {repeated ChunkedSeries chunked_series = 1; int64 query_index = 2}
  wire::Reader reader(bytes);
  wire::Field field;
  while (reader.next(field)) {
    if (!field.is_bytes(1)) continue;
    if (Status status = series(field.bytes); !status.ok()) return status;
  }
  return problem_of(reader, "ChunkedReadResponse");
}

Status ChunkedSeriesReader::series(std::string_view bytes) {
  // ChunkedSeries {repeated Label labels = 1; repeated Chunk chunks = 2}. The labels are read
  // first, wherever they stand, because they decide to which series the chunks belong.
  next_label_bytes_.clear();
  wire::Field field;
  wire::Reader labels(bytes);
  while (labels.next(field)) {
    if (field.is_bytes(1)) next_label_bytes_.append(field.raw);
  }
  if (Status status = problem_of(labels, "ChunkedSeries"); !status.ok()) return status;
  if (!open_ || next_label_bytes_ != label_bytes_) {
    if (Status status = finish(); !status.ok()) return status;
    label_bytes_.swap(next_label_bytes_);
    open_ = true;
  }
  wire::Reader chunks(bytes);
  while (chunks.next(field)) {
    if (!field.is_bytes(2)) continue;
    if (Status status = chunk(field.bytes); !status.ok()) return status;
  }
  return {};
}

Status ChunkedSeriesReader::chunk(std::string_view bytes) {
  // Chunk {int64 min_time_ms = 1; int64 max_time_ms = 2; Encoding type = 3; bytes data = 4}
  std::uint64_t encoding = 0;
  std::string_view data;
  wire::Reader reader(bytes);
  wire::Field field;
  while (reader.next(field)) {
    if (field.is_varint(3)) encoding = field.scalar;
    if (field.is_bytes(4)) data = field.bytes;
  }
  if (Status status = problem_of(reader, "Chunk"); !status.ok()) return status;
  if (encoding != kXorEncoding) {
    ++not_a_number_;
    return {};
  }
  if (Status status = decode_xor_chunk(data, samples_); !status.ok()) return status;
  if (samples_.size() > kMaxSeriesSamples) return too_many_samples();
  return {};
}

Status ChunkedSeriesReader::finish() {
  if (!open_) return {};
  open_ = false;
  sort_by_time(samples_);
  Status status = sink_({label_bytes_, samples_, not_a_number_});
  samples_.clear();
  not_a_number_ = 0;
  return status;
}

}  // namespace anomaly_exporter::sources
