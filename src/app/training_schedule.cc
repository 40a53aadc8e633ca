#include "anomaly_exporter/app/training_schedule.h"

#include <algorithm>

#include "anomaly_exporter/app/drift.h"

namespace anomaly_exporter::app {

namespace {

constexpr core::Duration kFirstRetry = std::chrono::minutes(10);

/// FNV-1a, 64 bits: equal on every platform.
std::uint64_t hash_of(std::string_view monitor, std::string_view detector) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::string_view text : {monitor, std::string_view("/"), detector}) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace

TrainingSchedule::TrainingSchedule(std::string_view monitor, std::string_view detector,
                                   config::TrainingConfig config)
    : config_(config), hash_(hash_of(monitor, detector)) {}

core::Duration TrainingSchedule::spread(core::Duration gap) const {
  return gap + gap / 10 * static_cast<std::int64_t>(hash_ % 1000) / 1000;
}

void TrainingSchedule::note_trained(core::Timestamp at, core::Duration span) {
  trained_ = at;
  span_ = span;
  first_ = at - span;
  has_all_data_ = false;
  failed_.reset();
  failures_ = 0;
}

void TrainingSchedule::note_fitted(core::Timestamp at, core::Timestamp first,
                                   core::Timestamp last) {
  const core::Timestamp last_before = first_ + span_;
  const bool has_all_data =
      trained_ && last > last_before && first - first_ > (last - last_before) / 2;
  note_trained(at, last - first);
  first_ = first;
  has_all_data_ = has_all_data;
}

void TrainingSchedule::note_failure(core::Timestamp at) {
  failed_ = at;
  failures_ = std::min(failures_ + 1, 20U);
}

std::optional<storage::ModelOrigin> TrainingSchedule::due(core::Timestamp now, std::size_t samples,
                                                          core::Duration tick, double drift) const {
  // After the clock was set back, what lies in the future counts as just now.
  if (failed_) {
    const core::Duration wait =
        std::min(kFirstRetry * (std::int64_t{1} << (failures_ - 1)), config_.interval);
    if (now < *failed_ + spread(wait) && now >= *failed_) return std::nullopt;
  }
  if (!trained_) {
    if (samples < config_.min_samples) return std::nullopt;
    return storage::ModelOrigin::Schedule;
  }
  const core::Duration young =
      std::max(span_, tick * static_cast<std::int64_t>(config_.min_samples));
  const core::Duration since = now - std::min(*trained_, now);
  const core::Duration gap = has_all_data_ ? config_.interval : std::min(young, config_.interval);
  if (since >= spread(gap)) return storage::ModelOrigin::Schedule;
  if (drift >= kLargeDrift && since >= spread(config_.interval / 7)) {
    return storage::ModelOrigin::Drift;
  }
  return std::nullopt;
}

}  // namespace anomaly_exporter::app
