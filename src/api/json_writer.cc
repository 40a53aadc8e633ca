#include "anomaly_exporter/api/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "anomaly_exporter/api/escape.h"
#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::api {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, core::kMaxNumberText> text;
  out.append(text.data(), core::write_number(text.data(), number));
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  separate();
  out_ += truth ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  separate();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::value(float number) {
  separate();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
  separate();
  out_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::value(core::Timestamp time) {
  if (time.ms == 0) return null();
  return value(core::format_rfc3339(time));
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

std::string error_json(std::string_view type, std::string_view message) {
  JsonWriter json;
  json.begin_object().member("status", "error").member("errorType", type).member("error", message);
  json.end_object();
  return json.take();
}

}  // namespace anomaly_exporter::api
