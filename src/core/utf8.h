#pragma once

#include <cstddef>
#include <string_view>

namespace anomaly_exporter::core {

/// One decoded character: its code point and the bytes it takes.
struct Utf8Char {
  char32_t code_point = 0;
  std::size_t size = 0;  ///< 0: the text does not start with a well-formed character
};

/// Decodes the first character of `text` after RFC 3629: no overlong forms, no surrogates, nothing
/// above U+10FFFF.
Utf8Char decode_utf8(std::string_view text);

}  // namespace anomaly_exporter::core
