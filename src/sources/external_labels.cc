#include "anomaly_exporter/sources/external_labels.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "append_utf8.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

/// Reads `digits` hexadecimal digits at `at` and moves past them.
std::optional<std::uint32_t> hex(std::string_view text, std::size_t& at, std::size_t digits) {
  if (text.size() - at < digits) return std::nullopt;
  std::uint32_t code = 0;
  const char* const end = text.data() + at + digits;
  const auto [last, error] = std::from_chars(text.data() + at, end, code, 16);
  if (error != std::errc{} || last != end) return std::nullopt;
  at += digits;
  return code;
}

/// The content of a double-quoted string whose first character is at `at`, in JSON or as YAML
/// prints it (the escapes that either knows are a superset of JSON's). Nothing: not closed or an
/// escape that is none.
std::optional<std::string> quoted(std::string_view text, std::size_t at) {
  static constexpr std::string_view kLetters = "\"\\/abefnrtv0 ";
  static constexpr std::string_view kMeanings{"\"\\/\a\b\x1b\f\n\r\t\v\0 ", 13};
  std::string out;
  while (at < text.size() && text[at] != '"') {
    if (text[at] != '\\') {
      out.push_back(text[at++]);
      continue;
    }
    if (++at == text.size()) return std::nullopt;
    const char c = text[at++];
    if (const std::size_t i = kLetters.find(c); i != kLetters.npos) {
      out.push_back(kMeanings[i]);
      continue;
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    std::optional<std::uint32_t> code;
    if (digits != 0) code = hex(text, at, digits);
    if (code && *code >= 0xd800 && *code < 0xdc00 && text.substr(at, 2) == "\\u") {
      at += 2;
      const auto low = hex(text, at, 4);
      if (!low || *low < 0xdc00 || *low >= 0xe000) return std::nullopt;
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    }
    if (!code || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000)) return std::nullopt;
    append_utf8(out, *code);
  }
  if (at >= text.size()) return std::nullopt;
  return out;
}

/// The string under the key "yaml". Inside another string its quotes would be escaped, so the first
/// occurrence is the key.
std::optional<std::string> yaml_of(std::string_view body) {
  static constexpr std::string_view kKey = "\"yaml\"";
  std::size_t at = body.find(kKey);
  if (at == body.npos) return std::nullopt;
  at = body.find_first_not_of(" \t\r\n", at + kKey.size());
  if (at == body.npos || body[at] != ':') return std::nullopt;
  at = body.find_first_not_of(" \t\r\n", at + 1);
  if (at == body.npos || body[at] != '"') return std::nullopt;
  return quoted(body, at + 1);
}

/// A scalar of one line. Nothing: a form that is not read here.
std::optional<std::string> scalar(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text.front() == '"') {
    if (text.size() < 2 || text.back() != '"') return std::nullopt;
    return quoted(text, 1);
  }
  if (text.front() == '\'') {
    if (text.size() < 2 || text.back() != '\'') return std::nullopt;
    std::string out;
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
      out.push_back(text[i]);
      if (text[i] != '\'') continue;
      if (text[++i] != '\'' || i + 1 == text.size()) return std::nullopt;  // '' stands for one
    }
    return out;
  }
  static constexpr std::string_view kOtherForms = "|>&*!{}[],#%@`?-";
  const bool plain = kOtherForms.find(text.front()) == kOtherForms.npos;
  // A dash followed by something is an ordinary character.
  const bool dashed = text.front() == '-' && text.size() > 1 && text[1] != ' ';
  if (!(plain || dashed) || text.find(" #") != text.npos) return std::nullopt;
  return std::string(text);
}

std::size_t indent_of(std::string_view line) {
  const std::size_t at = line.find_first_not_of(' ');
  return at == line.npos ? line.size() : at;
}

}  // namespace

Result<core::Labels> decode_external_labels(std::string_view body) {
  const std::optional<std::string> yaml = yaml_of(body);
  if (!yaml) return Error{ErrorCode::Corrupt, "status/config: no yaml text in the answer"};

  enum class Place { Outside, Global, ExternalLabels } place = Place::Outside;
  std::vector<core::Label> labels;
  std::string_view rest = *yaml;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t indent = indent_of(line);
    if (indent == line.size()) continue;
    if (indent == 0) {
      place = line == "global:" ? Place::Global : Place::Outside;
    } else if (indent == 2 && place != Place::Outside) {
      place = line == "  external_labels:" ? Place::ExternalLabels : Place::Global;
    } else if (place == Place::ExternalLabels) {
      const std::size_t colon = line.find(": ");
      std::optional<std::string> name;
      std::optional<std::string> value;
      if (indent == 4 && colon != line.npos) {
        name = scalar(line.substr(indent, colon - indent));
        value = scalar(line.substr(colon + 2));
      }
      if (!name || !value) {
        return Error{ErrorCode::Unsupported,
                     "status/config: external label not understood: " + std::string(line)};
      }
      labels.push_back({std::move(*name), std::move(*value)});
    }
  }
  return core::Labels::create(std::move(labels));
}

}  // namespace anomaly_exporter::sources
