#include "anomaly_exporter/sources/remote_frames.h"

#include <optional>
#include <utility>

#include "anomaly_exporter/core/checksum.h"

namespace anomaly_exporter::sources {
namespace {

using core::ErrorCode;
using core::Status;

constexpr std::size_t kChecksumBytes = 4;

struct Length {
  std::uint64_t value = 0;
  std::size_t bytes = 0;  ///< taken by the length itself; 0 = not all there yet
  bool valid = true;
};

Length read_length(std::string_view bytes) {
  Length length;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 9 && byte > 1) break;
    length.value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      length.bytes = i + 1;
      return length;
    }
  }
  length.valid = bytes.size() < 10;
  return length;
}

std::uint32_t read_checksum(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kChecksumBytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

core::Error FrameReader::error(ErrorCode code, const std::string& what) const {
  return {code, "remote-read frame " + std::to_string(frames_ + 1) + ": " + what};
}

Status FrameReader::take_frames(std::string_view& bytes) {
  while (!bytes.empty()) {
    const Length length = read_length(bytes);
    if (!length.valid) return error(ErrorCode::Corrupt, "length over 64 bits");
    if (length.bytes == 0) return {};
    if (length.value > max_frame_bytes_) {
      return error(ErrorCode::Exhausted, "length of " + std::to_string(length.value) +
                                             " bytes over the limit of " +
                                             std::to_string(max_frame_bytes_));
    }
    const std::size_t header = length.bytes + kChecksumBytes;
    if (bytes.size() < header || bytes.size() - header < length.value) return {};
    const std::string_view message = bytes.substr(header, length.value);
    if (core::crc32c(message) != read_checksum(bytes.substr(length.bytes))) {
      return error(ErrorCode::Corrupt, "wrong checksum");
    }
    if (Status status = sink_(message); !status.ok()) return status;
    ++frames_;
    bytes.remove_prefix(header + message.size());
  }
  return {};
}

Status FrameReader::append(std::string_view piece) {
  if (!failed_.ok()) return failed_;
  if (pending_.empty()) {
    failed_ = take_frames(piece);
    if (failed_.ok()) pending_.assign(piece);
    return failed_;
  }
  pending_.append(piece);
  std::string_view rest = pending_;
  failed_ = take_frames(rest);
  if (failed_.ok()) pending_.erase(0, pending_.size() - rest.size());
  return failed_;
}

Status FrameReader::finish() const {
  if (!failed_.ok()) return failed_;
  if (pending_.empty()) return {};
  return error(ErrorCode::Corrupt,
               "cut after " + std::to_string(pending_.size()) + " bytes at the end of the answer");
}

}  // namespace anomaly_exporter::sources
