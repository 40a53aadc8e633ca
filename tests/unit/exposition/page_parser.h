#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::exposition {

/// A page as a scraper understands it. Written from the format's description for tests: strict,
/// and apart from the code under test.
struct ParsedPage {
  struct Sample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
    std::string timestamp;
  };
  struct Family {
    std::string name, help, type, unit;
    std::vector<Sample> samples;
  };
  std::vector<Family> families;
  bool ended = false;  ///< `# EOF` was the last line
  std::string error;   ///< empty when the page is well-formed

  [[nodiscard]] const Family* family(std::string_view name) const {
    for (const Family& f : families) {
      if (f.name == name) return &f;
    }
    return nullptr;
  }
};

namespace parser_detail {

inline std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (text[i] == 'n') {
      out += '\n';
    } else if (text[i] == '\\' || text[i] == '"') {
      out += text[i];
    } else {
      return std::nullopt;
    }
  }
  return out;
}

inline std::string_view cut(std::string_view& text, char separator) {
  const std::size_t at = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

inline std::optional<ParsedPage::Sample> parse_sample(std::string_view line) {
  ParsedPage::Sample sample;
  const std::size_t name_end = line.find_first_of("{ ");
  if (name_end == std::string_view::npos) return std::nullopt;
  sample.name = line.substr(0, name_end);
  line.remove_prefix(name_end);
  if (line.front() == '{') {
    line.remove_prefix(1);
    while (!line.empty() && line.front() != '}') {
      const std::string name(cut(line, '='));
      if (name.empty() || line.empty() || line.front() != '"') return std::nullopt;
      std::size_t end = 1;
      while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
      if (end >= line.size()) return std::nullopt;
      const auto value = unescaped(line.substr(1, end - 1));
      if (!value || !sample.labels.emplace(name, *value).second) return std::nullopt;
      line.remove_prefix(end + 1);
      if (!line.empty() && line.front() == ',') line.remove_prefix(1);
    }
    if (line.empty()) return std::nullopt;
    line.remove_prefix(1);
  }
  if (line.empty() || line.front() != ' ') return std::nullopt;
  line.remove_prefix(1);
  const auto value = core::parse_number(cut(line, ' '));
  if (!value) return std::nullopt;
  sample.value = *value;
  sample.timestamp = line;
  return sample;
}

}  // namespace parser_detail

inline ParsedPage parse_page(std::string_view page) {
  using parser_detail::cut;
  ParsedPage out;
  if (!page.empty() && page.back() != '\n') out.error = "last line is not ended";
  while (!page.empty() && out.error.empty()) {
    const std::string line(cut(page, '\n'));
    if (line == "# EOF") {
      out.ended = page.empty();
      if (!page.empty()) out.error = "text behind # EOF";
      continue;
    }
    if (!line.starts_with("# ")) {
      auto sample = parser_detail::parse_sample(line);
      if (!sample || out.families.empty() || !sample->name.starts_with(out.families.back().name)) {
        out.error = "bad sample: " + line;
        continue;
      }
      out.families.back().samples.push_back(std::move(*sample));
      continue;
    }
    std::string_view rest = std::string_view(line).substr(2);
    const std::string_view keyword = cut(rest, ' ');
    const std::string_view name = cut(rest, ' ');
    if (out.families.empty() || out.families.back().name != name) {
      if (out.family(name) != nullptr) out.error = "family twice: " + line;
      out.families.push_back({std::string(name), "", "", "", {}});
    }
    ParsedPage::Family& family = out.families.back();
    std::string* field = nullptr;
    if (keyword == "HELP") field = &family.help;
    if (keyword == "TYPE") field = &family.type;
    if (keyword == "UNIT") field = &family.unit;
    const auto text = parser_detail::unescaped(rest);
    if (field == nullptr || !field->empty() || !family.samples.empty() || !text) {
      out.error = "bad comment: " + line;
      continue;
    }
    *field = *text;
  }
  return out;
}

}  // namespace anomaly_exporter::exposition
