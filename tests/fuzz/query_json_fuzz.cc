#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "anomaly_exporter/sources/query_decoder.h"

/// Feeds a body to every decoder of the query API. Beyond "no crash": a range answer that is taken
/// has non-empty series with labels.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anomaly_exporter;
  constexpr std::size_t kMaxSize = 64 << 10;
  if (size > kMaxSize) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  sources::LabelCache cache(1000);
  sources::InstantAnswer answer;
  (void)sources::decode_vector(body, cache, answer);
  sources::QueryNotes notes;
  std::uint64_t seen = 0;
  const auto status = sources::decode_matrix(
      body, cache,
      [&](const core::LabelsPtr& labels, std::span<const series::Sample> samples) {
        if (!labels || samples.empty()) std::abort();
        seen += samples.size();
        return core::Status();
      },
      notes);
  if (seen != notes.samples || (!status && status.error().message.empty())) std::abort();
  (void)sources::decode_strings(body);
  (void)sources::error_text(body);
  return 0;
}
