#include "anomaly_exporter/core/clock.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::core {
namespace {

/// Longest single wait. Waits are counted in nanoseconds, where spans beyond 292 years overflow.
constexpr Duration kLongestWait = std::chrono::hours(24 * 365 * 100);

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::floor<Duration>(since_epoch).count()};
  }

  [[nodiscard]] std::chrono::nanoseconds monotonic() const override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  bool wait_for(Duration d, std::stop_token stop) const override {
    Mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, std::clamp(d, Duration(0), kLongestWait), [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace anomaly_exporter::core
