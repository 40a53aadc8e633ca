#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/time.h"
#include "yaml_tree.h"

namespace anomaly_exporter::config {

/// What is wrong in one file, collected so that a user sees up to `kShown` mistakes at once.
class Faults {
 public:
  static constexpr std::size_t kShown = 10;

  void add(int line, const std::string& path, const std::string& message);
  [[nodiscard]] std::size_t count() const { return faults_.size(); }
  /// `FILE:LINE: PATH: message` per line, in file order. REQUIRES: count() > 0.
  [[nodiscard]] std::string text(const std::string& file) const;

 private:
  std::vector<std::pair<int, std::string>> faults_;
};

/// What decoding one file shares.
struct DecodeContext {
  Faults faults;
  std::string base_directory;  ///< relative file names start here
};

/// A node under decoding: where it is and how to complain about it.
/// Borrows tree and context, which outlive it. Threads: one thread at a time.
class Cursor {
 public:
  Cursor(YamlNode& node, std::string path, DecodeContext& context)
      : node_(&node), path_(std::move(path)), context_(&context) {}

  [[nodiscard]] YamlNode& node() const { return *node_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] DecodeContext& context() const { return *context_; }

  /// Records a mistake at this node.
  void fail(const std::string& message) const { context_->faults.add(node_->line, path_, message); }
  /// Records a mistake at a key, whether or not it was written.
  void fail_at(std::string_view key, const std::string& message) const;
  /// Records the message of a domain's own check. Where it begins with a path of keys
  /// (`tls_config.key_file: ...`), the mistake is placed at that key below this node.
  void fail_within(const std::string& message) const;

  /// The value of a key, if the node is a map that has it.
  [[nodiscard]] std::optional<Cursor> find(std::string_view key) const;
  [[nodiscard]] Cursor item(std::size_t i) const;
  /// Number of mistakes so far, to see whether a part added some.
  [[nodiscard]] std::size_t faults() const { return context_->faults.count(); }

  /// True, after a complaint, when a list or map has more than `most` entries.
  [[nodiscard]] bool exceeds(std::size_t most) const;

  /// True, after a complaint, when nothing is written where a list replaces the default: a key
  /// whose entries were all commented out. An empty list is written [].
  [[nodiscard]] bool lacks_list() const;

  /// Calls `use(key, value)` for each entry of a map; complains about repeated keys and about a
  /// node that is no map. A Null node is an empty map.
  void for_each_entry(const std::function<void(const std::string&, const Cursor&)>& use) const;
  /// The same for lists.
  void for_each_item(const std::function<void(const Cursor&)>& use) const;

 private:
  YamlNode* node_;
  std::string path_;
  DecodeContext* context_;
};

/// `"10"`, cut to a readable length and free of control characters, for messages.
std::string in_quotes(std::string_view text);
/// `a, b, c`.
std::string joined(const std::vector<std::string>& words, std::string_view separator = ", ");
/// The known word nearest to `word`, if one is near enough to be meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);
/// `; did you mean "x"?`, or `; known: a, b` when nothing is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

/// Numbers with bounds that are part of the range.
struct NumberRange {
  double least;
  double most;
};
struct CountRange {
  std::uint64_t least;
  std::uint64_t most;
};
struct DurationRange {
  core::Duration least;
  core::Duration most;
};

/// Readers of scalars. Each complains and returns nothing when the node is not what it should be.
std::optional<std::string> read_text(const Cursor& at);
std::optional<bool> read_bool(const Cursor& at);
std::optional<double> read_number(const Cursor& at, NumberRange range);
std::optional<std::uint64_t> read_count(const Cursor& at, CountRange range);
std::optional<core::Duration> read_duration(const Cursor& at, DurationRange range);
/// A size: bytes as a number, or with KiB, MiB, GiB.
std::optional<std::uint64_t> read_bytes(const Cursor& at, CountRange range);
/// A file name, taken relative to the configuration's directory.
std::optional<std::string> read_file_name(const Cursor& at);
/// A name of the form `[a-zA-Z_][a-zA-Z0-9_-]*`, at most 128 bytes.
std::optional<std::string> read_name(const Cursor& at);
bool is_name(std::string_view text);
/// Text that must not be shown again.
std::optional<std::string> read_secret(const Cursor& at);
/// A list of label names without repeats.
std::optional<std::vector<std::string>> read_label_names(const Cursor& at);

std::string bytes_text(std::uint64_t bytes);

}  // namespace anomaly_exporter::config
