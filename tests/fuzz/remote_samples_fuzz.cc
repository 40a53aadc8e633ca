// ReadResponse, once as it comes and once as a snappy block: every series handed on is in strict
// time order.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "anomaly_exporter/sources/remote_read.h"

namespace {

using namespace anomaly_exporter;

core::Status check(const sources::RawSeries& series) {
  (void)sources::decode_label_bytes(series.label_bytes);
  const auto disordered = [](const series::Sample& a, const series::Sample& b) {
    return a.time >= b.time;
  };
  if (std::adjacent_find(series.samples.begin(), series.samples.end(), disordered) !=
      series.samples.end()) {
    std::abort();
  }
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kMaxBytes = 1 << 20;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)sources::decode_read_response(bytes, check);
  const auto content = sources::snappy_uncompress(bytes, kMaxBytes);
  if (content.ok()) {
    if (content->size() > kMaxBytes) std::abort();
    (void)sources::decode_read_response(*content, check);
  }
  return 0;
}
