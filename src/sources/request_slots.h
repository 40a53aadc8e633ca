#pragma once

#include <condition_variable>
#include <stop_token>

#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::sources {

/// Bounds the requests in flight to one server. Backfills leave one slot to the ticks where there
/// is more than one, so that a long history does not delay the present.
///
/// Threads: safe for concurrent use.
class RequestSlots {
 public:
  enum class Use { Tick, Backfill };

  explicit RequestSlots(unsigned slots) : slots_(slots) {}

  /// Holds a slot for a scope.
  class Hold {
   public:
    Hold(RequestSlots& slots, Use use, const std::stop_token& stop)
        : slots_(slots), taken_(slots.take(use, stop)) {}
    ~Hold() {
      if (taken_) slots_.release();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    /// False when the wait for a slot was stopped.
    explicit operator bool() const { return taken_; }

   private:
    RequestSlots& slots_;
    bool taken_;
  };

 private:
  bool take(Use use, const std::stop_token& stop);
  void release();

  const unsigned slots_;
  core::Mutex mutex_;
  std::condition_variable_any freed_;
  unsigned used_ AE_GUARDED_BY(mutex_) = 0;
};

}  // namespace anomaly_exporter::sources
