#include "anomaly_exporter/api/escape.h"

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::api {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// In a text that is not valid UTF-8 every byte above ASCII is suspect; they are rare enough that
/// finding out which of them were innocent is not worth the code.
bool is_suspect(char c, bool is_utf8) { return !is_utf8 && static_cast<unsigned char>(c) >= 0x80; }

}  // namespace

void append_html(std::string& out, std::string_view text) {
  const bool is_utf8 = core::is_valid_utf8(text);
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\n':
      case '\t':
        out += c;
        break;
      default:
        if (is_control(c) || is_suspect(c, is_utf8)) {
          out += kReplacement;
        } else {
          out += c;
        }
    }
  }
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  const bool is_utf8 = core::is_valid_utf8(text);
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (is_control(c) || c == '<') {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else if (is_suspect(c, is_utf8)) {
      out += kReplacement;
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace anomaly_exporter::api
