#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "support/stepped_clock.h"

namespace anomaly_exporter::app {

/// Keeps log lines for the tests.
class RecordingLogger final : public core::Logger {
 public:
  void log(core::LogLevel, std::string_view message, Fields fields) override {
    core::MutexLock lock(mutex_);
    lines_.emplace_back(message);
    for (const auto& f : fields) fields_[{lines_.back(), std::string(f.key)}] = f.value;
  }
  std::size_t count(std::string_view message) const {
    core::MutexLock lock(mutex_);
    return static_cast<std::size_t>(std::count(lines_.begin(), lines_.end(), message));
  }
  /// Of the last line with this message; empty when there is none.
  std::string field(const std::string& message, const std::string& key) const {
    core::MutexLock lock(mutex_);
    const auto found = fields_.find({message, key});
    return found == fields_.end() ? "" : found->second;
  }

 private:
  mutable core::Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> fields_ AE_GUARDED_BY(mutex_);
  std::vector<std::string> lines_ AE_GUARDED_BY(mutex_);
};

using support::SteppedClock;

}  // namespace anomaly_exporter::app
