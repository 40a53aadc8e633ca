#include "anomaly_exporter/core/logger.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace anomaly_exporter::core {
namespace {

/// The spdlog logger only carries finished lines to the stream, one write per line under its lock.
/// It is ours alone and not in spdlog's global registry.
class StderrLogger final : public Logger {
 public:
  StderrLogger(LogLevel level, LogFormat format, const Clock& clock)
      : level_(level),
        format_(format),
        clock_(&clock),
        sink_("stderr", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    sink_.set_pattern("%v");
    sink_.set_level(spdlog::level::trace);
  }

  void log(LogLevel level, std::string_view message, Fields fields) override {
    if (level < level_) return;
    const std::string line = format_log_line(format_, clock_->now(), level, message, fields);
    sink_.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  const LogLevel level_;
  const LogFormat format_;
  const Clock* clock_;  // borrowed, outlives this
  spdlog::logger sink_;
};

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const LogLevel level : {LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error}) {
    if (text == to_string(level)) return level;
  }
  return Error{ErrorCode::InvalidArgument,
               "log level \"" + std::string(text) + "\" is none of debug, info, warn, error"};
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "logfmt") return LogFormat::Logfmt;
  if (text == "json") return LogFormat::Json;
  return Error{ErrorCode::InvalidArgument,
               "log format \"" + std::string(text) + "\" is none of logfmt, json"};
}

std::unique_ptr<Logger> make_stderr_logger(LogLevel level, LogFormat format, const Clock& clock) {
  return std::make_unique<StderrLogger>(level, format, clock);
}

std::optional<unsigned> LogThrottle::admit(const std::string& key) {
  const std::chrono::nanoseconds now = clock_->monotonic();
  const MutexLock lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (entries_.size() >= kMaxKeys) entries_.clear();
    entries_.emplace(key, Entry{now, 0});
    return 0;
  }
  Entry& entry = found->second;
  if (now - entry.last < period_) {
    ++entry.held_back;
    return std::nullopt;
  }
  const unsigned held_back = entry.held_back;
  entry = Entry{now, 0};
  return held_back;
}

}  // namespace anomaly_exporter::core
