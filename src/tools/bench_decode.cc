#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/sources/query_decoder.h"
#include "anomaly_exporter/sources/xor_chunk.h"
#include "bench_data.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {

core::Result<double> measure_xor_chunk_decode(const BenchContext& context) {
  constexpr std::size_t kChunks = 10'000;
  constexpr std::size_t kSamples = 120;  // as Prometheus cuts them
  core::Rng rng(context.seed);
  std::vector<std::string> chunks;
  for (std::size_t i = 0; i < kChunks; ++i) {
    chunks.push_back(encode_xor_chunk(random_series(rng, i, kSamples)));
  }
  std::vector<series::Sample> out;
  out.reserve(kSamples);
  const double begin = thread_cpu_ns();
  for (const auto& chunk : chunks) {
    out.clear();
    if (auto status = sources::decode_xor_chunk(chunk, out); !status.ok()) return status.error();
  }
  return (thread_cpu_ns() - begin) / static_cast<double>(kChunks * kSamples);
}

core::Result<double> measure_query_json_decode(const BenchContext& context) {
  constexpr std::size_t kSeries = 1'000;
  constexpr std::size_t kSamples = 1'000;
  const std::string body = matrix_json(context.seed, kSeries, kSamples);
  sources::LabelCache cache;
  sources::QueryNotes notes;
  std::size_t samples = 0;
  const double begin = thread_cpu_ns();
  const auto status = sources::decode_matrix(
      body, cache,
      [&](const core::LabelsPtr&, std::span<const series::Sample> values) -> core::Status {
        samples += values.size();
        return {};
      },
      notes);
  const double spent = thread_cpu_ns() - begin;
  if (!status.ok()) return status.error();
  if (samples != kSeries * kSamples) {
    return core::Error{core::ErrorCode::Internal,
                       "decoded " + std::to_string(samples) + " samples"};
  }
  return spent / static_cast<double>(samples);
}

std::string matrix_json(std::uint64_t seed, std::size_t series, std::size_t samples) {
  core::Rng rng(seed);
  std::string body = R"({"status":"success","data":{"resultType":"matrix","result":[)";
  for (std::size_t i = 0; i < series; ++i) {
    body += i == 0 ? "{\"metric\":{" : ",{\"metric\":{";
    const auto labels = node_labels(i, 0);
    for (const auto& label : labels->items()) {
      if (body.back() == '"') body += ',';
      body += '"' + label.name + "\":\"" + label.value + '"';
    }
    body += "},\"values\":[";
    for (const auto& sample : random_series(rng, i, samples)) {
      char time[32];
      std::snprintf(time, sizeof time, "%s[%" PRId64 ".%03d,\"", body.back() == ']' ? "," : "",
                    sample.time.ms / 1000, static_cast<int>(sample.time.ms % 1000));
      body += time;
      body += core::number_text(sample.value);
      body += "\"]";
    }
    body += "]}";
  }
  return body + "]}}";
}

}  // namespace anomaly_exporter::tools
