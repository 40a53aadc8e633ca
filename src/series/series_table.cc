#include "anomaly_exporter/series/series_table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "series_table_impl.h"

namespace anomaly_exporter::series {

SeriesTable::SeriesTable(SeriesTableOptions options, SeriesBudget& budget, DropCounters& drops)
    : options_(std::move(options)), impl_(std::make_unique<Impl>(options_, budget, drops)) {}

SeriesTable::~SeriesTable() {
  for (Entity e = 0; e < impl_->entities.size(); ++e) {
    if (impl_->is_live(e)) impl_->remove_entity(e);
  }
}

void SeriesTable::reconfigure(SeriesTableOptions options) {
  options_ = std::move(options);
  for (Entity e = 0; e < impl_->entities.size(); ++e) {
    if (impl_->is_live(e)) impl_->output_changed(e);
  }
  impl_->refresh_outputs();
  impl_->report_drops();
}

void SeriesTable::begin(core::Timestamp tick, TickValues& out) {
  Impl& t = *impl_;
  t.tick = tick;
  t.evictable_is_known = false;
  std::fill_n(t.used.data(), t.used.size(), LaneMask{0});
  std::fill_n(t.claimed.data(), t.claimed.size(), LaneMask{0});
  size_for(out, t.rows.size());
  std::fill(out.present.begin(), out.present.end(), LaneMask{0});
  out.newest_sample = {};
}

void SeriesTable::place(std::size_t metric, std::span<const LabelledSample> samples,
                        TickValues& out) {
  assert(metric < metrics());
  constexpr std::size_t kAhead = 12;  // samples; hides the latency of main memory
  Impl& t = *impl_;
  const PointerTable& table = t.tables[metric];
  t.unknown.clear();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i + kAhead < samples.size()) table.prefetch(samples[i + kAhead].labels.get());
    if (const auto row = table.find(samples[i].labels.get())) {
      t.accept(*row, samples[i].sample, out);
    } else {
      t.unknown.push_back(static_cast<std::uint32_t>(i));
    }
  }
  if (!t.unknown.empty()) t.place_unknown(metric, samples, out);
  t.report_drops();
}

void SeriesTable::end(core::Timestamp tick, bool source_up) {
  Impl& t = *impl_;
  const core::Duration before = t.uptime;
  if (source_up && t.was_up && tick > t.last_end) t.uptime += tick - t.last_end;
  t.was_up = source_up;
  t.last_end = tick;
  for (std::size_t block = 0; block < t.live.size(); ++block) {
    LaneMask seen = 0;
    for (std::size_t metric = 0; metric < metrics(); ++metric) {
      seen |= t.used[block * metrics() + metric];
    }
    for (LaneMask lanes = t.live[block]; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      const auto e = static_cast<Entity>(block * kLanes + lane);
      if ((seen & bit(lane)) != 0) {
        t.entities[e].seen = t.uptime;
      } else if (source_up && t.uptime - t.entities[e].seen > options_.expire_after) {
        t.remove_entity(e);
      }
    }
    if (source_up) t.remove_missing_rows(block, seen, before);
  }
  std::erase_if(t.missing_since, [&](const auto& entry) {
    const std::size_t strip = entry.first / kLanes;
    return (t.known[strip] & ~t.used[strip] & bit(entry.first % kLanes)) == 0;
  });
  t.refresh_outputs();
  if (source_up) t.drop(DropReason::LabelCollision, t.collisions.hidden());
  t.report_drops();
}

std::optional<Row> SeriesTable::find(std::size_t metric, const core::LabelsPtr& labels) const {
  const Impl& t = *impl_;
  if (labels == nullptr) return std::nullopt;
  if (const auto row = t.tables[metric].find(labels.get())) return row;
  const auto entity = t.find_entity(*labels);
  if (!entity || !t.is_known(*entity, metric)) return std::nullopt;
  const Row row = row_of(*entity, metric, metrics());
  if (*t.labels[row] != *labels) return std::nullopt;
  return row;
}

SeriesTable::Changes SeriesTable::take_changes() {
  Changes changes;
  std::sort(impl_->changed.begin(), impl_->changed.end());
  for (const Entity e : impl_->changed) {
    EntityState& state = impl_->entities[e];
    if (std::exchange(state.was_removed, false)) changes.removed.push_back(e);
    if (std::exchange(state.was_admitted, false)) changes.admitted.push_back(e);
  }
  impl_->changed.clear();
  changes.forgotten.swap(impl_->forgotten);
  return changes;
}

std::size_t SeriesTable::capacity() const { return impl_->entities.size(); }
std::size_t SeriesTable::entities() const { return impl_->live_entities; }

std::size_t SeriesTable::series() const {
  std::size_t sum = 0;
  for (const std::size_t n : impl_->series_per_metric) sum += n;
  return sum;
}

LaneMask SeriesTable::live(std::size_t block) const { return impl_->live[block]; }

LaneMask SeriesTable::known(std::size_t block, std::size_t metric) const {
  return impl_->known[block * metrics() + metric];
}

const core::Labels& SeriesTable::key(Entity entity) const {
  assert(impl_->is_live(entity));
  return *impl_->entities[entity].key;
}

core::Labels SeriesTable::output_labels(Entity entity) const {
  assert(impl_->is_live(entity));
  return impl_->output_labels(entity);
}

bool SeriesTable::is_output(Entity entity) const {
  return impl_->is_live(entity) && !impl_->collisions.is_hidden(entity);
}

std::span<const std::size_t> SeriesTable::series_per_metric() const {
  return impl_->series_per_metric;
}

std::optional<core::Timestamp> SeriesTable::last_seen(Row row) const {
  if (row >= impl_->rows.size() || impl_->rows[row].is_seen == 0) return std::nullopt;
  return impl_->rows[row].last_seen;
}

std::uint64_t SeriesTable::generation() const { return impl_->generation; }

std::vector<std::string> SeriesTable::take_remarks() { return impl_->remarks.take(); }

std::optional<Entity> SeriesTable::restore_entity(const core::Labels& key,
                                                  std::optional<Entity> number) {
  Impl& t = *impl_;
  if (!t.key_rule.is_key(key)) return std::nullopt;  // saved when keys were made of other labels
  if (const auto known = t.find_entity(key)) return known;
  if (!number) number = t.free_number();
  if (!number || t.is_live(*number) || !t.has_rows_for(*number)) return std::nullopt;
  if (!t.budget->take(options_.source)) return std::nullopt;
  t.add_entity(*number, std::make_shared<const core::Labels>(key));
  t.entities[*number].holds_place = true;
  t.refresh_outputs();
  t.report_drops();
  return number;
}

std::size_t SeriesTable::memory_bytes() const {
  const Impl& t = *impl_;
  constexpr std::size_t kShared = 16 + sizeof(core::Labels);  // a label set behind its pointer
  constexpr std::size_t kKeyNode = 40;                        // an entry of by_key
  std::size_t bytes =
      sizeof(Impl) + t.entities.capacity() * sizeof(EntityState) + t.by_key.size() * kKeyNode +
      t.by_key.bucket_count() * sizeof(void*) + t.free_numbers.size() * kKeyNode + t.live.bytes() +
      t.missing_since.size() * kKeyNode + t.labels.capacity() * sizeof(core::LabelsPtr) +
      t.rows.bytes() + t.known.bytes() + t.used.bytes() + t.claimed.bytes() +
      t.collisions.memory_bytes() + t.remarks.memory_bytes();
  for (const PointerTable& table : t.tables) bytes += table.bytes();
  for (const auto* scratch : {&t.unknown, &t.contenders, &t.newcomers, &t.evictable,
                              &t.stale_outputs, &t.changed, &t.forgotten}) {
    bytes += scratch->capacity() * sizeof(std::uint32_t);
  }
  for (Entity e = 0; e < t.entities.size(); ++e) {
    if (!t.is_live(e)) continue;
    // Within an entity one label set may serve the key and several metrics: counted once.
    const core::Labels* previous = t.entities[e].key.get();
    bytes += kShared + previous->heap_bytes();
    for (std::size_t metric = 0; metric < metrics(); ++metric) {
      const core::Labels* labels = t.labels[row_of(e, metric, metrics())].get();
      if (labels == nullptr || labels == previous) continue;
      bytes += kShared + labels->heap_bytes();
      previous = labels;
    }
  }
  return bytes;
}

}  // namespace anomaly_exporter::series
