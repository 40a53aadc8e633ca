#include "anomaly_exporter/app/incident_feed.h"

#include <algorithm>
#include <limits>

namespace anomaly_exporter::app {
namespace {

using exposition::MonitorSnapshot;
using series::kLanes;
using series::Row;

std::size_t block_of(const MonitorState& monitor, Row row) {
  return row / (monitor.metrics() * kLanes);
}

std::size_t metric_of(const MonitorState& monitor, Row row) {
  return row / kLanes % monitor.metrics();
}

series::Entity entity_of(const MonitorState& monitor, Row row) {
  return static_cast<series::Entity>(block_of(monitor, row) * kLanes + row % kLanes);
}

/// The last values of a row, newest last, NaN where a tick brought none.
void copy_recent(const MonitorState& monitor, Row row, std::span<float> out) {
  std::fill(out.begin(), out.end(), std::numeric_limits<float>::quiet_NaN());
  const auto strip = monitor.windows.strip(block_of(monitor, row), metric_of(monitor, row));
  const std::size_t lane = row % kLanes;
  const auto ticks = static_cast<series::TickIndex>(std::min(out.size(), strip.slots));
  for (series::TickIndex i = 0; i < ticks && i <= monitor.index; ++i) {
    const std::size_t slot = strip.slot(monitor.index - i);
    if ((strip.present[slot] & series::bit(lane)) == 0) continue;
    out[out.size() - 1 - static_cast<std::size_t>(i)] = strip.values[slot * strip.stride + lane];
  }
}

}  // namespace

std::shared_ptr<const incidents::IncidentList> IncidentFeed::update(const MonitorState& monitor) {
  const RowResults& results = monitor.results;
  sightings_.clear();
  for (Row row = 0; row < results.level.size(); ++row) {
    if (results.level[row] == 0) continue;
    // A restored episode whose metric did not come back is nothing that goes on.
    const series::LaneMask known =
        monitor.table->known(block_of(monitor, row), metric_of(monitor, row));
    if ((known & series::bit(row % kLanes)) == 0) continue;
    const unsigned flags = results.flags[row];
    sightings_.push_back(
        {.row = row,
         .level = static_cast<severity::Level>(results.level[row]),
         .score = (flags & MonitorSnapshot::kScored) != 0 ? results.score[row] : 0,
         .value = (flags & MonitorSnapshot::kHasValue) != 0 ? results.value[row] : 0,
         .expected = (flags & MonitorSnapshot::kHasExpected) != 0 ? results.expected[row] : 0,
         .has_expected = (flags & MonitorSnapshot::kHasExpected) != 0,
         .opened = monitor.episodes.opened(row)});
  }
  tracker_.update(
      monitor.time, sightings_,
      {.metric =
           [&](Row row) { return monitor.config.metrics[metric_of(monitor, row)].request.metric; },
       .labels = [&](Row row) { return monitor.table->key(entity_of(monitor, row)); },
       .recent = [&](Row row, std::span<float> out) { copy_recent(monitor, row, out); }});
  if (tracker_.open().empty() && tracker_.resolved().empty()) return nullptr;
  auto list = std::make_shared<incidents::IncidentList>();
  list->open = tracker_.open();
  list->resolved.assign(tracker_.resolved().begin(), tracker_.resolved().end());
  return list;
}

}  // namespace anomaly_exporter::app
