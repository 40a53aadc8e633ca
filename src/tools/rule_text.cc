#include "rule_text.h"

#include <algorithm>

#include "anomaly_exporter/core/own_labels.h"

namespace anomaly_exporter::tools {

std::string fill(std::string_view text,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = text.find("<<");
    const std::size_t end = begin == std::string_view::npos ? begin : text.find(">>", begin);
    if (end == std::string_view::npos) break;
    const std::string_view name = text.substr(begin + 2, end - begin - 2);
    const auto* found = std::find_if(values.begin(), values.end(),
                                     [&](const auto& value) { return value.first == name; });
    out += text.substr(0, begin);
    if (found != values.end()) out += found->second;
    text.remove_prefix(end + 2);
  }
  out += text;
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string output_label(const std::string& label) {
  return core::is_own_label(label) ? "exported_" + label : label;
}

}  // namespace anomaly_exporter::tools
