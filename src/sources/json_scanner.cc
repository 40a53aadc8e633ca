#include "json_scanner.h"

#include <cstdint>

namespace anomaly_exporter::sources {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The four hex digits at `p`. REQUIRES: checked.
std::uint32_t code_unit(const char* p) {
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit * 16 + static_cast<std::uint32_t>(hex_value(p[i]));
  return unit;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0U | point >> 6U);
    put(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    put(0xE0U | point >> 12U);
    put(0x80U | (point >> 6U & 0x3FU));
    put(0x80U | (point & 0x3FU));
  } else {
    put(0xF0U | point >> 18U);
    put(0x80U | (point >> 12U & 0x3FU));
    put(0x80U | (point >> 6U & 0x3FU));
    put(0x80U | (point & 0x3FU));
  }
}

constexpr bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
constexpr bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

void append_unescaped(std::string& out, std::string_view raw) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    switch (const char c = raw[++i]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        std::uint32_t point = code_unit(raw.data() + i + 1);
        i += 4;
        if (is_high_surrogate(point) && raw.substr(i + 1, 2) == "\\u") {
          const std::uint32_t low = code_unit(raw.data() + i + 3);
          if (is_low_surrogate(low)) {
            point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
            i += 6;
          }
        }
        append_utf8(out, point);
        break;
      }
      default:
        out += c;  // a quote, a backslash or a slash
    }
  }
}

bool JsonScanner::fail_at(const char* where, std::string_view what) {
  if (what_.empty()) {
    what_ = what;
    offset_ = static_cast<std::size_t>(where - begin_);
  }
  return false;
}

core::Error JsonScanner::error() const {
  return {core::ErrorCode::Corrupt, "byte " + std::to_string(offset_) + ": " + what_};
}

bool JsonScanner::expect_after_space(char c) {
  if (take(c)) return true;
  const std::string wanted = std::string("expected '") + c + "'";
  return fail(at_ == end_ ? wanted + ", found the end" : wanted);
}

bool JsonScanner::enter() {
  return ++depth_ <= kMaxDepth || fail("nested deeper than " + std::to_string(kMaxDepth));
}

bool JsonScanner::read_key(std::string_view& key) {
  if (!read_raw_string(key)) return false;
  if (key.find('\\') != std::string_view::npos) {
    key_.clear();
    append_unescaped(key_, key);
    key = key_;
  }
  return true;
}

bool JsonScanner::read_raw_string(std::string_view& raw) {
  if (!expect('"')) return false;
  const char* const first = at_;
  for (; at_ != end_; ++at_) {
    const char c = *at_;
    if (c == '"') {
      raw = {first, static_cast<std::size_t>(at_ - first)};
      return ++at_, true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return fail("control character in a string");
    if (c != '\\') continue;
    if (++at_ == end_) break;
    if (*at_ == 'u') {
      for (int i = 0; i < 4; ++i) {
        if (++at_ == end_) return fail("string without end");
        if (hex_value(*at_) < 0) return fail("bad \\u escape");
      }
    } else if (std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos) {
      return fail("unknown escape");
    }
  }
  return fail("string without end");
}

bool JsonScanner::read_string(std::string& out) {
  std::string_view raw;
  if (!read_raw_string(raw)) return false;
  out.clear();
  if (raw.find('\\') == std::string_view::npos) {
    out.assign(raw);
  } else {
    append_unescaped(out, raw);
  }
  return true;
}

bool JsonScanner::read_raw_number(std::string_view& raw) {
  skip_space();
  const char* const first = at_;
  const auto digits = [this] {
    const char* const start = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != start;
  };
  if (at_ != end_ && *at_ == '-') ++at_;
  const char* const whole = at_;
  if (!digits()) return fail("expected a number");
  if (*whole == '0' && at_ - whole > 1) return fail_at(whole, "number with a leading zero");
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail("expected a digit");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail("expected a digit");
  }
  raw = {first, static_cast<std::size_t>(at_ - first)};
  return true;
}

bool JsonScanner::read_literal(std::string_view word) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
    at_ += word.size();
    return true;
  }
  return fail("unknown word");
}

bool JsonScanner::skip_value() {
  skip_space();
  if (at_ == end_) return fail("expected a value, found the end");
  std::string_view ignored;
  switch (*at_) {
    case '{':
      return members([this](std::string_view) { return skip_value(); });
    case '[':
      return elements([this] { return skip_value(); });
    case '"':
      return read_raw_string(ignored);
    case 't':
      return read_literal("true");
    case 'f':
      return read_literal("false");
    case 'n':
      return read_literal("null");
    default:
      return read_raw_number(ignored);
  }
}

bool JsonScanner::read_raw_value(std::string_view& raw) {
  skip_space();
  const char* const first = at_;
  if (!skip_value()) return false;
  raw = {first, static_cast<std::size_t>(at_ - first)};
  return true;
}

bool JsonScanner::finish() {
  skip_space();
  return at_ == end_ || fail("text after the end of the document");
}

}  // namespace anomaly_exporter::sources
