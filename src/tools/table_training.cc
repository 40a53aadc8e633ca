#include "table_training.h"

#include <optional>
#include <utility>
#include <vector>

#include "anomaly_exporter/app/training_run.h"
#include "anomaly_exporter/app/training_set.h"
#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::tools {

namespace {

/// The table of an entity, by the labels that a replay gives it.
std::size_t table_of(const app::MonitorState& monitor, series::Entity entity) {
  const auto series = monitor.table->key(entity).value("series");
  return series ? static_cast<std::size_t>(core::parse_number(*series).value_or(0)) : 0;
}

}  // namespace

TableTraining::TableTraining(std::span<const sources::CsvTable> tables,
                             const app::MonitorState& monitor, config::TrainingConfig config)
    : tables_(tables), config_(config), is_needed_(config.enabled && app::has_trainable(monitor)) {}

bool TableTraining::is_due(core::Timestamp now, std::size_t rows) const {
  if (rows < config_.min_samples) return false;
  if (trained_rows_ == 0) return true;
  return rows >= 2 * trained_rows_ || now - trained_ >= config_.interval;
}

void TableTraining::after_tick(app::MonitorState& monitor, std::size_t rows) {
  if (!is_needed_) return;
  monitor.untaught.observe(monitor);
  if (!is_due(monitor.time, rows)) return;
  trained_rows_ = rows;
  trained_ = monitor.time;

  app::TrainingLimits limits;
  limits.history = config_.history;
  limits.values /= tables_.size();
  std::vector<std::optional<std::size_t>> columns;
  for (std::size_t m = 0; m < monitor.metrics(); ++m) columns.emplace_back(m);
  app::TrainingData data;
  for (const auto& table : tables_) {
    auto one = app::table_training_data(table, rows, columns, monitor.config.interval, limits, 1);
    if (data.set.parts.empty()) {
      data = std::move(one);
    } else {
      for (auto& part : one.set.parts) data.set.parts.push_back(std::move(part));
    }
  }
  for (series::Entity e = 0; e < monitor.table->capacity(); ++e) {
    const bool is_live =
        (monitor.table->live(series::block_of(e)) & series::bit(series::lane_of(e))) != 0;
    const std::size_t part = is_live ? table_of(monitor, e) : data.set.parts.size();
    if (part < data.set.parts.size()) data.set.parts[part].entity = monitor.table->key(e).hash();
  }
  std::vector<app::Incident> incidents;
  for (const auto& episode : monitor.untaught.episodes()) {
    const auto entity = static_cast<series::Entity>(
        episode.row / (monitor.metrics() * series::kLanes) * series::kLanes +
        episode.row % series::kLanes);
    incidents.push_back({.part = table_of(monitor, entity),
                         .metric = episode.row / series::kLanes % monitor.metrics(),
                         .first = episode.first,
                         .last = episode.last});
  }
  app::cut_incidents(data, incidents, monitor.untaught.since());
  (void)app::train_now(monitor, data.set);
}

}  // namespace anomaly_exporter::tools
