#include "decode.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::config {
namespace {

constexpr std::size_t kMaxQuotedBytes = 60;

/// Edits (insert, remove, replace, swap of neighbours) that turn one word into the other: the
/// restricted Damerau-Levenshtein distance (Boytsov 2011, section 2.2).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

/// The text of a scalar, or a complaint that says what was wanted.
const std::string* scalar(const Cursor& at, std::string_view wanted) {
  switch (at.node().kind) {
    case YamlNode::Kind::Scalar:
      return &at.node().text;
    case YamlNode::Kind::Null:
      at.fail("has no value; write " + std::string(wanted));
      return nullptr;
    case YamlNode::Kind::List:
      at.fail("is a list; write " + std::string(wanted));
      return nullptr;
    case YamlNode::Kind::Map:
      at.fail("is a mapping; write " + std::string(wanted));
      return nullptr;
  }
  return nullptr;
}

std::optional<std::uint64_t> parse_digits(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

struct ByteUnit {
  std::string_view name;
  unsigned shift;
};
constexpr ByteUnit kByteUnits[] = {{"GiB", 30}, {"MiB", 20}, {"KiB", 10}};

}  // namespace

void Faults::add(int line, const std::string& path, const std::string& message) {
  faults_.emplace_back(line, path.empty() ? message : path + ": " + message);
}

std::string Faults::text(const std::string& file) const {
  auto sorted = faults_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out;
  for (std::size_t i = 0; i < std::min(sorted.size(), kShown); ++i) {
    if (i > 0) out += '\n';
    out += file + ":" + std::to_string(sorted[i].first) + ": " + sorted[i].second;
  }
  if (sorted.size() > kShown) {
    out += "\n" + file + ": and " + std::to_string(sorted.size() - kShown) + " more";
  }
  return out;
}

std::optional<Cursor> Cursor::find(std::string_view key) const {
  for (std::size_t i = 0; i < node_->keys.size(); ++i) {
    if (node_->keys[i].text == key) {
      Cursor found(node_->items[i],
                   path_.empty() ? std::string(key) : path_ + "." + std::string(key), *context_);
      return found;
    }
  }
  return std::nullopt;
}

void Cursor::fail_at(std::string_view key, const std::string& message) const {
  if (const auto found = find(key)) return found->fail(message);
  const std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  context_->faults.add(node_->line, path, message);
}

void Cursor::fail_within(const std::string& message) const {
  const std::size_t colon = message.find(": ");
  const bool has_path = colon != std::string::npos && message.find(' ') == colon + 1;
  if (!has_path) return fail(message);
  const YamlNode* deepest = node_;
  std::optional<Cursor> place = *this;
  for (std::size_t begin = 0; place && begin < colon;) {
    const std::size_t end = std::min(message.find('.', begin), colon);
    place = place->find(message.substr(begin, end - begin));
    if (place) deepest = place->node_;
    begin = end + 1;
  }
  const std::string below = message.substr(0, colon);
  context_->faults.add(deepest->line, path_.empty() ? below : path_ + "." + below,
                       message.substr(colon + 2));
}

Cursor Cursor::item(std::size_t i) const {
  return {node_->items[i], path_ + "[" + std::to_string(i) + "]", *context_};
}

void Cursor::for_each_entry(
    const std::function<void(const std::string&, const Cursor&)>& use) const {
  if (node_->kind == YamlNode::Kind::Null) return;
  if (node_->kind != YamlNode::Kind::Map) {
    // The text is not repeated: it may be a secret in a wrong place.
    fail(node_->kind == YamlNode::Kind::List ? "is a list; write a mapping of keys to values"
                                             : "is text; write a mapping of keys to values");
    return;
  }
  std::map<std::string, int> lines;
  for (std::size_t i = 0; i < node_->keys.size(); ++i) {
    const YamlNode& key = node_->keys[i];
    const std::string path = path_.empty() ? key.text : path_ + "." + key.text;
    const auto [earlier, is_new] = lines.emplace(key.text, key.line);
    if (!is_new) {
      context_->faults.add(
          key.line, path, "repeated key; it is already on line " + std::to_string(earlier->second));
      continue;
    }
    // A value that begins below its key (a block) is reported at the key, where people look.
    YamlNode& value = node_->items[i];
    value.line = key.line;
    use(key.text, Cursor(value, path, *context_));
  }
}

bool Cursor::exceeds(std::size_t most) const {
  if (node_->items.size() <= most) return false;
  fail("has " + std::to_string(node_->items.size()) + " entries; write at most " +
       std::to_string(most));
  return true;
}

bool Cursor::lacks_list() const {
  if (node_->kind != YamlNode::Kind::Null) return false;
  fail("has no value; write [a, b], or [] for an empty list");
  return true;
}

void Cursor::for_each_item(const std::function<void(const Cursor&)>& use) const {
  if (node_->kind == YamlNode::Kind::Null) return;
  if (node_->kind != YamlNode::Kind::List) {
    fail("is not a list; write [a, b] or one \"- \" per line");
    return;
  }
  for (std::size_t i = 0; i < node_->items.size(); ++i) use(item(i));
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kMaxQuotedBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  if (text.size() > kMaxQuotedBytes) {
    // Never leave half a UTF-8 character at the cut.
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
    if (!out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0) out.pop_back();
    out += "...";
  }
  return out + "\"";
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += separator;
    out += word;
  }
  return out;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > 64) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  if (const auto meant = nearest(word, known)) return "; did you mean \"" + *meant + "\"?";
  return "; known: " + joined(known);
}

std::optional<std::string> read_text(const Cursor& at) {
  const std::string* text = scalar(at, "a text");
  if (text == nullptr) return std::nullopt;
  if (text->empty()) {
    at.fail("is empty; write a text or leave the key out");
    return std::nullopt;
  }
  if (!core::is_valid_utf8(*text) || text->find('\0') != std::string::npos) {
    at.fail("is not valid UTF-8 text");
    return std::nullopt;
  }
  return *text;
}

std::optional<std::string> read_secret(const Cursor& at) {
  at.node().is_secret = true;
  return read_text(at);
}

std::optional<bool> read_bool(const Cursor& at) {
  const std::string* text = scalar(at, "true or false");
  if (text == nullptr) return std::nullopt;
  if (!at.node().is_quoted && *text == "true") return true;
  if (!at.node().is_quoted && *text == "false") return false;
  at.fail(in_quotes(*text) + " is not a boolean; write true or false");
  return std::nullopt;
}

std::optional<double> read_number(const Cursor& at, NumberRange range) {
  const std::string* text = scalar(at, "a number");
  if (text == nullptr) return std::nullopt;
  const auto value = at.node().is_quoted ? std::nullopt : core::parse_number(*text);
  if (!value || !std::isfinite(*value)) {
    at.fail(in_quotes(*text) + " is not a number; write it without quotes and unit, like 0.5");
    return std::nullopt;
  }
  if (*value < range.least || *value > range.most) {
    const bool is_open_above = std::isinf(range.most);
    at.fail(*text + " is out of range; write a number " +
            (is_open_above ? "of at least " + core::number_text(range.least)
                           : "from " + core::number_text(range.least) + " to " +
                                 core::number_text(range.most)));
    return std::nullopt;
  }
  return value;
}

std::optional<std::uint64_t> read_count(const Cursor& at, CountRange range) {
  const std::string* text = scalar(at, "a whole number");
  if (text == nullptr) return std::nullopt;
  const auto value = at.node().is_quoted ? std::nullopt : parse_digits(*text);
  if (!value) {
    at.fail(in_quotes(*text) + " is not a whole number; write one from " +
            std::to_string(range.least) + " to " + std::to_string(range.most));
    return std::nullopt;
  }
  if (*value < range.least || *value > range.most) {
    at.fail(*text + " is out of range; write a whole number from " + std::to_string(range.least) +
            " to " + std::to_string(range.most));
    return std::nullopt;
  }
  return value;
}

std::optional<core::Duration> read_duration(const Cursor& at, DurationRange range) {
  const std::string* text = scalar(at, "a duration like 10s");
  if (text == nullptr) return std::nullopt;
  const auto value = core::parse_duration(*text);
  if (!value) {
    at.fail(in_quotes(*text) + " is not a duration; write it with a unit, like 10s");
    return std::nullopt;
  }
  if (*value < range.least || *value > range.most) {
    at.fail(*text + " is out of range; write a duration from " +
            core::format_duration(range.least) + " to " + core::format_duration(range.most));
    return std::nullopt;
  }
  return *value;
}

std::optional<std::uint64_t> read_bytes(const Cursor& at, CountRange range) {
  const std::string* text = scalar(at, "a size like 256MiB");
  if (text == nullptr) return std::nullopt;
  std::string_view digits = *text;
  unsigned shift = 0;
  for (const ByteUnit& unit : kByteUnits) {
    if (digits.ends_with(unit.name)) {
      digits.remove_suffix(unit.name.size());
      shift = unit.shift;
      break;
    }
  }
  const auto count = parse_digits(digits);
  if (!count) {
    at.fail(in_quotes(*text) +
            " is not a size; write bytes, or a whole number with KiB, MiB or GiB");
    return std::nullopt;
  }
  const bool overflows = *count > (UINT64_MAX >> shift);
  if (overflows || *count << shift < range.least || *count << shift > range.most) {
    at.fail(*text + " is out of range; write a size from " + bytes_text(range.least) + " to " +
            bytes_text(range.most));
    return std::nullopt;
  }
  return *count << shift;
}

std::string bytes_text(std::uint64_t bytes) {
  for (const ByteUnit& unit : kByteUnits) {
    if (bytes > 0 && bytes % (1ULL << unit.shift) == 0) {
      return std::to_string(bytes >> unit.shift) + std::string(unit.name);
    }
  }
  return std::to_string(bytes);
}

std::optional<std::string> read_file_name(const Cursor& at) {
  const auto text = read_text(at);
  if (!text) return std::nullopt;
  const std::filesystem::path path(*text);
  if (path.is_absolute()) return text;
  return (std::filesystem::path(at.context().base_directory) / path).lexically_normal().string();
}

bool is_name(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() <= 128 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

std::optional<std::string> read_name(const Cursor& at) {
  const auto text = read_text(at);
  if (!text) return std::nullopt;
  if (!is_name(*text)) {
    at.fail(in_quotes(*text) +
            " is not a name; write letters, digits, _ and -, beginning with a letter or _");
    return std::nullopt;
  }
  return text;
}

std::optional<std::vector<std::string>> read_label_names(const Cursor& at) {
  if (at.lacks_list()) return std::nullopt;
  const std::size_t before = at.faults();
  std::vector<std::string> names;
  std::set<std::string> seen;
  at.for_each_item([&](const Cursor& item) {
    const auto name = read_text(item);
    if (!name) return;
    if (!core::is_legacy_label_name(*name) || *name == "__name__") {
      item.fail(in_quotes(*name) + " is not a label name; write letters, digits and _");
    } else if (!seen.insert(*name).second) {
      item.fail(in_quotes(*name) + " is listed twice; list every label once");
    }
    names.push_back(*name);
  });
  if (at.faults() != before) return std::nullopt;
  return names;
}

}  // namespace anomaly_exporter::config
