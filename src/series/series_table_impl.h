#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "anomaly_exporter/series/series_table.h"
#include "entity_key.h"
#include "output_labels.h"
#include "pointer_table.h"
#include "remarks.h"

namespace anomaly_exporter::series {

/// What the next sample of a row is compared with.
struct RowState {
  core::Timestamp last_sample;
  core::Timestamp last_seen;
  std::uint64_t is_seen;  // 0 until a value was used
};

struct EntityState {
  core::LabelsPtr key;           // null while the number is free
  core::Duration seen{0};        // uptime of the source when a value was used last
  bool holds_place = false;      // restored: took a place that its first series will use
  bool output_is_stale = false;  // waits in stale_outputs
  bool was_removed = false;      // since the last take_changes
  bool was_admitted = false;     // since the last take_changes, and is live
};

/// Makes room for the values of `rows` rows.
inline void size_for(TickValues& out, std::size_t rows) {
  if (out.values.size() < rows) out.values.resize(rows);
  if (out.present.size() < rows / kLanes) out.present.resize(rows / kLanes);
}

/// The state of a SeriesTable and its inner steps: values and label sets in series_table_place.cc,
/// entities and places in series_table_entities.cc.
struct SeriesTable::Impl {
  Impl(const SeriesTableOptions& o, SeriesBudget& b, DropCounters& d)
      : options(&o),
        budget(&b),
        counters(&d),
        key_rule(o.group_by),
        tables(o.metrics.size()),
        series_per_metric(o.metrics.size()) {}

  const SeriesTableOptions* options;
  SeriesBudget* budget;    // borrowed, outlives this
  DropCounters* counters;  // borrowed, outlives this
  EntityKeyRule key_rule;

  // By entity.
  std::vector<EntityState> entities;
  std::unordered_multimap<std::uint64_t, Entity> by_key;
  std::set<Entity> free_numbers;
  std::size_t live_entities = 0;
  Column<LaneMask> live;  // by block

  // By row, and by strip (row / 64).
  std::vector<core::LabelsPtr> labels;
  Column<RowState> rows;
  Column<LaneMask> known;
  Column<LaneMask> used;     // in this tick: has a value
  Column<LaneMask> claimed;  // in this tick: the row's owner was in the answer

  /// Rows without a value whose entity has others: uptime at the last tick before.
  std::map<Row, core::Duration> missing_since;

  // By metric.
  std::vector<PointerTable> tables;
  std::vector<std::size_t> series_per_metric;

  core::Timestamp tick;
  core::Duration uptime{0};  // of the source, as seen by the ticks that ended
  bool was_up = false;
  core::Timestamp last_end;

  std::vector<std::uint32_t> unknown;     // scratch: positions in the answer
  std::vector<std::uint32_t> contenders;  // scratch: need no place
  std::vector<std::uint32_t> newcomers;   // scratch: need a place
  std::vector<Entity> evictable;          // longest unseen last; filled once per tick
  bool evictable_is_known = false;
  std::array<std::uint64_t, kDropReasons> dropped{};

  std::vector<Entity> stale_outputs;
  std::vector<Entity> changed;
  std::vector<Row> forgotten;
  OutputCollisions collisions;
  Remarks remarks;
  std::uint64_t generation = 1;

  [[nodiscard]] std::size_t metrics() const { return tables.size(); }
  [[nodiscard]] std::size_t strip_of(Entity e, std::size_t metric) const {
    return block_of(e) * metrics() + metric;
  }
  [[nodiscard]] bool is_live(Entity e) const {
    return e < entities.size() && entities[e].key != nullptr;
  }
  [[nodiscard]] bool is_known(Entity e, std::size_t metric) const {
    return (known[strip_of(e, metric)] & bit(lane_of(e))) != 0;
  }

  void drop(DropReason reason, std::uint64_t n = 1) {
    dropped[static_cast<std::size_t>(reason)] += n;
  }
  void report_drops() {
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      if (dropped[i] != 0) counters->add(static_cast<DropReason>(i), std::exchange(dropped[i], 0));
    }
  }

  // Values.
  [[nodiscard]] std::optional<DropReason> objection(const Sample& sample) const;
  [[nodiscard]] std::optional<DropReason> objection(Row row, const Sample& sample) const;
  void accept(Row row, const Sample& sample, TickValues& out);

  // Label sets that the pointer look-up did not know.
  [[nodiscard]] std::optional<DropReason> objection(const core::Labels& series,
                                                    const SeriesLimitOptions& limits) const;
  void place_unknown(std::size_t metric, std::span<const LabelledSample> samples, TickValues& out);
  void contend(std::size_t metric, const LabelledSample& series, TickValues& out);
  bool admit(std::size_t metric, const LabelledSample& series, TickValues& out);
  void refuse_duplicate(std::size_t metric, const core::Labels& refused, const core::Labels& owner);
  void refuse_for_limit(std::size_t metric, const core::Labels& first, std::size_t n);

  // Entities.
  [[nodiscard]] std::optional<Entity> find_entity(const core::Labels& series) const;
  [[nodiscard]] std::optional<Entity> free_number() const;
  [[nodiscard]] bool has_rows_for(Entity e) const;
  void add_entity(Entity e, core::LabelsPtr key);
  void remove_entity(Entity e);
  void remove_row(Entity e, std::size_t metric);
  void remove_missing_rows(std::size_t block, LaneMask seen, core::Duration before);
  void give_row(Entity e, std::size_t metric, const core::LabelsPtr& owner);
  void output_changed(Entity e);
  void refresh_outputs();

  // Places.
  bool take_place(std::optional<Entity> keep);
  bool evict_one(std::optional<Entity> keep);
  [[nodiscard]] bool is_evictable(Entity e) const;
  [[nodiscard]] bool has_place();
  void find_evictable();

  [[nodiscard]] core::Labels output_labels(Entity e) const;
};

}  // namespace anomaly_exporter::series
