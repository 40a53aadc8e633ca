#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <thread>

#include "anomaly_exporter/core/clock.h"

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
    while (monotonic_ms_ < until && !stop.stop_requested()) std::this_thread::yield();
    return !stop.stop_requested();
  }
  void advance(core::Duration d) {
    now_ms_ += d.count();
    monotonic_ms_ += d.count();
  }
  void jump(core::Duration d) { now_ms_ += d.count(); }

 private:
  std::atomic<std::int64_t> now_ms_;
  std::atomic<std::int64_t> monotonic_ms_{0};
};

}  // namespace anomaly_exporter::support
