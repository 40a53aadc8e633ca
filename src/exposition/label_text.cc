#include "anomaly_exporter/exposition/label_text.h"

#include <algorithm>
#include <vector>

#include "anomaly_exporter/core/own_labels.h"

namespace anomaly_exporter::exposition {
namespace {

void append_label(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty() && out.back() == '"') out += ',';
  out += name;
  out += "=\"";
  core::append_escaped_label_value(out, value);
  out += '"';
}

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string legal_name(std::string_view name) {
  if (core::is_legacy_label_name(name)) return std::string(name);
  std::string out;
  for (const char c : name) {
    if (is_continuation_byte(c)) continue;  // one underscore per character
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool is_digit = c >= '0' && c <= '9' && !out.empty();
    out += is_letter || is_digit ? c : '_';
  }
  return out;
}

}  // namespace

void append_label_text(std::string& out, std::string_view monitor, std::string_view metric,
                       const core::Labels& labels) {
  std::string text;
  append_label(text, "monitor", monitor);
  if (!metric.empty()) append_label(text, "metric", metric);
  std::vector<std::string> used;
  used.reserve(labels.size());
  for (const core::Label& label : labels.items()) {
    std::string name = legal_name(label.name);
    if (core::is_own_label(name)) name = "exported_" + name;
    if (std::find(used.begin(), used.end(), name) != used.end()) continue;
    append_label(text, name, label.value);
    used.push_back(std::move(name));
  }
  out += text;
}

}  // namespace anomaly_exporter::exposition
