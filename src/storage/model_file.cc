#include "model_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "anomaly_exporter/core/checksum.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/storage/state_file.h"

namespace anomaly_exporter::storage {

namespace {

using core::Error;
using core::ErrorCode;

/// Before the metadata's bytes: format version, checksum, length.
constexpr std::size_t kModelHeaderBytes = 12;
constexpr std::uint32_t kMostFigures = 1000;

std::string encode_metadata(const ModelMetadata& m) {
  core::StateWriter out;
  out.u32(m.version);
  out.i64(m.created.ms);
  out.i64(m.first.ms);
  out.i64(m.last.ms);
  out.u64(m.samples);
  out.u64(m.entities);
  out.text(m.parameters);
  const auto count = std::min<std::size_t>(m.figures.size(), kMostFigures);
  out.u32(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    out.text(m.figures[i].first);
    out.f64(m.figures[i].second);
  }
  out.u8(static_cast<std::uint8_t>(m.origin));
  out.u32(m.parent);
  out.text(m.verdict);
  out.u8(m.in_sample ? 1 : 0);
  return out.take();
}

core::Result<ModelMetadata> decode_metadata(std::string_view bytes) {
  core::StateReader in(bytes);
  ModelMetadata m;
  m.version = in.u32();
  m.created.ms = in.i64();
  m.first.ms = in.i64();
  m.last.ms = in.i64();
  m.samples = in.u64();
  m.entities = in.u64();
  m.parameters = in.text();
  const std::uint32_t figures = in.u32();
  if (figures > kMostFigures) in.fail("too many figures");
  for (std::uint32_t i = 0; i < figures && in.ok(); ++i) {
    std::string name(in.text());
    const double value = in.f64();
    if (std::isfinite(value)) m.figures.emplace_back(std::move(name), value);
  }
  const std::uint8_t origin = in.u8();
  if (origin > static_cast<std::uint8_t>(ModelOrigin::Tool)) in.fail("unknown origin");
  m.origin = static_cast<ModelOrigin>(origin);
  m.parent = in.u32();
  m.verdict = in.text();
  // Older files do not say; theirs is in-sample where there was nothing to compare with.
  m.in_sample = in.remaining() > 0 ? in.u8() != 0 : m.parent == 0;
  if (!in.ok()) return in.status().error();
  return m;
}

struct Head {
  std::uint32_t checksum = 0;
  std::size_t metadata_bytes = 0;
};

core::Result<Head> parse_head(std::string_view bytes) {
  core::StateReader in(bytes);
  const std::uint32_t version = in.u32();
  Head head;
  head.checksum = in.u32();
  head.metadata_bytes = in.u32();
  if (!in.ok()) return Error{ErrorCode::Corrupt, "shorter than a model's header"};
  if (version == 0 || version > kModelFormatVersion) {
    return Error{ErrorCode::Unsupported, "model format " + std::to_string(version) +
                                             ", this program knows up to " +
                                             std::to_string(kModelFormatVersion)};
  }
  if (head.metadata_bytes > kMaxMetadataBytes) {
    return Error{ErrorCode::Corrupt, "metadata of " + std::to_string(head.metadata_bytes) +
                                         " bytes, more than any model has"};
  }
  return head;
}

core::Result<ModelMetadata> checked_metadata(const Head& head, std::string_view bytes) {
  if (bytes.size() != head.metadata_bytes) {
    return Error{ErrorCode::Corrupt, "ends within its metadata"};
  }
  if (core::crc32c(bytes) != head.checksum) {
    return Error{ErrorCode::Corrupt, "checksum of the metadata does not match"};
  }
  return decode_metadata(bytes);
}

}  // namespace

std::string encode_model(const StoredModel& model) {
  const std::string metadata = encode_metadata(model.metadata);
  core::StateWriter out;
  out.u32(kModelFormatVersion);
  out.u32(core::crc32c(metadata));
  out.text(metadata);
  std::string payload = out.take();
  payload += model.body;
  return payload;
}

core::Result<StoredModel> decode_model(std::string_view payload) {
  const auto head = parse_head(payload);
  if (!head.ok()) return head.error();
  const std::string_view rest = payload.substr(kModelHeaderBytes);
  auto metadata = checked_metadata(*head, rest.substr(0, head->metadata_bytes));
  if (!metadata.ok()) return metadata.error();
  return StoredModel{std::move(metadata).value(), std::string(rest.substr(head->metadata_bytes))};
}

core::Result<ModelMetadata> read_model_metadata(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return Error{ErrorCode::NotFound, path + ": no such model"};
  if (!std::filesystem::is_regular_file(status)) {
    return Error{ErrorCode::Unavailable, path + ": not a regular file"};
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{ErrorCode::Unavailable, path + ": cannot be read"};
  std::string bytes(kStateHeaderBytes + kModelHeaderBytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  const std::string_view magic = std::string_view(bytes).substr(0, 8);
  if (bytes.size() < kStateHeaderBytes || magic != state_header("").substr(0, 8)) {
    return Error{ErrorCode::Corrupt, path + ": does not start as a model file"};
  }
  core::StateReader envelope(std::string_view(bytes).substr(8));
  (void)envelope.u32();
  const std::uint64_t payload_bytes = envelope.u64();
  if (const auto file_bytes = std::filesystem::file_size(path, error);
      error || file_bytes != payload_bytes + kStateHeaderBytes) {
    return Error{ErrorCode::Corrupt, path + ": not of the length that its header says"};
  }
  const auto head = parse_head(std::string_view(bytes).substr(kStateHeaderBytes));
  if (!head.ok()) return head.error().within(path);
  std::string metadata(head->metadata_bytes, '\0');
  in.read(metadata.data(), static_cast<std::streamsize>(metadata.size()));
  metadata.resize(static_cast<std::size_t>(in.gcount()));
  auto read = checked_metadata(*head, metadata);
  if (!read.ok()) return read.error().within(path);
  return read;
}

}  // namespace anomaly_exporter::storage
