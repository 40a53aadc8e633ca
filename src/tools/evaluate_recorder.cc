#include "evaluate_recorder.h"

#include <algorithm>
#include <limits>

#include "table_source.h"

namespace anomaly_exporter::tools {

namespace {

/// Ticks drawn on each side of a fault.
constexpr std::size_t kMargin = 60;

}  // namespace

ExamRecorder::ExamRecorder(const ExamHistory& history,
                           const std::vector<std::vector<Fault>>& faults, double threshold)
    : history_(&history),
      is_clean_(faults.empty()),
      threshold_(threshold),
      metrics_(history.tables.front().metrics.size()),
      first_row_(history.tables.front().rows() / 2),
      rows_(history.tables.size() * metrics_, -1),
      next_(history.tables.size()) {
  record_.faults.resize(history.tables.size());
  for (std::size_t e = 0; e < faults.size(); ++e) {
    for (const Fault& fault : faults[e]) {
      record_.faults[e].push_back({.fault = fault, .found_at = {}, .picture = {}});
    }
  }
}

void ExamRecorder::find_rows(const app::MonitorState& monitor) {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i] >= 0) continue;
    const auto labels = table_labels(i / metrics_, history_->tables.size());
    const auto row = monitor.table->find(i % metrics_, labels);
    if (row) rows_[i] = static_cast<std::int64_t>(*row);
  }
}

void ExamRecorder::observe(const ReplayedRow& passed) {
  if (!passed.is_judged) return;
  const app::MonitorState& monitor = passed.monitor;
  if (record_.judges.empty()) {
    record_.judges.emplace_back("ensemble");
    for (const auto& detector : monitor.detectors) record_.judges.emplace_back(detector->name());
    record_.episodes.resize(record_.judges.size());
    reached_.resize(record_.judges.size());
    last_reached_.assign(history_->tables.size() * record_.judges.size(), -1);
    if (is_clean_) {
      const std::size_t examined = history_->tables.front().rows() - first_row_;
      record_.reached.assign(last_reached_.size(), std::vector<bool>(examined));
    }
    for (auto& faults : record_.faults) {
      for (auto& f : faults) f.found_at.assign(record_.judges.size(), -1);
    }
  }
  if (passed.row + kMargin < first_row_) return;
  find_rows(monitor);
  for (std::size_t e = 0; e < history_->tables.size(); ++e) {
    draw(monitor, e, passed.row);
    if (passed.row >= first_row_) look(monitor, e, passed.row);
  }
}

/// Which judges reach the threshold at this entity, and what follows from it.
void ExamRecorder::look(const app::MonitorState& monitor, std::size_t entity, std::size_t row) {
  const auto& results = monitor.results;
  std::fill(reached_.begin(), reached_.end(), false);
  for (std::size_t m = 0; m < metrics_; ++m) {
    if (rows_[entity * metrics_ + m] < 0) continue;
    const auto r = static_cast<series::Row>(rows_[entity * metrics_ + m]);
    if ((results.flags[r] & exposition::MonitorSnapshot::kScored) == 0) continue;
    ++record_.judged;
    for (std::size_t d = 0; d + 1 < reached_.size(); ++d) {
      if (static_cast<double>(results.confidence[d][r]) >= threshold_) reached_[d + 1] = true;
    }
    const auto number = r / (metrics_ * series::kLanes) * series::kLanes + r % series::kLanes;
    if (results.entity_score[number] >= threshold_) reached_[0] = true;
  }
  auto& faults = record_.faults[entity];
  std::size_t& next = next_[entity];
  while (next < faults.size() && row > faults[next].fault.last + kExamGrace) ++next;
  const bool is_fault = next < faults.size() && row >= faults[next].fault.first;
  for (std::size_t j = 0; j < reached_.size(); ++j) {
    if (!reached_[j]) continue;
    if (is_fault && faults[next].found_at[j] < 0) {
      faults[next].found_at[j] = static_cast<std::int64_t>(row);
    }
    if (is_clean_) record_.reached[entity * reached_.size() + j][row - first_row_] = true;
    std::int64_t& last = last_reached_[entity * reached_.size() + j];
    const auto now = static_cast<std::int64_t>(row);
    if (last < 0 || now - last > static_cast<std::int64_t>(kExamGrace)) ++record_.episodes[j];
    last = now;
  }
}

void ExamRecorder::draw(const app::MonitorState& monitor, std::size_t entity, std::size_t row) {
  using Snapshot = exposition::MonitorSnapshot;
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  for (auto& f : record_.faults[entity]) {
    const std::size_t begin = f.fault.first - std::min(f.fault.first, kMargin);
    if (row < begin || row > f.fault.last + kMargin) continue;
    ExamPicture& picture = f.picture;
    if (picture.value.empty()) {
      picture.kind = f.fault.kind;
      picture.start = history_->tables[entity].times[row];
      picture.series = history_->entities[entity];
      if (metrics_ > 1) picture.series += " / " + history_->tables[entity].metrics[f.fault.metric];
      picture.first = f.fault.first - row;
      picture.last = f.fault.last - row;
    }
    const auto& results = monitor.results;
    const std::int64_t found = rows_[entity * metrics_ + f.fault.metric];
    const auto r = static_cast<series::Row>(std::max<std::int64_t>(found, 0));
    const unsigned flags = found < 0 ? 0 : results.flags[r];
    const bool has_band = (flags & Snapshot::kHasExpected) != 0;
    const bool has_value = (flags & Snapshot::kHasValue) != 0;
    picture.value.push_back(has_value ? results.value[r] : kNone);
    picture.expected.push_back(has_band ? results.expected[r] : kNone);
    picture.lower.push_back(has_band ? results.lower[r] : kNone);
    picture.upper.push_back(has_band ? results.upper[r] : kNone);
    const bool is_scored = (flags & Snapshot::kScored) != 0;
    picture.score.push_back(is_scored ? static_cast<float>(results.score[r]) : kNone);
  }
}

}  // namespace anomaly_exporter::tools
