#include "anomaly_exporter/app/incident_log.h"

#include <algorithm>
#include <string>

#include "anomaly_exporter/app/monitor_state.h"

namespace anomaly_exporter::app {

namespace {

constexpr std::uint32_t kVersion = 1;

series::Entity entity_of(series::Row row, std::size_t metrics) {
  return static_cast<series::Entity>(row / (metrics * series::kLanes) * series::kLanes +
                                     row % series::kLanes);
}

}  // namespace

void IncidentLog::observe(const MonitorState& monitor) {
  if (since_.ms == 0) since_ = monitor.time;
  const std::size_t rows = monitor.results.level.size();
  const severity::Episodes& episodes = monitor.episodes;
  for (auto it = open_.begin(); it != open_.end();) {
    if (it->first < rows && !episodes.is_at_rest(it->first)) {
      it->second.first = std::min(it->second.first, monitor.time);  // the clock may be set back
      it->second.last = std::max(it->second.last, monitor.time);
      ++it;
      continue;
    }
    closed_.push_back(it->second);
    it = open_.erase(it);
  }
  for (series::Row row = 0; row < rows; ++row) {
    if (episodes.is_at_rest(row) || open_.size() >= kMost) continue;
    open_.try_emplace(row, Episode{row, monitor.time, monitor.time});
  }
  while (closed_.size() > kMost) closed_.pop_front();
}

void IncidentLog::forget(series::Row row) {
  open_.erase(row);
  std::erase_if(closed_, [&](const Episode& e) { return e.row == row; });
}

std::vector<IncidentLog::Episode> IncidentLog::episodes() const {
  std::vector<Episode> all(closed_.begin(), closed_.end());
  for (const auto& [row, episode] : open_) all.push_back(episode);
  return all;
}

bool IncidentLog::save(series::Entity entity, std::size_t metrics, core::StateWriter& out) const {
  std::vector<Episode> own;
  const auto take = [&](const Episode& e) {
    if (entity_of(e.row, metrics) == entity) own.push_back(e);
  };
  for (const Episode& e : closed_) take(e);
  for (const auto& [row, e] : open_) take(e);
  if (own.empty()) return false;
  out.u32(kVersion);
  out.u32(static_cast<std::uint32_t>(own.size()));
  for (const Episode& e : own) {
    out.u32(static_cast<std::uint32_t>(e.row / series::kLanes % metrics));
    out.i64(e.first.ms);
    out.i64(e.last.ms);
  }
  return true;
}

core::Status IncidentLog::restore(series::Entity entity, std::size_t metrics,
                                  core::StateReader& in) {
  const std::uint32_t version = in.u32();
  if (in.ok() && version > kVersion) {
    return core::Error{
        core::ErrorCode::Unsupported,
        "incidents of version " + std::to_string(version) + " are newer than this program"};
  }
  const std::uint32_t count = in.u32();
  std::vector<Episode> read;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::uint32_t metric = in.u32();
    Episode e;
    e.first.ms = in.i64();
    e.last.ms = in.i64();
    if (in.ok() && (metric >= metrics || e.last < e.first)) in.fail("an incident makes no sense");
    if (!in.ok()) break;
    e.row = series::row_of(entity, metric, metrics);
    read.push_back(e);
  }
  if (!in.ok()) return in.status();
  for (const Episode& e : read) {
    const auto at =
        std::upper_bound(closed_.begin(), closed_.end(), e,
                         [](const Episode& a, const Episode& b) { return a.last < b.last; });
    closed_.insert(at, e);
    if (closed_.size() > kMost) closed_.pop_front();
  }
  return {};
}

}  // namespace anomaly_exporter::app
