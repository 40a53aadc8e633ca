#include "utf8.h"

#include <cstdint>

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::core {

Utf8Char decode_utf8(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};

  std::size_t size = 0;
  char32_t smallest = 0;
  char32_t code_point = 0;
  if ((lead & 0xE0U) == 0xC0U) {
    size = 2;
    smallest = 0x80;
    code_point = lead & 0x1FU;
  } else if ((lead & 0xF0U) == 0xE0U) {
    size = 3;
    smallest = 0x800;
    code_point = lead & 0x0FU;
  } else if ((lead & 0xF8U) == 0xF0U) {
    size = 4;
    smallest = 0x10000;
    code_point = lead & 0x07U;
  }
  if (size == 0 || text.size() < size) return {};
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code_point = (code_point << 6) | (byte(i) & 0x3FU);
  }
  const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < smallest || code_point > 0x10FFFF || is_surrogate) return {};
  return {code_point, size};
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = decode_utf8(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace anomaly_exporter::core
