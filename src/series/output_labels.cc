#include "output_labels.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "anomaly_exporter/core/own_labels.h"
#include "entity_key.h"

namespace anomaly_exporter::series {
namespace {

constexpr std::string_view kPrefix = "exported_";

bool carries(const std::vector<core::Label>& labels, std::string_view name) {
  return std::any_of(labels.begin(), labels.end(),
                     [&](const core::Label& label) { return label.name == name; });
}

/// The one value that the series give the label; nothing when none has it, when two disagree, or
/// when `everywhere` is asked for and one lacks it.
std::optional<std::string_view> common_value(std::string_view name,
                                             std::span<const core::LabelsPtr> series,
                                             bool everywhere) {
  std::optional<std::string_view> common;
  for (const core::LabelsPtr& labels : series) {
    const auto value = labels->value(name);
    if (!value) {
      if (everywhere) return std::nullopt;
      continue;
    }
    if (common && *common != *value) return std::nullopt;
    common = value;
  }
  return common;
}

}  // namespace

core::Labels make_output_labels(const core::Labels& key, std::span<const core::LabelsPtr> series,
                                const std::optional<std::vector<std::string>>& chosen) {
  std::vector<core::Label> labels(key.items().begin(), key.items().end());
  const auto carry = [&](std::string_view name, bool everywhere) {
    if (name == kNameLabel || carries(labels, name)) return;
    const auto value = common_value(name, series, everywhere);
    if (value) labels.push_back({std::string(name), std::string(*value)});
  };
  if (chosen) {
    for (const std::string& name : *chosen) carry(name, false);
  } else if (!series.empty()) {
    for (const core::Label& label : series.front()->items()) carry(label.name, true);
  }
  for (const std::string_view ours : core::kOwnLabels) {
    const auto taken = std::find_if(labels.begin(), labels.end(),
                                    [&](const core::Label& label) { return label.name == ours; });
    if (taken == labels.end()) continue;
    std::string renamed = std::string(kPrefix) + taken->name;
    while (carries(labels, renamed)) renamed.insert(0, kPrefix);
    taken->name = std::move(renamed);
  }
  auto output = core::Labels::create(std::move(labels));
  return output ? std::move(output).value() : key;
}

bool OutputCollisions::set(Entity entity, core::Labels output) {
  const auto known = by_entity_.find(entity);
  if (known != by_entity_.end() && known->second == output) return true;
  remove(entity);
  const bool renamed = std::any_of(
      output.items().begin(), output.items().end(),
      [](const core::Label& label) { return label.name.compare(0, kPrefix.size(), kPrefix) == 0; });
  if (!renamed) return true;
  std::vector<Entity>& claim = claims_[output];
  claim.push_back(entity);
  by_entity_.emplace(entity, std::move(output));
  return claim.size() == 1;
}

void OutputCollisions::remove(Entity entity) {
  const auto known = by_entity_.find(entity);
  if (known == by_entity_.end()) return;
  const auto claim = claims_.find(known->second);
  std::erase(claim->second, entity);
  if (claim->second.empty()) claims_.erase(claim);
  by_entity_.erase(known);
}

bool OutputCollisions::is_hidden(Entity entity) const {
  const auto known = by_entity_.find(entity);
  return known != by_entity_.end() && claims_.at(known->second).front() != entity;
}

std::size_t OutputCollisions::memory_bytes() const {
  constexpr std::size_t kNode = 64;  // links, colour or hash, allocator's share
  std::size_t bytes = by_entity_.bucket_count() * sizeof(void*);
  for (const auto& [entity, labels] : by_entity_) {
    bytes += 2 * (kNode + sizeof(core::Labels) + labels.heap_bytes()) + sizeof(Entity);
  }
  return bytes;
}

}  // namespace anomaly_exporter::series
