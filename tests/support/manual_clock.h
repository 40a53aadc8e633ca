#pragma once

#include <atomic>

#include "anomaly_exporter/core/clock.h"

namespace anomaly_exporter::support {

/// A clock that stands until a test moves it. Waiting moves it by the time waited for.
/// Threads: safe for concurrent use.
class ManualClock final : public core::Clock {
 public:
  explicit ManualClock(core::Timestamp start = {1'700'000'000'000}) : now_ms_(start.ms) {}

  [[nodiscard]] core::Timestamp now() const override { return {now_ms_.load()}; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override {
    return std::chrono::milliseconds(monotonic_ms_.load());
  }
  bool wait_for(core::Duration d, std::stop_token stop) const override {
    if (stop.stop_requested()) return false;
    now_ms_ += d.count();
    monotonic_ms_ += d.count();
    return true;
  }

  void advance(core::Duration d) { (void)wait_for(d, {}); }
  /// Moves the wall clock only, as an operator or NTP would.
  void set(core::Timestamp t) { now_ms_ = t.ms; }

 private:
  mutable std::atomic<std::int64_t> now_ms_;
  mutable std::atomic<std::int64_t> monotonic_ms_{0};
};

}  // namespace anomaly_exporter::support
