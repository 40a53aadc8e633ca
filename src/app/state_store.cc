#include "anomaly_exporter/app/state_store.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/storage/state_file.h"

namespace anomaly_exporter::app {

namespace {

void write_labels(const core::Labels& labels, core::StateWriter& out) {
  out.u32(static_cast<std::uint32_t>(labels.size()));
  for (const auto& label : labels.items()) {
    out.text(label.name);
    out.text(label.value);
  }
}

core::Result<core::Labels> read_labels(core::StateReader& in) {
  const std::uint32_t count = in.u32();
  std::vector<core::Label> labels;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string name(in.text());
    std::string value(in.text());
    labels.push_back({std::move(name), std::move(value)});
  }
  if (!in.ok()) return in.status().error();
  return core::Labels::create(std::move(labels));
}

constexpr std::string_view kEvidence = "evidence";
constexpr std::string_view kIncidents = "incidents";
constexpr std::string_view kEpisodes = "episodes";
constexpr std::string_view kSteps = "steps";
constexpr std::uint32_t kMostCalibrations = 64;

/// Profiles of the entity's rows, then named blobs of what remembers it.
std::string encode_entity(const MonitorState& monitor, series::Entity entity) {
  core::StateWriter out;
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    monitor.profiles.save(series::row_of(entity, m, monitor.metrics()), out);
  }
  for (const auto& detector : monitor.detectors) {
    if (!detector->remembers()) continue;
    core::StateWriter blob;
    detector->save_entity(entity, blob);
    out.text(detector->name());
    out.text(blob.bytes());
  }
  core::StateWriter blob;
  monitor.evidence.save(entity, blob);
  out.text(kEvidence);
  out.text(blob.bytes());
  core::StateWriter steps;
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    steps.f32(monitor.smallest_step[series::row_of(entity, m, monitor.metrics())]);
  }
  out.text(kSteps);
  out.text(steps.bytes());
  core::StateWriter incidents;
  if (monitor.untaught.save(entity, monitor.metrics(), incidents)) {
    out.text(kIncidents);
    out.text(incidents.bytes());
  }
  core::StateWriter episodes;
  bool has_episodes = false;
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    const auto row = series::row_of(entity, m, monitor.metrics());
    has_episodes = has_episodes || monitor.episodes.is_known(row);
    monitor.episodes.save(row, episodes);
  }
  if (has_episodes) {
    out.text(kEpisodes);
    out.text(episodes.bytes());
  }
  return out.take();
}

core::Status restore_episodes(series::Entity entity, core::StateReader& in, MonitorState& monitor) {
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    const auto row = series::row_of(entity, m, monitor.metrics());
    if (auto status = monitor.episodes.restore(row, in); !status.ok()) return status;
    monitor.results.level[row] = monitor.results.muted[row] != 0
                                     ? 0
                                     : static_cast<std::uint8_t>(monitor.episodes.level(row));
  }
  return {};
}

core::Status restore_steps(series::Entity entity, core::StateReader& in, MonitorState& monitor) {
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    const float step = in.f32();
    if (in.ok() && !(step >= 0 && std::isfinite(step))) in.fail("an impossible step");
    if (!in.ok()) return in.status();
    monitor.smallest_step[series::row_of(entity, m, monitor.metrics())] = step;
  }
  return {};
}

/// `is_same`: of these detectors; of others only what was anomalous and what is open counts.
core::Status decode_entity(std::string_view bytes, series::Entity entity, bool has_memory,
                           bool is_same, MonitorState& monitor) {
  core::StateReader in(bytes);
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    const auto row = series::row_of(entity, m, monitor.metrics());
    if (auto status = monitor.profiles.restore(row, in); !status.ok()) return status;
  }
  while (has_memory && in.ok() && in.remaining() > 0) {
    const std::string_view name = in.text();
    core::StateReader blob(in.text());
    if (name == kIncidents) {
      if (auto status = monitor.untaught.restore(entity, monitor.metrics(), blob); !status.ok()) {
        return status;
      }
    }
    if (name == kEpisodes) {
      if (auto status = restore_episodes(entity, blob, monitor); !status.ok()) return status;
    }
    if (!is_same) continue;
    if (name == kSteps) {
      if (auto status = restore_steps(entity, blob, monitor); !status.ok()) return status;
    }
    if (name == kEvidence) {
      if (auto status = monitor.evidence.restore(entity, blob); !status.ok()) return status;
    }
    for (auto& detector : monitor.detectors) {
      if (!detector->remembers() || detector->name() != name) continue;
      if (auto status = detector->restore_entity(entity, blob); !status.ok()) return status;
    }
  }
  return in.status();
}

/// Restores one part. The monitor is changed only as far as the bytes make sense.
///
/// Version 1 held no memory of detectors. A file whose detectors were configured differently gives
/// its profiles only.
///
/// `saved_of`: when the files were saved that entities came from so far. A file that was written
/// when the monitor had more entities may hold an older copy of one.
core::Status decode(std::string_view bytes, MonitorState& monitor,
                    std::map<series::Entity, core::Timestamp>& saved_of, RestoreReport& report) {
  core::StateReader in(bytes);
  const unsigned version = in.u32();
  if (in.ok() && version > StateStore::kFormatVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "state format " + std::to_string(version) + " is newer than " +
                           std::to_string(StateStore::kFormatVersion)};
  }
  const std::string_view key = in.text();
  if (!in.ok()) return in.status();
  if (!key.starts_with(monitor.config.series_key() + "\nvoters=")) {
    return core::Error{core::ErrorCode::Unsupported,
                       "it belongs to a monitor configured differently"};
  }
  const bool same_detectors = key == monitor.config.state_key();
  const bool has_memory = version >= 2;
  const core::Timestamp saved{in.i64()};
  const core::Timestamp newest{version >= 2 ? in.i64() : 0};
  const std::uint32_t calibrations = in.u32();
  for (std::uint32_t i = 0; i < calibrations && in.ok(); ++i) {
    if (i >= kMostCalibrations) {
      in.fail("too many calibration maps");
      break;
    }
    ensemble::Calibration other(monitor.config.calibration_map, 1.0);
    const bool is_ours = same_detectors && i < monitor.calibrations.size();
    if (auto status = (is_ours ? monitor.calibrations[i] : other).restore(in); !status.ok()) {
      return status;
    }
    report.has_calibration = report.has_calibration || is_ours;
  }
  if (calibrations > 0 && version >= 2) {
    ensemble::BudgetMap map(ensemble::EvidenceColumns::kAnchor, monitor.log_p0);
    if (auto status = map.restore(in); !status.ok()) return status;
    if (same_detectors) monitor.budget_map = map;
  }
  std::vector<std::pair<series::Entity, std::string_view>> entities;
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    auto key_labels = read_labels(in);
    if (!key_labels.ok()) return key_labels.error();
    const std::string_view blob = in.text();
    if (!in.ok()) break;
    const auto entity = monitor.table->restore_entity(*key_labels);
    if (!entity) continue;
    const auto [known, is_new] = saved_of.try_emplace(*entity, saved);
    if (!is_new && saved <= known->second) continue;
    known->second = saved;
    if (is_new) ++report.entities;
    entities.emplace_back(*entity, blob);
  }
  if (!in.ok()) return in.status();
  monitor.follow_table();
  for (const auto& [entity, blob] : entities) {
    if (auto status = decode_entity(blob, entity, has_memory, same_detectors, monitor);
        !status.ok()) {
      return status;
    }
    if (has_memory && same_detectors) monitor.known_until[entity] = newest.ms;
    if (has_memory) monitor.episodes_until[entity] = newest.ms;
  }
  report.saved = report.saved.ms == 0 ? saved : std::min(report.saved, saved);
  report.newest = std::max(report.newest, newest);
  return {};
}

}  // namespace

StateStore::StateStore(std::string directory,
                       std::function<void(bool, const std::string&)> on_write)
    : directory_(std::move(directory)),
      on_write_(std::move(on_write)),
      writer_([this](const std::stop_token& stop) { write_jobs(stop); }) {}

StateStore::~StateStore() = default;

std::size_t StateStore::parts(const MonitorState& monitor) {
  return (monitor.table->capacity() + kEntitiesPerPart - 1) / kEntitiesPerPart;
}

std::string StateStore::encode(const MonitorState& monitor, std::size_t part, core::Timestamp now) {
  core::StateWriter out;
  out.u32(kFormatVersion);
  out.text(monitor.config.state_key());
  out.i64(now.ms);
  out.i64(monitor.time.ms);
  out.u32(part == 0 ? static_cast<std::uint32_t>(monitor.calibrations.size()) : 0);
  if (part == 0) {
    for (const auto& calibration : monitor.calibrations) calibration.save(out);
    monitor.budget_map.save(out);
  }
  const auto first = static_cast<series::Entity>(part * kEntitiesPerPart);
  const auto last = static_cast<series::Entity>(
      std::min<std::size_t>(first + kEntitiesPerPart, monitor.table->capacity()));
  std::vector<series::Entity> live;
  for (series::Entity e = first; e < last; ++e) {
    if ((monitor.table->live(series::block_of(e)) & series::bit(series::lane_of(e))) != 0) {
      live.push_back(e);
    }
  }
  out.u32(static_cast<std::uint32_t>(live.size()));
  for (const auto e : live) {
    write_labels(monitor.table->key(e), out);
    out.text(encode_entity(monitor, e));
  }
  return out.take();
}

std::string StateStore::path_of(const std::string& monitor, std::size_t part) const {
  return directory_ + "/" + monitor + "." + std::to_string(part) + ".state";
}

bool StateStore::enqueue(const std::string& monitor, std::size_t part, std::string bytes,
                         std::size_t parts) {
  {
    core::MutexLock lock(mutex_);
    if (queue_.size() >= kQueue) return false;
    queue_.push_back({monitor, part, std::move(bytes), part + 1 == parts});
  }
  changed_.notify_all();
  return true;
}

void StateStore::write_jobs(const std::stop_token& stop) AE_NO_THREAD_SAFETY_ANALYSIS {
  for (;;) {
    Job job;
    {
      core::MutexLock lock(mutex_);
      busy_ = false;
      changed_.notify_all();
      if (!changed_.wait(mutex_, stop,
                         [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return !queue_.empty(); })) {
        return;
      }
      job = std::move(queue_.front());
      queue_.pop_front();
      busy_ = true;
    }
    changed_.notify_all();
    std::error_code ignored;
    std::filesystem::create_directories(directory_, ignored);
    const auto status = storage::write_state_file(path_of(job.monitor, job.part), job.bytes);
    for (std::size_t p = job.part + 1; status.ok() && job.is_last; ++p) {
      if (!std::filesystem::remove(path_of(job.monitor, p), ignored)) break;
    }
    on_write_(status.ok(), status.ok() ? "" : status.error().message);
  }
}

bool StateStore::wait_for_room(std::chrono::milliseconds deadline) AE_NO_THREAD_SAFETY_ANALYSIS {
  core::MutexLock lock(mutex_);
  return changed_.wait_for(
      mutex_, deadline, [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return queue_.size() < kQueue; });
}

std::size_t StateStore::drain(std::chrono::milliseconds deadline) AE_NO_THREAD_SAFETY_ANALYSIS {
  core::MutexLock lock(mutex_);
  changed_.wait_for(mutex_, deadline,
                    [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return queue_.empty() && !busy_; });
  return queue_.size() + (busy_ ? 1 : 0);
}

RestoreReport StateStore::restore(MonitorState& monitor) const {
  RestoreReport report;
  std::map<series::Entity, core::Timestamp> saved_of;
  for (std::size_t part = 0;; ++part) {
    const std::string path = path_of(monitor.config.name, part);
    const auto bytes = storage::read_state_file(path);
    if (!bytes.ok()) {
      if (bytes.error().code == core::ErrorCode::NotFound) break;
      report.problems.push_back(bytes.error().message);
      if (bytes.error().code == core::ErrorCode::Corrupt) (void)storage::set_aside(path);
      continue;
    }
    if (auto status = decode(*bytes, monitor, saved_of, report); !status.ok()) {
      report.problems.push_back(path + ": " + status.error().message);
      if (status.error().code == core::ErrorCode::Corrupt) (void)storage::set_aside(path);
    }
  }
  return report;
}

}  // namespace anomaly_exporter::app
