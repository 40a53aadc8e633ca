#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::app {

/// What came back from a monitor's state files.
struct RestoreReport {
  core::Timestamp saved;   ///< oldest of the files; 0 = nothing restored
  core::Timestamp newest;  ///< newest tick that they have seen; 0 = unknown
  std::size_t entities = 0;
  bool has_calibration = false;
  std::vector<std::string> problems;  ///< files set aside or ignored, with the reason
};

/// State files of monitors: `<directory>/<monitor>.<part>.state`, one part per 1,024 entities.
///
/// They hold what cannot be had from a short backfill: profiles of weeks and calibration. Windows
/// are not in them; they are read again from the source. Nothing in them cannot be rebuilt, so a
/// damaged file is set aside with a warning.
///
/// Writing happens on a thread of its own behind a queue of 4 parts, so that a slow disk never
/// delays a tick; a full queue skips the part until its next turn and says so.
/// Threads: `enqueue` and `restore` from any thread. Errors: reported to `on_write`.
class StateStore {
 public:
  static constexpr std::size_t kEntitiesPerPart = 1024;
  static constexpr std::size_t kQueue = 4;
  static constexpr unsigned kFormatVersion = 2;

  /// `on_write(ok, error text)` is called from the writing thread after each file.
  StateStore(std::string directory, std::function<void(bool, const std::string&)> on_write);
  ~StateStore();

  [[nodiscard]] static std::size_t parts(const MonitorState& monitor);
  /// The bytes of one part. REQUIRES: part < parts(monitor).
  static std::string encode(const MonitorState& monitor, std::size_t part, core::Timestamp now);

  /// False when the queue is full. With the last of `parts`, files of further parts, from a time
  /// when there were more entities, are removed; 0 = they stay.
  bool enqueue(const std::string& monitor, std::size_t part, std::string bytes,
               std::size_t parts = 0);
  /// Waits until the queue takes a part, or `deadline` of monotonic time has passed. True = it
  /// does.
  bool wait_for_room(std::chrono::milliseconds deadline);

  /// Restores entities, profiles and calibration of a freshly created monitor from whatever parts
  /// exist. State of a monitor that was configured differently is ignored.
  RestoreReport restore(MonitorState& monitor) const;

  /// Waits until the queue is empty or `deadline` of monotonic time has passed. Returns the number
  /// of parts left unwritten.
  std::size_t drain(std::chrono::milliseconds deadline);

 private:
  struct Job {
    std::string monitor;
    std::size_t part = 0;
    std::string bytes;
    bool is_last = false;
  };
  [[nodiscard]] std::string path_of(const std::string& monitor, std::size_t part) const;
  void write_jobs(const std::stop_token& stop);

  const std::string directory_;
  const std::function<void(bool, const std::string&)> on_write_;
  core::Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> queue_ AE_GUARDED_BY(mutex_);
  bool busy_ AE_GUARDED_BY(mutex_) = false;
  std::jthread writer_;
};

}  // namespace anomaly_exporter::app
