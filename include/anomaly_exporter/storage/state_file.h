#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::storage {

/// Newest envelope version this build writes and reads.
inline constexpr unsigned kStateFormatVersion = 1;

/// Bytes of an envelope before its payload: magic "AESTATE\n", format version (u32), payload length
/// (u64), CRC-32C of the payload (u32), all little-endian.
inline constexpr std::size_t kStateHeaderBytes = 24;

/// Largest file that is read back. A larger one is not ours, and nothing of it is loaded.
inline constexpr std::uint64_t kMaxStateFileBytes = 4ULL << 30;

/// The header that goes before `payload` in a state file.
std::string state_header(std::string_view payload);

/// Checks a whole envelope and returns its payload, which lies within `bytes`.
/// Errors: Corrupt (magic, length, checksum); Unsupported (version 0 or a newer one).
/// Cost: one pass over the payload for the checksum; no copy.
core::Result<std::string_view> open_envelope(std::string_view bytes);

/// Writes `payload` in its envelope to `path` so that a crash at any moment leaves the old or the
/// new file whole: written to `<path>.new`, fsynced, renamed, directory fsynced. The file is
/// readable by its owner and group. Errors: Unavailable naming the path and the system's words; the
/// old file is then untouched. Threads: one writer per path at a time.
core::Status write_state_file(const std::string& path, std::string_view payload);

/// Returns the payload of the file.
/// Errors: NotFound; Corrupt (magic, length, checksum); Unsupported (newer version); Exhausted
/// (above kMaxStateFileBytes); Unavailable (cannot be read, not a regular file), each naming the
/// path. The length is checked against the file's size before memory is taken for it.
core::Result<std::string> read_state_file(const std::string& path);

/// Renames a damaged file to `<path>.damaged` (replacing an earlier one) so that it can be looked
/// at. Errors: Unavailable.
core::Status set_aside(const std::string& path);

}  // namespace anomaly_exporter::storage
