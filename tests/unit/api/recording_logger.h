#pragma once

#include <string>
#include <vector>

#include "anomaly_exporter/core/logger.h"

namespace anomaly_exporter::support {

/// Keeps messages for a test to look at. Threads: safe for concurrent use.
class RecordingLogger final : public core::Logger {
 public:
  void log(core::LogLevel /*level*/, std::string_view message, Fields fields) override {
    std::string line(message);
    for (const core::LogField& field : fields) {
      line.append(" ").append(field.key).append("=").append(field.value);
    }
    const core::MutexLock lock(mutex_);
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::vector<std::string> lines() {
    const core::MutexLock lock(mutex_);
    return lines_;
  }

 private:
  core::Mutex mutex_;
  std::vector<std::string> lines_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::support
