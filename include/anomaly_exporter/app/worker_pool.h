#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::app {

/// Runs one loop at a time over all workers. The caller is worker 0, so a pool of one has no
/// threads at all.
///
/// Threads: `run` may be called from several threads; the calls queue up behind each other.
/// Cost: two wake-ups per worker and call; a loop of one item stays on the caller's thread.
class WorkerPool {
 public:
  /// REQUIRES: workers >= 1.
  explicit WorkerPool(unsigned workers);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] unsigned workers() const { return static_cast<unsigned>(threads_.size()) + 1; }

  /// Calls `body(item, worker)` once for every item below `items` and returns when all are done.
  /// Which worker takes which item is not defined; the body must not depend on it.
  void run(std::size_t items, const std::function<void(std::size_t item, unsigned worker)>& body);

 private:
  void work(const std::stop_token& stop, unsigned worker);
  void take_items(unsigned worker);

  core::Mutex turn_;  // one loop at a time
  core::Mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable_any done_;
  const std::function<void(std::size_t, unsigned)>* body_ AE_GUARDED_BY(mutex_) = nullptr;
  std::size_t items_ AE_GUARDED_BY(mutex_) = 0;
  std::size_t next_ AE_GUARDED_BY(mutex_) = 0;
  std::size_t unfinished_ AE_GUARDED_BY(mutex_) = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace anomaly_exporter::app
