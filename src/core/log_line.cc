#include <algorithm>
#include <cstddef>
#include <utility>

#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/number_text.h"
#include "utf8.h"

namespace anomaly_exporter::core {
namespace {

/// Printable ASCII that needs no quotes in logfmt.
bool is_plain(char c) { return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\'; }

/// Characters that a terminal or a reader of lines may take as a command or as the end of a line.
bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

void append_unicode_escape(std::string& out, char32_t c) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(c >> shift) & 0xFU];
}

/// `text` in double quotes, readable as a JSON string: control characters escaped, bytes that are
/// not UTF-8 as U+FFFD, cut at kMaxLogValueBytes.
void append_quoted(std::string& out, std::string_view text) {
  constexpr char32_t kReplacement = 0xFFFD;
  out += '"';
  std::size_t at = 0;
  while (at < text.size() && at < kMaxLogValueBytes) {
    const Utf8Char c = decode_utf8(text.substr(at));
    const std::size_t size = std::max<std::size_t>(c.size, 1);
    if (c.size == 0) {
      append_unicode_escape(out, kReplacement);
    } else if (c.code_point == '"' || c.code_point == '\\') {
      out += '\\';
      out += text[at];
    } else if (c.code_point == '\n') {
      out += "\\n";
    } else if (c.code_point == '\t') {
      out += "\\t";
    } else if (is_control(c.code_point)) {
      append_unicode_escape(out, c.code_point);
    } else {
      out += text.substr(at, size);
    }
    at += size;
  }
  if (at < text.size()) out += "...";
  out += '"';
}

/// Keys are our own words; should one hold anything else, it must not break the line.
void append_key(std::string& out, std::string_view key) {
  for (const char c : key) out += is_plain(c) ? c : '_';
}

class LineBuilder {
 public:
  explicit LineBuilder(LogFormat format) : format_(format) {
    if (format_ == LogFormat::Json) line_ += '{';
  }

  void add(std::string_view key, std::string_view value) {
    if (!is_first_) line_ += format_ == LogFormat::Json ? ',' : ' ';
    is_first_ = false;
    if (format_ == LogFormat::Json) {
      line_ += '"';
      append_key(line_, key);
      line_ += "\":";
      append_quoted(line_, value);
      return;
    }
    append_key(line_, key);
    line_ += '=';
    const bool is_bare = !value.empty() && value.size() <= kMaxLogValueBytes &&
                         std::all_of(value.begin(), value.end(), is_plain);
    if (is_bare) {
      line_ += value;
    } else {
      append_quoted(line_, value);
    }
  }

  std::string take() {
    if (format_ == LogFormat::Json) line_ += '}';
    return std::move(line_);
  }

 private:
  LogFormat format_;
  std::string line_;
  bool is_first_ = true;
};

}  // namespace

LogField::LogField(std::string_view k, double v) : key(k), value(number_text(v)) {}
LogField::LogField(std::string_view k, long long v) : key(k), value(std::to_string(v)) {}
LogField::LogField(std::string_view k, unsigned long long v) : key(k), value(std::to_string(v)) {}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return "debug";
    case LogLevel::Info:
      return "info";
    case LogLevel::Warn:
      return "warn";
    case LogLevel::Error:
      return "error";
  }
  return "unknown";
}

std::string format_log_line(LogFormat format, Timestamp time, LogLevel level,
                            std::string_view message, Logger::Fields fields) {
  LineBuilder line(format);
  line.add("ts", format_rfc3339(time));
  line.add("level", to_string(level));
  line.add("msg", message);
  for (const LogField& field : fields) line.add(field.key, field.value);
  return line.take();
}

}  // namespace anomaly_exporter::core
