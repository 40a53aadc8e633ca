#include "anomaly_exporter/app/state_store.h"

#include <algorithm>
#include <filesystem>
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

std::string encode_entity(const MonitorState& monitor, series::Entity entity) {
  core::StateWriter out;
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    monitor.profiles.save(series::row_of(entity, m, monitor.metrics()), out);
  }
  return out.take();
}

/// Restores one part. The monitor is changed only as far as the bytes make sense.
core::Status decode(std::string_view bytes, MonitorState& monitor, RestoreReport& report) {
  core::StateReader in(bytes);
  if (const unsigned version = in.u32(); in.ok() && version > StateStore::kFormatVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "state format " + std::to_string(version) + " is newer than " +
                           std::to_string(StateStore::kFormatVersion)};
  }
  if (in.text() != monitor.config.state_key()) {
    if (!in.ok()) return in.status();
    return core::Error{core::ErrorCode::Unsupported,
                       "it belongs to a monitor configured differently"};
  }
  const core::Timestamp saved{in.i64()};
  const std::uint32_t calibrations = in.u32();
  for (std::uint32_t i = 0; i < calibrations && in.ok(); ++i) {
    if (i >= monitor.calibrations.size()) {
      in.fail("too many calibration maps");
      break;
    }
    if (auto status = monitor.calibrations[i].restore(in); !status.ok()) return status;
    report.has_calibration = true;
  }
  std::vector<std::pair<series::Entity, std::string_view>> entities;
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    auto key = read_labels(in);
    if (!key.ok()) return key.error();
    const std::string_view blob = in.text();
    if (!in.ok()) break;
    if (const auto entity = monitor.table->restore_entity(*key))
      entities.emplace_back(*entity, blob);
  }
  if (!in.ok()) return in.status();
  monitor.follow_table();
  for (const auto& [entity, blob] : entities) {
    core::StateReader profile(blob);
    for (std::size_t m = 0; m < monitor.metrics(); ++m) {
      const auto row = series::row_of(entity, m, monitor.metrics());
      if (auto status = monitor.profiles.restore(row, profile); !status.ok()) return status;
    }
    ++report.entities;
  }
  report.saved = report.saved.ms == 0 ? saved : std::min(report.saved, saved);
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
  out.u32(part == 0 ? static_cast<std::uint32_t>(monitor.calibrations.size()) : 0);
  if (part == 0) {
    for (const auto& calibration : monitor.calibrations) calibration.save(out);
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

bool StateStore::enqueue(const std::string& monitor, std::size_t part, std::string bytes) {
  {
    core::MutexLock lock(mutex_);
    if (queue_.size() >= kQueue) return false;
    queue_.push_back({path_of(monitor, part), std::move(bytes)});
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
    std::error_code ignored;
    std::filesystem::create_directories(directory_, ignored);
    const auto status = storage::write_state_file(job.path, job.bytes);
    on_write_(status.ok(), status.ok() ? "" : status.error().message);
  }
}

std::size_t StateStore::drain(std::chrono::milliseconds deadline) AE_NO_THREAD_SAFETY_ANALYSIS {
  core::MutexLock lock(mutex_);
  changed_.wait_for(mutex_, deadline,
                    [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return queue_.empty() && !busy_; });
  return queue_.size() + (busy_ ? 1 : 0);
}

RestoreReport StateStore::restore(MonitorState& monitor) const {
  RestoreReport report;
  for (std::size_t part = 0;; ++part) {
    const std::string path = path_of(monitor.config.name, part);
    const auto bytes = storage::read_state_file(path);
    if (!bytes.ok()) {
      if (bytes.error().code == core::ErrorCode::NotFound) break;
      report.problems.push_back(bytes.error().message);
      if (bytes.error().code == core::ErrorCode::Corrupt) (void)storage::set_aside(path);
      continue;
    }
    if (auto status = decode(*bytes, monitor, report); !status.ok()) {
      report.problems.push_back(path + ": " + status.error().message);
      if (status.error().code == core::ErrorCode::Corrupt) (void)storage::set_aside(path);
    }
  }
  return report;
}

}  // namespace anomaly_exporter::app
