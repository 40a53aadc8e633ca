#include "entity_key.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

namespace anomaly_exporter::series {
namespace {

std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
  return (hash ^ std::hash<std::string_view>{}(text)) * 0x9E3779B97F4A7C15ULL;
}

}  // namespace

EntityKeyRule::EntityKeyRule(std::optional<std::vector<std::string>> group_by)
    : group_by_(std::move(group_by)) {
  if (group_by_) std::sort(group_by_->begin(), group_by_->end());
}

bool EntityKeyRule::names(std::string_view label) const {
  if (label == kNameLabel) return false;
  return !group_by_ || std::binary_search(group_by_->begin(), group_by_->end(), label);
}

std::uint64_t EntityKeyRule::hash(const core::Labels& series) const {
  std::uint64_t hash = 0;
  for (const core::Label& label : series.items()) {
    if (names(label.name)) hash = mixed(mixed(hash, label.name), label.value);
  }
  return hash;
}

bool EntityKeyRule::matches(const core::Labels& series, const core::Labels& key) const {
  auto expected = key.items().begin();
  for (const core::Label& label : series.items()) {
    if (!names(label.name)) continue;
    if (expected == key.items().end() || *expected != label) return false;
    ++expected;
  }
  return expected == key.items().end();
}

bool EntityKeyRule::is_key(const core::Labels& labels) const {
  const auto items = labels.items();
  return std::all_of(items.begin(), items.end(),
                     [this](const core::Label& label) { return names(label.name); });
}

core::LabelsPtr EntityKeyRule::key_of(const core::LabelsPtr& series) const {
  std::vector<std::string> others;
  for (const core::Label& label : series->items()) {
    if (!names(label.name)) others.push_back(label.name);
  }
  if (others.empty()) return series;
  return std::make_shared<const core::Labels>(series->drop(others));
}

}  // namespace anomaly_exporter::series
