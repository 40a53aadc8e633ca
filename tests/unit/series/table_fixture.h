#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/series/series_table.h"

namespace anomaly_exporter::series {

inline core::LabelsPtr labels(std::vector<core::Label> items) {
  return std::make_shared<const core::Labels>(core::Labels::create(std::move(items)).value());
}

/// `{instance="<name>"}`, a new pointer at every call.
inline core::LabelsPtr host(const std::string& name) { return labels({{"instance", name}}); }

/// A table with its surroundings, fed tick by tick.
struct TableFixture {
  static constexpr core::Duration kInterval = std::chrono::seconds(10);

  explicit TableFixture(SeriesTableOptions o = {}, SeriesLimitOptions limits = {})
      : budget(limits), table(with_defaults(std::move(o)), budget, drops) {}

  static SeriesTableOptions with_defaults(SeriesTableOptions o) {
    if (o.monitor.empty()) o.monitor = "node";
    if (o.source.empty()) o.source = "prom";
    if (o.metrics.empty()) o.metrics = {"us"};
    return o;
  }

  /// A sample at the time of the tick under way.
  [[nodiscard]] LabelledSample at_tick(core::LabelsPtr series, double value = 1) const {
    return {std::move(series), {now, value}};
  }
  [[nodiscard]] std::vector<LabelledSample> at_tick(
      std::initializer_list<core::LabelsPtr> all) const {
    std::vector<LabelledSample> samples;
    for (const auto& series : all) samples.push_back(at_tick(series));
    return samples;
  }

  void begin() { table.begin(now, out); }
  void place(const std::vector<LabelledSample>& samples, std::size_t metric = 0) {
    table.place(metric, samples, out);
  }
  void end(bool source_up = true) {
    table.end(now, source_up);
    now = now + kInterval;
  }
  /// A whole tick of metric 0 with values at the tick's time.
  void tick(std::initializer_list<core::LabelsPtr> all, bool source_up = true) {
    begin();
    place(at_tick(all));
    end(source_up);
  }

  [[nodiscard]] bool has_value(Row row) const {
    return row / kLanes < out.present.size() &&
           (out.present[row / kLanes] & bit(row % kLanes)) != 0;
  }
  /// Value of a series in the last tick; nothing when absent or unknown.
  [[nodiscard]] std::optional<float> value(const core::LabelsPtr& series,
                                           std::size_t metric = 0) const {
    const auto row = table.find(metric, series);
    if (!row || !has_value(*row)) return std::nullopt;
    return out.values[*row];
  }
  /// Number of the entity of a series; 999999 when unknown.
  [[nodiscard]] Entity entity(const core::LabelsPtr& series, std::size_t metric = 0) const {
    const auto row = table.find(metric, series);
    if (!row) return 999999;
    const std::size_t block = *row / kLanes / table.metrics();
    return static_cast<Entity>(block * kLanes + *row % kLanes);
  }
  [[nodiscard]] std::uint64_t dropped(DropReason reason) const { return drops.value(reason); }

  core::Timestamp now{1'700'000'000'000};
  SeriesBudget budget;
  DropCounters drops;
  TickValues out;
  SeriesTable table;
};

}  // namespace anomaly_exporter::series
