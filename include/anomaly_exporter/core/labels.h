#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::core {

struct Label {
  std::string name;
  std::string value;

  friend auto operator<=>(const Label&, const Label&) = default;
};

/// An immutable Prometheus label set: sorted by name, names unique, no empty values (an empty value
/// means "label absent" in Prometheus and is removed at creation).
///
/// Threads: immutable. Cost: one vector; hash computed once. `value()` is a binary search.
/// Why a hash of our own: std::hash differs between libraries. It has no secret key, so a hostile
/// source can make collisions; equality therefore always compares the content, and tables of
/// series have limits.
class Labels {
 public:
  Labels() = default;

  /// Sorts `labels`. Errors: InvalidArgument for an empty name, a name twice, and a name or value
  /// that is not valid UTF-8 or holds a NUL byte; the message names the label. Names outside
  /// `[a-zA-Z_][a-zA-Z0-9_]*` are accepted, as Prometheus 3 has them; `is_legacy_label_name` tells
  /// them apart.
  static Result<Labels> create(std::vector<Label> labels);

  [[nodiscard]] std::span<const Label> items() const { return labels_; }
  [[nodiscard]] bool empty() const { return labels_.empty(); }
  [[nodiscard]] std::size_t size() const { return labels_.size(); }

  /// The value of a label, or nothing when the set has no such label.
  [[nodiscard]] std::optional<std::string_view> value(std::string_view name) const;

  /// Only the named labels / all but the named ones.
  [[nodiscard]] Labels keep(std::span<const std::string> names) const;
  [[nodiscard]] Labels drop(std::span<const std::string> names) const;

  /// 64-bit hash of names and values; equal on every platform and in every run.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  /// PromQL form: `{instance="a:9100",job="node"}`, values escaped as in the text format, names
  /// that are not legacy names in quotes.
  [[nodiscard]] std::string text() const;

  /// Bytes of heap this set occupies, for the memory sum, without the allocator's own.
  [[nodiscard]] std::size_t heap_bytes() const;

  friend bool operator==(const Labels& a, const Labels& b) {
    return a.hash_ == b.hash_ && a.labels_ == b.labels_;
  }
  friend auto operator<=>(const Labels& a, const Labels& b) { return a.labels_ <=> b.labels_; }

 private:
  /// REQUIRES: what `create` ensures.
  explicit Labels(std::vector<Label> sorted);

  [[nodiscard]] Labels filtered(std::span<const std::string> names, bool keep_named) const;

  std::vector<Label> labels_;
  std::uint64_t hash_ = 0;
};

/// Shared, immutable label set. A decoder returns the same pointer for the same series as long as
/// it remembers it, so that per-tick look-ups compare pointers, not text.
using LabelsPtr = std::shared_ptr<const Labels>;

/// True for `[a-zA-Z_][a-zA-Z0-9_]*`, the names that every Prometheus takes.
bool is_legacy_label_name(std::string_view name);
/// True for `[a-zA-Z_:][a-zA-Z0-9_:]*`.
bool is_legacy_metric_name(std::string_view name);
/// True for well-formed UTF-8 without surrogates and overlong forms (RFC 3629).
bool is_valid_utf8(std::string_view text);

/// Appends `value` as it stands between the quotes of a label value in the text exposition format:
/// backslash, double quote and line feed escaped.
void append_escaped_label_value(std::string& out, std::string_view value);

}  // namespace anomaly_exporter::core
