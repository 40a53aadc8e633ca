// The first byte gives the size of the pieces in which the rest arrives: the messages, the series
// and the outcome must not depend on it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "anomaly_exporter/sources/remote_frames.h"
#include "anomaly_exporter/sources/remote_read.h"

namespace {

using namespace anomaly_exporter;

struct Outcome {
  std::uint64_t series = 0;
  std::uint64_t samples = 0;
  std::string error;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

core::Status feed(std::string_view stream, std::size_t piece, const sources::RawSeriesSink& sink) {
  sources::ChunkedSeriesReader series(sink);
  sources::FrameReader frames([&](std::string_view message) { return series.message(message); });
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    if (core::Status status = frames.append(stream.substr(at, piece)); !status.ok()) return status;
  }
  if (core::Status status = frames.finish(); !status.ok()) return status;
  return series.finish();
}

Outcome read(std::string_view stream, std::size_t piece) {
  Outcome outcome;
  const core::Status status = feed(stream, piece, [&](const sources::RawSeries& series) {
    (void)sources::decode_label_bytes(series.label_bytes);
    ++outcome.series;
    outcome.samples += series.samples.size();
    return core::Status{};
  });
  if (!status.ok()) outcome.error = status.error().message;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read(stream, std::max<std::size_t>(stream.size(), 1));
  if (!(read(stream, std::size_t{data[0]} + 1) == whole)) std::abort();
  return 0;
}
