#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/checksum.h"

namespace anomaly_exporter::support {

/// A message as a frame of streamed remote-read: uvarint length, CRC-32C big-endian, message.
inline std::string remote_frame(std::string_view message) {
  std::string frame;
  std::uint64_t length = message.size();
  for (; length >= 0x80; length >>= 7) frame.push_back(static_cast<char>(length | 0x80));
  frame.push_back(static_cast<char>(length));
  const std::uint32_t checksum = core::crc32c(message);
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>(checksum >> shift));
  return frame.append(message);
}

}  // namespace anomaly_exporter::support
