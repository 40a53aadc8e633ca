#include "anomaly_exporter/app/profile_backfill.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace anomaly_exporter::app {

namespace {

constexpr core::Duration kDay = std::chrono::hours(24);
constexpr core::Duration kStep = series::Profiles::kStep;
constexpr int kAttempts = 3;

core::Timestamp align_up(core::Timestamp t) {
  const std::int64_t step = kStep.count();
  return {(t.ms + step - 1) / step * step};
}

}  // namespace

ProfileBackfill::ProfileBackfill(std::shared_ptr<sources::MetricSource> source,
                                 std::vector<sources::MetricRequest> requests, core::Timestamp from,
                                 core::Timestamp to, const core::Clock& clock)
    : source_(std::move(source)),
      requests_(std::move(requests)),
      from_(align_up(from)),
      to_(to),
      clock_(&clock) {
  const auto days =
      from_ < to_ ? static_cast<std::size_t>((to_ - from_ + kDay - core::Duration(1)) / kDay) : 0;
  pieces_ = days * requests_.size();
  thread_ = std::jthread([this](const std::stop_token& stop) { read_all(stop); });
}

void ProfileBackfill::read_all(const std::stop_token& stop) AE_NO_THREAD_SAFETY_ANALYSIS {
  for (core::Timestamp end = to_; end > from_; end = end - kDay) {
    const core::Timestamp begin = align_up(std::max(end - kDay, from_));
    for (std::size_t m = 0; m < requests_.size(); ++m) {
      auto piece = std::make_unique<Piece>();
      piece->metric = m;
      core::Status status;
      if (begin < end) {
        for (int attempt = 0; attempt < kAttempts; ++attempt) {
          piece->series.clear();
          status = read_piece(m, begin, end - core::Duration(1), stop, *piece);
          if (status.ok() || !status.error().is_retryable()) break;
          if (!clock_->wait_for(std::chrono::seconds(10), stop)) return;
        }
      }
      if (stop.stop_requested()) return;
      core::MutexLock lock(mutex_);
      if (!status.ok()) {
        ++lost_;
        ++done_;
        continue;
      }
      waiting_ = std::move(piece);
      if (!applied_.wait(mutex_, stop,
                         [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return waiting_ == nullptr; })) {
        return;
      }
      ++done_;
    }
  }
}

core::Status ProfileBackfill::read_piece(std::size_t metric, core::Timestamp from,
                                         core::Timestamp to, const std::stop_token& stop,
                                         Piece& piece) const {
  return source_->backfill(
      requests_[metric], from, to, kStep,
      [&](const core::LabelsPtr& labels, std::span<const series::Sample> samples) -> core::Status {
        piece.series.emplace_back(labels,
                                  std::vector<series::Sample>(samples.begin(), samples.end()));
        return {};
      },
      stop);
}

void ProfileBackfill::apply(MonitorState& monitor) {
  std::unique_ptr<Piece> piece;
  {
    core::MutexLock lock(mutex_);
    piece = std::move(waiting_);
  }
  if (!piece) return;
  for (const auto& [labels, samples] : piece->series) {
    const auto row = monitor.table->find(piece->metric, labels);
    if (!row) continue;
    for (const auto& sample : samples) {
      const bool fits =
          std::isfinite(sample.value) &&
          std::fabs(sample.value) <= static_cast<double>(std::numeric_limits<float>::max());
      if (!fits) continue;
      monitor.profiles.fill(*row, sample.time, static_cast<float>(sample.value),
                            monitor.config.timezone.utc_offset(sample.time));
    }
  }
  applied_.notify_all();
}

double ProfileBackfill::done_ratio() const {
  core::MutexLock lock(mutex_);
  return pieces_ == 0 ? 1.0
                      : std::min(1.0, static_cast<double>(done_) / static_cast<double>(pieces_));
}

std::size_t ProfileBackfill::lost() const {
  core::MutexLock lock(mutex_);
  return lost_;
}

}  // namespace anomaly_exporter::app
