#include <algorithm>
#include <cmath>
#include <limits>

#include "anomaly_exporter/core/number_text.h"
#include "series_table_impl.h"

namespace anomaly_exporter::series {

// --- values ---------------------------------------------------------------------------------

std::optional<DropReason> SeriesTable::Impl::objection(const Sample& sample) const {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (!std::isfinite(sample.value)) {
    return core::is_stale_marker(sample.value) ? DropReason::StaleMarker : DropReason::NotFinite;
  }
  if (std::abs(sample.value) > kLargest) return DropReason::TooLarge;
  if (sample.time < tick - options->max_age) return DropReason::TooOld;
  if (sample.time > tick + options->max_ahead) return DropReason::InFuture;
  return std::nullopt;
}

std::optional<DropReason> SeriesTable::Impl::objection(Row row, const Sample& sample) const {
  const auto problem = objection(sample);
  if (problem) return problem;
  const RowState& state = rows[row];
  const bool clock_was_set_back = state.last_sample > tick + options->max_ahead;
  if (state.is_seen != 0 && sample.time < state.last_sample && !clock_was_set_back) {
    return DropReason::OutOfOrder;
  }
  return std::nullopt;
}

void SeriesTable::Impl::accept(Row row, const Sample& sample, TickValues& out) {
  const std::size_t strip = row / kLanes;
  const LaneMask lane = bit(row % kLanes);
  if ((claimed[strip] & lane) != 0) {  // the same label set twice in one answer
    refuse_duplicate(strip % metrics(), *labels[row], *labels[row]);
    return;
  }
  RowState& state = rows[row];
  if (const auto problem = objection(row, sample)) {
    drop(*problem);
    // An owner that ended or lags behind leaves its row to another series of the entity.
    const bool gives_way = problem == DropReason::StaleMarker || problem == DropReason::TooOld ||
                           problem == DropReason::OutOfOrder;
    if (!gives_way) claimed[strip] |= lane;
    return;
  }
  const auto value = static_cast<float>(sample.value);
  if (state.is_seen != 0) {
    if (sample.time == state.last_sample && sample.time != tick) drop(DropReason::DuplicateSample);
  }
  state = {.last_sample = sample.time, .last_seen = tick, .is_seen = 1};
  claimed[strip] |= lane;
  used[strip] |= lane;
  out.values[row] = value;
  out.present[strip] |= lane;
  out.newest_sample = std::max(out.newest_sample, sample.time);
}

// --- label sets that are new ----------------------------------------------------------------

std::optional<DropReason> SeriesTable::Impl::objection(const core::Labels& series,
                                                       const SeriesLimitOptions& limits) const {
  if (series.size() > limits.labels_per_series) return DropReason::LabelLimit;
  for (const core::Label& label : series.items()) {
    if (std::max(label.name.size(), label.value.size()) > limits.label_value_bytes) {
      return DropReason::LabelLimit;
    }
  }
  const auto name = series.value(kNameLabel);
  const auto& ours = options->own_families;
  if (name && std::find(ours.begin(), ours.end(), *name) != ours.end()) {
    return DropReason::OwnOutput;
  }
  return std::nullopt;
}

void SeriesTable::Impl::place_unknown(std::size_t metric, std::span<const LabelledSample> samples,
                                      TickValues& out) {
  const SeriesLimitOptions limits = budget->options();
  contenders.clear();
  newcomers.clear();
  for (const std::uint32_t at : unknown) {
    const LabelledSample& series = samples[at];
    if (series.labels == nullptr) {
      drop(DropReason::InvalidLabels);
      continue;
    }
    auto problem = objection(*series.labels, limits);
    if (!problem) problem = objection(series.sample);
    if (problem) {
      drop(*problem);
      continue;
    }
    const auto entity = find_entity(*series.labels);
    if (!entity) {
      newcomers.push_back(at);
      continue;
    }
    const Row row = row_of(*entity, metric, metrics());
    if (is_known(*entity, metric) && *labels[row] == *series.labels) {
      give_row(*entity, metric, series.labels);  // the owner, under a new pointer
      accept(row, series.sample, out);
    } else if (is_known(*entity, metric) || entities[*entity].holds_place) {
      contenders.push_back(at);
    } else {
      newcomers.push_back(at);
    }
  }

  const auto comes_before = [&](std::uint32_t a, std::uint32_t b) {
    const auto order = *samples[a].labels <=> *samples[b].labels;
    return order != 0 ? order < 0 : a < b;
  };
  // Whoever finds its row claimed is refused whatever the order; only the others are worth sorting.
  const auto finds_row_free = [&](std::uint32_t at) {
    const Entity entity = *find_entity(*samples[at].labels);
    return (claimed[strip_of(entity, metric)] & bit(lane_of(entity))) == 0;
  };
  const auto hopeful_end = std::partition(contenders.begin(), contenders.end(), finds_row_free);
  std::sort(contenders.begin(), hopeful_end, comes_before);
  for (const std::uint32_t at : contenders) contend(metric, samples[at], out);

  // In label order as far as places go, without sorting those who will be refused.
  const auto comes_after = [&](std::uint32_t a, std::uint32_t b) { return comes_before(b, a); };
  if (!newcomers.empty() && has_place()) {
    std::make_heap(newcomers.begin(), newcomers.end(), comes_after);
    while (!newcomers.empty() && admit(metric, samples[newcomers.front()], out)) {
      std::pop_heap(newcomers.begin(), newcomers.end(), comes_after);
      newcomers.pop_back();
    }
  }
  if (!newcomers.empty()) {
    const auto first = std::min_element(newcomers.begin(), newcomers.end(), comes_before);
    refuse_for_limit(metric, *samples[*first].labels, newcomers.size());
  }
}

/// Gives a row to a series that needs no place: the row is known or the entity holds a place.
void SeriesTable::Impl::contend(std::size_t metric, const LabelledSample& series, TickValues& out) {
  const Entity entity = *find_entity(*series.labels);
  const Row row = row_of(entity, metric, metrics());
  if ((claimed[row / kLanes] & bit(lane_of(entity))) != 0) {
    refuse_duplicate(metric, *series.labels, *labels[row]);
    return;
  }
  if (const auto problem = objection(row, series.sample)) {  // not worth a change of owner
    drop(*problem);
    return;
  }
  give_row(entity, metric, series.labels);
  accept(row, series.sample, out);
}

/// Admits a series that needs a place. False when there is none.
bool SeriesTable::Impl::admit(std::size_t metric, const LabelledSample& series, TickValues& out) {
  auto entity = find_entity(*series.labels);
  if (entity && is_known(*entity, metric)) {  // another newcomer was quicker
    contend(metric, series, out);
    return true;
  }
  if (!take_place(entity)) return false;
  if (!entity) {
    entity = free_number();
    if (!entity) {
      budget->give_back(options->source);
      return false;
    }
    add_entity(*entity, key_rule.key_of(series.labels));
    size_for(out, rows.size());
  }
  give_row(*entity, metric, series.labels);
  accept(row_of(*entity, metric, metrics()), series.sample, out);
  return true;
}

void SeriesTable::Impl::refuse_duplicate(std::size_t metric, const core::Labels& refused,
                                         const core::Labels& owner) {
  drop(DropReason::DuplicateSeries);
  if (!remarks.is_news("duplicate series", refused)) return;
  remarks.add("monitor " + options->monitor + ", metric " + options->metrics[metric] + ": series " +
              shown(refused) + " names the same entity as " + shown(owner) + " and is not used");
}

void SeriesTable::Impl::refuse_for_limit(std::size_t metric, const core::Labels& first,
                                         std::size_t n) {
  drop(DropReason::SeriesLimit, n);
  if (!remarks.is_news("limit", core::Labels())) return;
  remarks.add("monitor " + options->monitor + ", metric " + options->metrics[metric] +
              ": the limit of series is reached; " + std::to_string(n) +
              " not used in this tick, the first of them " + shown(first));
}

}  // namespace anomaly_exporter::series
