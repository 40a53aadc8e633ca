#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "anomaly_exporter/core/number_text.h"
#include "page.h"

namespace anomaly_exporter::exposition {

/// Writes the sample lines of a family, the labels of a line in parts that stand behind each other.
class Lines {
 public:
  Lines(Page& page, std::string_view name) : page_(page), name_(name) {}

  template <class T>
  void add(std::string_view labels, std::string_view more_labels, T value) {
    add({labels, more_labels}, value);
  }

  template <class T>
  void add(std::initializer_list<std::string_view> labels, T value) {
    std::size_t bytes = name_.size() + kPunctuation + core::kMaxNumberText;
    for (const std::string_view part : labels) bytes += part.size();
    char* at = put(page_.room(bytes), name_);
    *at++ = '{';
    for (const std::string_view part : labels) at = put(at, part);
    *at++ = '}';
    *at++ = ' ';
    at = write_value(at, value);
    *at++ = '\n';
    page_.wrote(at);
  }

 private:
  /// Braces, space and line feed of a line.
  static constexpr std::size_t kPunctuation = 8;

  static char* write_value(char* out, float value) { return core::write_number(out, value); }
  /// Levels and flags: one digit.
  static char* write_value(char* out, std::uint8_t value) {
    *out = static_cast<char>('0' + value);
    return out + 1;
  }

  Page& page_;
  std::string_view name_;
};

}  // namespace anomaly_exporter::exposition
