#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::api {

/// Writes compact JSON front to back. The caller opens and closes in order; commas are set here.
///
/// Why not a JSON library: rows go straight from the snapshot's columns to text, floats in their
/// shortest form, without a tree in between; 100,000 rows stay cheap.
/// Threads: one thread at a time. Cost: appends to one string.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  /// A number without a finite value is `null`.
  JsonWriter& value(double number);
  JsonWriter& value(float number);
  JsonWriter& value(std::uint64_t number);
  /// RFC 3339, or `null` for the zero time.
  JsonWriter& value(core::Timestamp time);
  JsonWriter& null();

  template <class T>
  JsonWriter& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string out_;
  bool needs_comma_ = false;
};

/// `{"status":"success","data":` ... `}` around what `write` puts down.
template <class Write>
std::string success_json(Write write) {
  JsonWriter json;
  json.begin_object().member("status", "success").key("data");
  write(json);
  json.end_object();
  return json.take();
}

/// Prometheus's error answer: `{"status":"error","errorType":type,"error":message}`.
std::string error_json(std::string_view type, std::string_view message);

}  // namespace anomaly_exporter::api
