#include "family_header.h"

#include <array>

namespace anomaly_exporter::exposition {
namespace {

constexpr std::array<std::string_view, 3> kUnits = {"seconds", "bytes", "ratio"};

std::string_view unit_of(std::string_view name) {
  for (const std::string_view unit : kUnits) {
    if (name.size() > unit.size() && name.ends_with(unit) &&
        name[name.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

/// Backslash and line feed; OpenMetrics escapes the double quote as well.
void write_help(Page& page, Format format, std::string_view help) {
  for (const char c : help) {
    if (c == '\n') {
      page.add("\\n");
      continue;
    }
    if (c == '\\' || (c == '"' && format == Format::OpenMetrics)) page.add('\\');
    page.add(c);
  }
}

}  // namespace

void write_family_header(Page& page, Format format, std::string_view name, std::string_view help,
                         std::string_view type) {
  page.add("# HELP ");
  page.add(name);
  page.add(' ');
  write_help(page, format, help);
  page.add("\n# TYPE ");
  page.add(name);
  page.add(' ');
  page.add(type);
  page.add('\n');
  const std::string_view unit = unit_of(name);
  if (format != Format::OpenMetrics || unit.empty()) return;
  page.add("# UNIT ");
  page.add(name);
  page.add(' ');
  page.add(unit);
  page.add('\n');
}

}  // namespace anomaly_exporter::exposition
