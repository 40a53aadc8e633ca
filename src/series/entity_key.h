#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::series {

/// The label that holds a series' metric name; never part of a key or an output.
inline constexpr std::string_view kNameLabel = "__name__";

/// Tells which labels of a series name its entity.
///
/// Threads: immutable. Cost: `hash` and `matches` allocate nothing.
class EntityKeyRule {
 public:
  /// Nothing = all labels but `__name__`.
  explicit EntityKeyRule(std::optional<std::vector<std::string>> group_by);

  /// True when the label is part of a key.
  [[nodiscard]] bool names(std::string_view label) const;

  /// Hash of the key that a series has; differs between builds, so nothing shown may depend on it.
  [[nodiscard]] std::uint64_t hash(const core::Labels& series) const;

  /// True when `key` is the key of the series.
  [[nodiscard]] bool matches(const core::Labels& series, const core::Labels& key) const;

  /// True when the label set holds nothing but key labels.
  [[nodiscard]] bool is_key(const core::Labels& labels) const;

  /// The key of a series; the same pointer where the whole label set is the key.
  [[nodiscard]] core::LabelsPtr key_of(const core::LabelsPtr& series) const;

 private:
  std::optional<std::vector<std::string>> group_by_;  // sorted
};

}  // namespace anomaly_exporter::series
