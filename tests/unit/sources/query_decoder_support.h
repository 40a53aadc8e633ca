#pragma once

#include <bit>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/sources/query_decoder.h"

namespace anomaly_exporter::sources {

/// A series as it came out of a decoder, in a form that compares.
using Decoded = std::vector<std::pair<std::string, std::vector<series::Sample>>>;

struct Matrix {
  core::Status status;
  Decoded series;
  QueryNotes notes;
};

inline Matrix decode(std::string_view body) {
  LabelCache cache;
  Matrix out;
  out.status = decode_matrix(
      body, cache,
      [&](const core::LabelsPtr& labels, std::span<const series::Sample> samples) {
        out.series.emplace_back(labels->text(),
                                std::vector<series::Sample>(samples.begin(), samples.end()));
        return core::Status();
      },
      out.notes);
  return out;
}

struct Vector {
  core::Status status;
  InstantAnswer answer;
};

inline Vector decode_one(std::string_view body) {
  LabelCache cache;
  Vector out;
  out.status = decode_vector(body, cache, out.answer);
  return out;
}

inline std::string answer(std::string_view type, std::string_view result) {
  return std::string(R"({"status":"success","data":{"resultType":")")
      .append(type)
      .append(R"(","result":)")
      .append(result)
      .append("}}");
}

inline std::string vector_of(std::string_view value) {
  return answer("vector",
                std::string(R"([{"metric":{"a":"b"},"value":)").append(value).append("}]"));
}

inline std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

inline std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

/// A number of one of the kinds that servers send.
inline std::string random_value(core::Rng& rng) {
  switch (rng.below(8)) {
    case 0:
      return std::to_string(rng.below(1'000'000'000));
    case 1:
      return core::number_text(rng.uniform());
    case 2:
      return core::number_text(static_cast<double>(rng.below(100'000)) / 10);
    case 3:
      return core::number_text(std::ldexp(rng.normal(), static_cast<int>(rng.below(600)) - 300));
    case 4:
      return rng.below(2) == 0 ? "NaN" : "+Inf";
    case 5:
      return joined({"-", std::to_string(rng.next() / 10)});
    case 6:
      return joined({std::to_string(rng.next()), ".", std::to_string(rng.next())});
    default:
      return core::number_text(std::bit_cast<double>(rng.next() & ~(1ULL << 62U)));
  }
}

}  // namespace anomaly_exporter::sources
