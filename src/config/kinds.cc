#include "anomaly_exporter/core/number_text.h"
#include "schema.h"

namespace anomaly_exporter::config {
namespace {

std::string range_text(const std::string& least, const std::string& most) {
  return least + " to " + most;
}

std::string same(const std::string& value) { return value; }

}  // namespace

Kind<std::string> text() { return {"text", "", read_text, same}; }

Kind<std::string> name() {
  return {"name", "letters, digits, `_`, `-`; no digit or `-` first", read_name, same};
}

Kind<std::string> file_name() { return {"file", "", read_file_name, same}; }

Kind<std::string> secret() { return {"secret", "", read_secret, same}; }

Kind<bool> boolean() {
  return {"boolean", "", read_bool, [](const bool& v) { return v ? "true" : "false"; }};
}

Kind<double> number(NumberRange range) {
  return {"number",
          range.most > 1e300
              ? "at least " + core::number_text(range.least)
              : range_text(core::number_text(range.least), core::number_text(range.most)),
          [range](const Cursor& at) { return read_number(at, range); },
          [](const double& v) { return core::number_text(v); }};
}

Kind<std::uint64_t> count(CountRange range) {
  return {"whole number", range_text(std::to_string(range.least), std::to_string(range.most)),
          [range](const Cursor& at) { return read_count(at, range); },
          [](const std::uint64_t& v) { return std::to_string(v); }};
}

Kind<std::uint64_t> bytes(CountRange range) {
  return {"size", range_text(bytes_text(range.least), bytes_text(range.most)),
          [range](const Cursor& at) { return read_bytes(at, range); }, bytes_text};
}

Kind<core::Duration> duration(DurationRange range) {
  return {"duration",
          range_text(core::format_duration(range.least), core::format_duration(range.most)),
          [range](const Cursor& at) { return read_duration(at, range); },
          [](const core::Duration& v) { return core::format_duration(v); }};
}

Kind<core::TimeZone> time_zone() {
  const auto read = [](const Cursor& at) -> std::optional<core::TimeZone> {
    const auto written = read_text(at);
    if (!written) return std::nullopt;
    auto zone = core::TimeZone::create(*written);
    if (zone.ok()) return std::move(zone).value();
    at.fail(zone.error().message);
    return std::nullopt;
  };
  return {"time zone", "", read,
          [](const core::TimeZone& zone) { return std::string(zone.name()); }};
}

Kind<std::vector<std::string>> label_names() {
  return {"list of label names", "", read_label_names,
          [](const std::vector<std::string>& v) { return joined(v); }};
}

}  // namespace anomaly_exporter::config
