#pragma once

#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/storage/model_store.h"

namespace anomaly_exporter::storage {

/// Newest format of a model's payload that this build writes and reads.
inline constexpr unsigned kModelFormatVersion = 1;
/// Longest metadata that is written or read.
inline constexpr std::size_t kMaxMetadataBytes = 1U << 20;

/// Payload of a model file: format version (u32), CRC-32C of the metadata (u32), metadata (u32
/// length and bytes), body (the rest). The metadata has a checksum of its own, so that it can be
/// trusted without reading the body.
std::string encode_model(const StoredModel& model);

/// Errors: Corrupt; Unsupported (newer format).
core::Result<StoredModel> decode_model(std::string_view payload);

/// The metadata of a file; the body is neither read nor checked, its length is.
/// Errors: NotFound, Corrupt, Unsupported, Unavailable, each naming the path.
core::Result<ModelMetadata> read_model_metadata(const std::string& path);

}  // namespace anomaly_exporter::storage
