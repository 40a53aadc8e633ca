#include "evaluate_memory.h"

#include <optional>

#include "anomaly_exporter/core/state_io.h"
#include "table_source.h"

namespace anomaly_exporter::tools {

namespace {

/// The number under which a monitor knows a table's entity; nothing before its first value.
std::optional<series::Entity> number_of(const app::MonitorState& monitor, std::size_t entity,
                                        std::size_t entities) {
  const auto labels = table_labels(entity, entities);
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    const auto row = monitor.table->find(m, labels);
    if (!row) continue;
    return static_cast<series::Entity>(
        *row / (monitor.metrics() * series::kLanes) * series::kLanes + *row % series::kLanes);
  }
  return std::nullopt;
}

}  // namespace

void ExamMemory::note(const app::MonitorState& monitor, std::size_t row) {
  for (auto it = states_.lower_bound({row, 0}); it != states_.end() && it->first.first == row;
       ++it) {
    const auto number = number_of(monitor, it->first.second, entities_);
    if (!number) continue;
    core::StateWriter out;
    monitor.evidence.save(*number, out);
    for (const auto& detector : monitor.detectors) {
      if (detector->remembers()) detector->save_entity(*number, out);
    }
    it->second = out.take();
  }
}

core::Status ExamMemory::take_up(std::size_t entity, std::size_t row,
                                 app::MonitorState& monitor) const {
  const auto found = states_.find({row, entity});
  const auto number = number_of(monitor, entity, entities_);
  if (found == states_.end() || found->second.empty() || !number) return {};
  core::StateReader in(found->second);
  if (auto status = monitor.evidence.restore(*number, in); !status.ok()) return status;
  for (const auto& detector : monitor.detectors) {
    if (!detector->remembers()) continue;
    if (auto status = detector->restore_entity(*number, in); !status.ok()) return status;
  }
  return {};
}

}  // namespace anomaly_exporter::tools
