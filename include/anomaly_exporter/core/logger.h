#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::core {

enum class LogLevel { Debug, Info, Warn, Error };
enum class LogFormat { Logfmt, Json };

/// Longest message or value in a line, in bytes; the rest is cut and shown as "...". Bounds what a
/// hostile upstream can make us write.
inline constexpr std::size_t kMaxLogValueBytes = 4096;

/// "debug", "info", "warn", "error".
std::string_view to_string(LogLevel level);

/// "debug", "info", "warn", "error"; "logfmt", "json". Errors: InvalidArgument listing the choices.
Result<LogLevel> parse_log_level(std::string_view text);
Result<LogFormat> parse_log_format(std::string_view text);

/// One key=value of a line. The key is a word of our own that outlives the call to the logger.
struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, double v);
  LogField(std::string_view k, long long v);
  LogField(std::string_view k, unsigned long long v);
  LogField(std::string_view k, long v) : LogField(k, static_cast<long long>(v)) {}
  LogField(std::string_view k, int v) : LogField(k, static_cast<long long>(v)) {}
  LogField(std::string_view k, unsigned long v) : LogField(k, static_cast<unsigned long long>(v)) {}
  LogField(std::string_view k, unsigned v) : LogField(k, static_cast<unsigned long long>(v)) {}
};

/// Structured log lines on one stream: `ts=... level=warn msg="source is down" source=prom ...`.
/// Values are quoted when they hold anything but plain characters, control characters and bytes
/// that are not UTF-8 escaped, so that no label or upstream message can forge a line. In JSON every
/// value is a string.
///
/// Threads: safe for concurrent use. Cost: one formatted line per call that passes the level.
class Logger {
 public:
  using Fields = std::initializer_list<LogField>;

  virtual ~Logger() = default;

  void debug(std::string_view message, Fields fields = {}) {
    log(LogLevel::Debug, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) { log(LogLevel::Info, message, fields); }
  void warn(std::string_view message, Fields fields = {}) { log(LogLevel::Warn, message, fields); }
  void error(std::string_view message, Fields fields = {}) {
    log(LogLevel::Error, message, fields);
  }

  virtual void log(LogLevel level, std::string_view message, Fields fields) = 0;
};

/// Logger on stderr; lines below `level` are dropped. Borrows `clock`, which must outlive it.
std::unique_ptr<Logger> make_stderr_logger(LogLevel level, LogFormat format, const Clock& clock);

/// Formats one line (without the line feed) as the stderr logger prints it; for tests.
std::string format_log_line(LogFormat format, Timestamp time, LogLevel level,
                            std::string_view message, Logger::Fields fields);

/// Lets a message with the same key through once per period and counts the rest.
///
/// Threads: safe for concurrent use. Memory: at most `kMaxKeys` keys; the table is emptied when
/// full, which at worst repeats a line.
class LogThrottle {
 public:
  explicit LogThrottle(Duration period, const Clock& clock) : period_(period), clock_(&clock) {}

  /// Nothing when `key` spoke within the period; otherwise the number of calls since held back.
  std::optional<unsigned> admit(const std::string& key);

 private:
  static constexpr std::size_t kMaxKeys = 1024;
  struct Entry {
    std::chrono::nanoseconds last;
    unsigned held_back = 0;
  };
  const Duration period_;
  const Clock* clock_;  // borrowed, outlives this
  Mutex mutex_;
  std::unordered_map<std::string, Entry> entries_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::core
