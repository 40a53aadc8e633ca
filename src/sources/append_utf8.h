#pragma once

#include <cstdint>
#include <string>

namespace anomaly_exporter::sources {

/// Appends a Unicode character as UTF-8. REQUIRES: code <= 0x10ffff and no surrogate.
inline void append_utf8(std::string& out, std::uint32_t code) {
  const auto continuation = [&](unsigned shift) {
    out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
  };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (code >> 6)));
    continuation(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (code >> 12)));
    continuation(6), continuation(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | (code >> 18)));
    continuation(12), continuation(6), continuation(0);
  }
}

}  // namespace anomaly_exporter::sources
