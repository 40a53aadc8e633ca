#include <algorithm>
#include <bit>
#include <limits>
#include <tuple>

#include "series_table_impl.h"

namespace anomaly_exporter::series {

// --- entities -------------------------------------------------------------------------------

std::optional<Entity> SeriesTable::Impl::find_entity(const core::Labels& series) const {
  const auto [first, last] = by_key.equal_range(key_rule.hash(series));
  for (auto it = first; it != last; ++it) {
    if (key_rule.matches(series, *entities[it->second].key)) return it->second;
  }
  return std::nullopt;
}

/// The lowest number that is free; nothing when its rows would have no numbers.
std::optional<Entity> SeriesTable::Impl::free_number() const {
  const auto lowest =
      free_numbers.empty() ? static_cast<Entity>(entities.size()) : *free_numbers.begin();
  return has_rows_for(lowest) ? std::optional(lowest) : std::nullopt;
}

/// False for a number that no table within the limits would give out, as a damaged file may hold.
bool SeriesTable::Impl::has_rows_for(Entity e) const {
  const std::uint64_t rows_needed = (std::uint64_t{block_of(e)} + 1) * metrics() * kLanes;
  const bool is_within_limits = e < entities.size() || e < budget->options().series;
  return is_within_limits && rows_needed <= std::numeric_limits<Row>::max();
}

void SeriesTable::Impl::add_entity(Entity e, core::LabelsPtr key) {
  for (auto number = entities.size(); number <= e; ++number) {
    free_numbers.insert(static_cast<Entity>(number));
    entities.emplace_back();
  }
  free_numbers.erase(e);
  const std::size_t blocks = block_of(e) + 1;
  if (blocks > live.size()) {
    const std::size_t strips = blocks * metrics();
    live.resize(blocks);
    for (Column<LaneMask>* column : {&known, &used, &claimed}) column->resize(strips);
    labels.resize(strips * kLanes);
    rows.resize(strips * kLanes);
  }
  by_key.emplace(key_rule.hash(*key), e);
  live[block_of(e)] |= bit(lane_of(e));
  ++live_entities;
  EntityState& state = entities[e];
  state.key = std::move(key);
  state.seen = uptime;
  if (!state.was_removed) changed.push_back(e);
  state.was_admitted = true;
  output_changed(e);
}

void SeriesTable::Impl::remove_entity(Entity e) {
  EntityState& state = entities[e];
  for (std::size_t metric = 0; metric < metrics(); ++metric) {
    if (is_known(e, metric)) remove_row(e, metric);
  }
  if (state.holds_place) budget->give_back(options->source);
  const auto [first, last] = by_key.equal_range(key_rule.hash(*state.key));
  by_key.erase(std::find_if(first, last, [e](const auto& entry) { return entry.second == e; }));
  collisions.remove(e);
  live[block_of(e)] &= ~bit(lane_of(e));
  --live_entities;
  free_numbers.insert(e);
  const bool is_listed = state.was_removed || state.was_admitted;
  const bool waits = state.output_is_stale;
  state = {};
  state.was_removed = true;
  state.output_is_stale = waits;
  if (!is_listed) changed.push_back(e);
  ++generation;
}

void SeriesTable::Impl::remove_row(Entity e, std::size_t metric) {
  const Row row = row_of(e, metric, metrics());
  tables[metric].erase(labels[row].get());
  labels[row].reset();
  rows[row] = {};
  known[row / kLanes] &= ~bit(lane_of(e));
  --series_per_metric[metric];
  budget->give_back(options->source);
}

/// Forgets the rows of a block that have been without a value for long while their entity had
/// others. `seen`: lanes with any value in this tick. `before`: uptime at the tick before.
void SeriesTable::Impl::remove_missing_rows(std::size_t block, LaneMask seen,
                                            core::Duration before) {
  for (std::size_t metric = 0; metric < metrics(); ++metric) {
    const std::size_t strip = block * metrics() + metric;
    for (LaneMask lanes = known[strip] & seen & ~used[strip]; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      const auto e = static_cast<Entity>(block * kLanes + lane);
      const auto since = missing_since.try_emplace(row_of(e, metric, metrics()), before).first;
      if (uptime - since->second <= options->expire_after) continue;
      remove_row(e, metric);
      output_changed(e);
      forgotten.push_back(since->first);
    }
  }
}

/// Makes a series the owner of a row. The place has been taken.
void SeriesTable::Impl::give_row(Entity e, std::size_t metric, const core::LabelsPtr& owner) {
  const Row row = row_of(e, metric, metrics());
  const core::LabelsPtr previous = std::exchange(labels[row], owner);
  if (previous != nullptr) {
    tables[metric].erase(previous.get());
  } else {
    known[row / kLanes] |= bit(lane_of(e));
    ++series_per_metric[metric];
    entities[e].holds_place = false;
  }
  tables[metric].insert(owner.get(), row);
  if (previous == nullptr || *previous != *owner) output_changed(e);
}

void SeriesTable::Impl::output_changed(Entity e) {
  ++generation;
  if (std::exchange(entities[e].output_is_stale, true)) return;
  stale_outputs.push_back(e);
}

// --- places ---------------------------------------------------------------------------------

bool SeriesTable::Impl::take_place(std::optional<Entity> keep) {
  while (!budget->take(options->source)) {
    if (!evict_one(keep)) return false;
  }
  return true;
}

bool SeriesTable::Impl::is_evictable(Entity e) const {
  if (!is_live(e) || entities[e].seen >= uptime) return false;
  for (std::size_t metric = 0; metric < metrics(); ++metric) {
    if ((claimed[strip_of(e, metric)] & bit(lane_of(e))) != 0) return false;
  }
  return true;
}

void SeriesTable::Impl::find_evictable() {
  if (std::exchange(evictable_is_known, true)) return;
  evictable.clear();
  for (Entity e = 0; e < entities.size(); ++e) {
    if (is_evictable(e)) evictable.push_back(e);
  }
  std::sort(evictable.begin(), evictable.end(), [&](Entity a, Entity b) {
    return std::tie(entities[a].seen, a) > std::tie(entities[b].seen, b);
  });
}

bool SeriesTable::Impl::evict_one(std::optional<Entity> keep) {
  find_evictable();
  while (!evictable.empty()) {
    const Entity e = evictable.back();
    evictable.pop_back();
    if (e == keep || !is_evictable(e)) continue;
    remove_entity(e);
    return true;
  }
  return false;
}

/// A quick look before newcomers are put in order; `take_place` decides.
bool SeriesTable::Impl::has_place() {
  const SeriesLimitOptions limits = budget->options();
  if (budget->total() < limits.series &&
      budget->of_source(options->source) < limits.series_per_source) {
    return true;
  }
  find_evictable();
  return !evictable.empty();
}

// --- outputs --------------------------------------------------------------------------------

core::Labels SeriesTable::Impl::output_labels(Entity e) const {
  std::vector<core::LabelsPtr> series;
  for (std::size_t metric = 0; metric < metrics(); ++metric) {
    if (is_known(e, metric)) series.push_back(labels[row_of(e, metric, metrics())]);
  }
  return make_output_labels(*entities[e].key, series, options->labels);
}

void SeriesTable::Impl::refresh_outputs() {
  for (const Entity e : stale_outputs) {
    entities[e].output_is_stale = false;
    if (!is_live(e)) continue;
    const core::Labels output = output_labels(e);
    if (collisions.set(e, output)) continue;
    ++generation;
    if (!remarks.is_news("label collision", output)) continue;
    remarks.add("monitor " + options->monitor + ": the outputs of " + shown(*entities[e].key) +
                " would carry the labels of another entity, " + shown(output) +
                ", and are not published");
  }
  stale_outputs.clear();
}

}  // namespace anomaly_exporter::series
