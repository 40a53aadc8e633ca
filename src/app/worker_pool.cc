#include "anomaly_exporter/app/worker_pool.h"

#include <stop_token>

#include "anomaly_exporter/core/thread_priority.h"

namespace anomaly_exporter::app {

WorkerPool::WorkerPool(unsigned workers) {
  for (unsigned i = 1; i < workers; ++i) {
    threads_.emplace_back([this, i](const std::stop_token& stop) { work(stop, i); });
  }
}

WorkerPool::~WorkerPool() {
  for (auto& thread : threads_) thread.request_stop();
  // jthread joins; the stop request wakes the waits below.
}

// The analysis does not follow condition_variable_any through its unlock.
void WorkerPool::work(const std::stop_token& stop, unsigned worker) AE_NO_THREAD_SAFETY_ANALYSIS {
  core::lower_thread_priority();
  while (!stop.stop_requested()) {
    {
      core::MutexLock lock(mutex_);
      if (!wake_.wait(mutex_, stop,
                      [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return next_ < items_; })) {
        return;
      }
    }
    take_items(worker);
  }
}

void WorkerPool::take_items(unsigned worker) {
  for (;;) {
    const std::function<void(std::size_t, unsigned)>* body = nullptr;
    std::size_t item = 0;
    {
      core::MutexLock lock(mutex_);
      if (next_ >= items_) return;
      item = next_++;
      body = body_;
    }
    (*body)(item, worker);
    {
      core::MutexLock lock(mutex_);
      if (--unfinished_ == 0) done_.notify_all();
    }
  }
}

void WorkerPool::run(std::size_t items, const std::function<void(std::size_t, unsigned)>& body)
    AE_NO_THREAD_SAFETY_ANALYSIS {
  if (items == 0) return;
  core::MutexLock turn(turn_);
  if (items == 1 || threads_.empty()) {
    for (std::size_t i = 0; i < items; ++i) body(i, 0);
    return;
  }
  {
    core::MutexLock lock(mutex_);
    body_ = &body;
    items_ = items;
    next_ = 0;
    unfinished_ = items;
  }
  wake_.notify_all();
  take_items(0);
  core::MutexLock lock(mutex_);
  done_.wait(mutex_, [this]() AE_NO_THREAD_SAFETY_ANALYSIS { return unfinished_ == 0; });
  items_ = 0;
  next_ = 0;
}

}  // namespace anomaly_exporter::app
