#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <stop_token>
#include <thread>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::support {

/// A clock that the test moves and on which waiting really waits for that.
class SteppedClock final : public core::Clock {
 public:
  explicit SteppedClock(core::Timestamp start = {1'700'000'000'000}) : now_ms_(start.ms) {}
  [[nodiscard]] core::Timestamp now() const override { return {now_ms_}; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override {
    return std::chrono::milliseconds(monotonic_ms_.load());
  }
  bool wait_for(core::Duration d, std::stop_token stop) const override {
    const std::int64_t until = monotonic_ms_ + d.count();
    const auto sleeper = add_sleeper(until);
    while (monotonic_ms_ < until && !stop.stop_requested()) std::this_thread::yield();
    remove_sleeper(sleeper);
    return !stop.stop_requested();
  }
  /// True when a thread waits for a later time and none has yet to notice that its time has come:
  /// a test that moves time only then cannot outrun the threads it tests.
  [[nodiscard]] bool is_awaited() const {
    core::MutexLock lock(mutex_);
    return !sleepers_.empty() && *sleepers_.begin() > monotonic_ms_;
  }
  void advance(core::Duration d) {
    now_ms_ += d.count();
    monotonic_ms_ += d.count();
  }
  void jump(core::Duration d) { now_ms_ += d.count(); }

 private:
  using Sleepers = std::multiset<std::int64_t>;

  Sleepers::iterator add_sleeper(std::int64_t until) const {
    core::MutexLock lock(mutex_);
    return sleepers_.insert(until);
  }
  void remove_sleeper(Sleepers::iterator sleeper) const {
    core::MutexLock lock(mutex_);
    sleepers_.erase(sleeper);
  }

  std::atomic<std::int64_t> now_ms_;
  std::atomic<std::int64_t> monotonic_ms_{0};
  mutable core::Mutex mutex_;
  mutable Sleepers sleepers_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::support
