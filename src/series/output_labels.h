#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/series/layout.h"

namespace anomaly_exporter::series {

/// The labels under which an entity is published: its key and further labels of its series.
/// `chosen` names the further ones; nothing = those that all series carry with one value. Names of
/// ours (`monitor`, `metric`, `detector`) become `exported_<name>`, as Prometheus itself does.
core::Labels make_output_labels(const core::Labels& key, std::span<const core::LabelsPtr> series,
                                const std::optional<std::vector<std::string>>& chosen);

/// Finds entities that would be published under equal labels.
///
/// Output labels contain the key, and keys differ; so two outputs can only be equal where a label
/// was renamed, and only sets with an `exported_` name are remembered.
///
/// Threads: one thread at a time. Cost: nothing for entities without such names.
class OutputCollisions {
 public:
  /// Tells the present output labels of an entity. False when an entity that came before has them.
  /// Telling the same labels again changes nothing and returns true.
  bool set(Entity entity, core::Labels output);
  void remove(Entity entity);

  /// True while an entity that came before has the same output labels.
  [[nodiscard]] bool is_hidden(Entity entity) const;
  /// How many are.
  [[nodiscard]] std::size_t hidden() const { return by_entity_.size() - claims_.size(); }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::map<core::Labels, std::vector<Entity>> claims_;  // in order of arrival; the first one shows
  std::unordered_map<Entity, core::Labels> by_entity_;
};

}  // namespace anomaly_exporter::series
