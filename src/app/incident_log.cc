#include "anomaly_exporter/app/incident_log.h"

namespace anomaly_exporter::app {

void IncidentLog::observe(const MonitorState& monitor) {
  if (since_.ms == 0) since_ = monitor.time;
  const auto& level = monitor.results.level;
  for (auto it = open_.begin(); it != open_.end();) {
    if (it->first < level.size() && level[it->first] != 0) {
      it->second.last = monitor.time;
      ++it;
      continue;
    }
    closed_.push_back(it->second);
    it = open_.erase(it);
  }
  for (series::Row row = 0; row < level.size(); ++row) {
    if (level[row] == 0 || open_.size() >= kMost) continue;
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

}  // namespace anomaly_exporter::app
