#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::sources {

/// Takes a stream of remote-read frames in pieces of any size and hands on each message as soon as
/// its last byte is there.
///
/// Format of a frame: uvarint length of the message, CRC-32C of the message (4 bytes, big-endian),
/// message. Source: prometheus/prometheus storage/remote/chunked.go.
///
/// Errors: Corrupt with the number of the frame: a length of more than 64 bits, a wrong checksum,
/// a stream that ends within a frame; Exhausted: a frame longer than the limit, which is seen
/// before its bytes are collected. After an error the reader stays failed. Threads: one at a time.
/// Memory: at most one frame and one piece; frames that lie whole in a piece are not copied.
class FrameReader {
 public:
  using Sink = std::function<core::Status(std::string_view message)>;

  /// Servers send 1 MiB by default (--storage.remote.read-max-bytes-in-frame), more only for a
  /// series with enormous labels.
  static constexpr std::uint64_t kMaxFrameBytes = 16ULL << 20;

  explicit FrameReader(Sink sink, std::uint64_t max_frame_bytes = kMaxFrameBytes)
      : sink_(std::move(sink)), max_frame_bytes_(max_frame_bytes) {}

  core::Status append(std::string_view piece);
  /// To be called behind the last piece.
  [[nodiscard]] core::Status finish() const;

  [[nodiscard]] std::uint64_t frames() const { return frames_; }

 private:
  /// Hands on the whole frames at the start of `bytes` and removes them from it.
  core::Status take_frames(std::string_view& bytes);
  [[nodiscard]] core::Error error(core::ErrorCode code, const std::string& what) const;

  Sink sink_;
  std::uint64_t max_frame_bytes_;
  std::string pending_;  // the start of a frame whose rest has not come yet
  std::uint64_t frames_ = 0;
  core::Status failed_;
};

}  // namespace anomaly_exporter::sources
