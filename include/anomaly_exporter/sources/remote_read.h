#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/sample.h"
#include "anomaly_exporter/sources/selector_parser.h"

namespace anomaly_exporter::sources {

/// The two forms in which a server answers. Numbers are those of ReadRequest.ResponseType.
enum class RemoteAnswer : std::uint8_t {
  Samples = 0,            ///< one snappy block with plain samples; cheapest for short ranges
  StreamedXorChunks = 1,  ///< frames of compressed chunks as they lie in storage
};

/// ReadRequest (protobuf) for one selector and the samples in [from, to], both ends included.
std::string encode_read_request(const Matchers& matchers, core::Timestamp from, core::Timestamp to,
                                RemoteAnswer answer);

/// Raw snappy block, as remote-read wants its request. Cost: one pass.
std::string snappy_compress(std::string_view bytes);

/// Content of a raw snappy block. The length that the block states is checked against `max_bytes`,
/// and against what so many compressed bytes can hold at most, before memory is taken.
/// Errors: Exhausted: over `max_bytes`; Corrupt.
core::Result<std::string> snappy_uncompress(std::string_view block, std::uint64_t max_bytes);

/// One series as decoded from an answer. Valid during the call that hands it over.
struct RawSeries {
  std::string_view label_bytes;  ///< its labels as they came; equal bytes are the same series
  std::vector<series::Sample>& samples;  ///< strictly ascending; the receiver may change it
  std::uint64_t not_a_number = 0;        ///< native histogram samples or chunks, skipped
};

using RawSeriesSink = std::function<core::Status(const RawSeries&)>;

/// Labels of `RawSeries::label_bytes`. Errors: Corrupt: no valid protobuf; InvalidArgument: as
/// Labels::create (a name twice, a NUL byte, bad UTF-8).
core::Result<core::Labels> decode_label_bytes(std::string_view label_bytes);

/// Most samples taken for one series of one answer: 64 MiB of memory. A day at one sample per 20
/// ms.
inline constexpr std::size_t kMaxSeriesSamples = std::size_t{1} << 22;

/// Decodes a ReadResponse (after snappy) and hands on each series. Unknown fields are skipped.
/// Errors: Corrupt with the byte offset; Exhausted: a series over kMaxSeriesSamples; the sink's.
/// Memory: one series. Cost: one pass.
/// Note: Prometheus leaves a zero value out of a sample, and with it the sign of -0.0, which this
/// form of answer therefore cannot carry; chunks and the query API can.
core::Status decode_read_response(std::string_view message, const RawSeriesSink& sink);

/// Decodes a sequence of ChunkedReadResponse messages. A series that goes on in the next message is
/// joined with its beginning before it is handed on; overlapping chunks are merged by time, the
/// sample that came first kept.
///
/// Errors: as decode_read_response, and those of decode_xor_chunk. Threads: one at a time.
/// Memory: one series.
class ChunkedSeriesReader {
 public:
  explicit ChunkedSeriesReader(RawSeriesSink sink) : sink_(std::move(sink)) {}

  core::Status message(std::string_view bytes);
  /// Hands on the last series.
  core::Status finish();

 private:
  core::Status series(std::string_view bytes);
  core::Status chunk(std::string_view bytes);

  RawSeriesSink sink_;
  bool open_ = false;        // a series is being collected
  std::string label_bytes_;  // of that series
  std::string next_label_bytes_;
  std::vector<series::Sample> samples_;
  std::uint64_t not_a_number_ = 0;
};

}  // namespace anomaly_exporter::sources
