#include "anomaly_exporter/core/labels.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

namespace anomaly_exporter::core {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A hostile name as it may stand in a message: short, printable ASCII, in quotes.
std::string shown(std::string_view name) {
  constexpr std::size_t kMaxShownBytes = 64;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : name.substr(0, kMaxShownBytes)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= 0x20 && c < 0x7F) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xFU];
    }
  }
  if (name.size() > kMaxShownBytes) out += "...";
  return out + '"';
}

/// Valid UTF-8 without NUL, which the text format and C strings cannot carry.
bool is_plain_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_valid_utf8(text);
}

/// Takes in one word: multiply by the fractional part of the golden ratio, then fold. For a given
/// word this maps different hashes to different ones.
std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
  return std::rotl(hash ^ (hash >> 32), 29);
}

/// Lets every bit of the hash depend on every bit taken in (the finaliser of splitmix64).
std::uint64_t finished(std::uint64_t hash) {
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBULL;
  return hash ^ (hash >> 31);
}

/// Eight bytes at a time, little-endian on every machine. The length goes in first, so that no two
/// lists of texts look alike to the hash by sharing their concatenation.
std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
  hash = mixed(hash, static_cast<std::uint64_t>(text.size()));
  for (std::size_t at = 0; at < text.size(); at += 8) {
    const std::size_t size = std::min<std::size_t>(8, text.size() - at);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < size; ++i) {
      word |= std::uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * i);
    }
    hash = mixed(hash, word);
  }
  return hash;
}

/// The empty set hashes to 0, as a default-made one does.
std::uint64_t hash_of(std::span<const Label> labels) {
  std::uint64_t hash = 0;
  for (const Label& label : labels) hash = mixed(mixed(hash, label.name), label.value);
  return finished(hash);
}

std::size_t heap_bytes_of(const std::string& text) {
  static const std::size_t inside_object = std::string().capacity();
  return text.capacity() > inside_object ? text.capacity() + 1 : 0;
}

Status check(const Label& label) {
  const auto wrong = [&label](std::string_view what) {
    return Error{ErrorCode::InvalidArgument,
                 "label " + shown(label.name) + ": " + std::string(what)};
  };
  if (label.name.empty()) return wrong("empty name");
  if (!is_plain_text(label.name)) return wrong("name is not valid UTF-8 or holds a NUL byte");
  if (!is_plain_text(label.value)) return wrong("value is not valid UTF-8 or holds a NUL byte");
  return {};
}

}  // namespace

Labels::Labels(std::vector<Label> sorted) : labels_(std::move(sorted)), hash_(hash_of(labels_)) {}

Result<Labels> Labels::create(std::vector<Label> labels) {
  for (const Label& label : labels) {
    if (const Status status = check(label); !status.ok()) return status.error();
  }
  std::sort(labels.begin(), labels.end());
  const auto twice =
      std::adjacent_find(labels.begin(), labels.end(),
                         [](const Label& a, const Label& b) { return a.name == b.name; });
  if (twice != labels.end()) {
    return Error{ErrorCode::InvalidArgument, "label " + shown(twice->name) + ": name stands twice"};
  }
  std::erase_if(labels, [](const Label& label) { return label.value.empty(); });
  labels.shrink_to_fit();
  return Labels(std::move(labels));
}

std::optional<std::string_view> Labels::value(std::string_view name) const {
  const auto found =
      std::lower_bound(labels_.begin(), labels_.end(), name,
                       [](const Label& label, std::string_view n) { return label.name < n; });
  if (found == labels_.end() || found->name != name) return std::nullopt;
  return found->value;
}

Labels Labels::keep(std::span<const std::string> names) const { return filtered(names, true); }
Labels Labels::drop(std::span<const std::string> names) const { return filtered(names, false); }

Labels Labels::filtered(std::span<const std::string> names, bool keep_named) const {
  std::vector<Label> kept;
  for (const Label& label : labels_) {
    const bool is_named = std::find(names.begin(), names.end(), label.name) != names.end();
    if (is_named == keep_named) kept.push_back(label);
  }
  kept.shrink_to_fit();
  return Labels(std::move(kept));
}

std::string Labels::text() const {
  std::string out = "{";
  for (const Label& label : labels_) {
    if (out.size() > 1) out += ',';
    if (is_legacy_label_name(label.name)) {
      out += label.name;
    } else {
      out += '"';
      append_escaped_label_value(out, label.name);
      out += '"';
    }
    out += "=\"";
    append_escaped_label_value(out, label.value);
    out += '"';
  }
  return out + '}';
}

std::size_t Labels::heap_bytes() const {
  std::size_t bytes = labels_.capacity() * sizeof(Label);
  for (const Label& label : labels_)
    bytes += heap_bytes_of(label.name) + heap_bytes_of(label.value);
  return bytes;
}

bool is_legacy_label_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_legacy_metric_name(std::string_view name) {
  const auto starts = [](char c) { return is_letter(c) || c == ':'; };
  return !name.empty() && starts(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return starts(c) || is_digit(c); });
}

void append_escaped_label_value(std::string& out, std::string_view value) {
  constexpr std::string_view kSpecial = "\\\"\n";
  for (;;) {
    const std::size_t plain = std::min(value.find_first_of(kSpecial), value.size());
    out.append(value.substr(0, plain));
    if (plain == value.size()) return;
    out += '\\';
    out += value[plain] == '\n' ? 'n' : value[plain];
    value.remove_prefix(plain + 1);
  }
}

}  // namespace anomaly_exporter::core
