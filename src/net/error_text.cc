#include "anomaly_exporter/net/error_text.h"

#include <optional>

namespace anomaly_exporter::net {
namespace {

/// The value of `"key":"..."`, simple escapes undone. A search, not a parse: the result is only
/// ever shown.
std::optional<std::string> json_member(std::string_view body, std::string_view key) {
  std::size_t at = std::string_view::npos;
  for (std::size_t from = 0; at == std::string_view::npos;) {
    const std::size_t found = body.find(key, from);
    if (found == std::string_view::npos) return std::nullopt;
    from = found + key.size();
    const std::size_t next = body.find_first_not_of(" \t\r\n", from);
    if (next != std::string_view::npos && body[next] == ':') at = next;  // a key, not a value
  }
  at = body.find_first_not_of(" \t\r\n", at + 1);
  if (at == std::string_view::npos || body[at] != '"') return std::nullopt;
  std::string value;
  for (++at; at < body.size() && body[at] != '"' && value.size() <= kMaxErrorText; ++at) {
    if (body[at] == '\\' && at + 1 < body.size()) {
      ++at;
      value += body[at] == 'n' || body[at] == 't' || body[at] == 'r' ? ' ' : body[at];
    } else {
      value += body[at];
    }
  }
  return value;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::size_t end = text.size();
  if (end > limit) {
    end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  }
  std::string out(text.substr(0, end));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  if (end < text.size()) out += "...";
  return out;
}

std::string error_text(std::string_view body) {
  const auto error = json_member(body, "\"error\"");
  if (!error) return body.empty() ? "empty answer" : printable(body);
  const auto type = json_member(body, "\"errorType\"");
  return printable(type && !type->empty() ? *type + ": " + *error : *error);
}

}  // namespace anomaly_exporter::net
