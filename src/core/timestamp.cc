#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <utility>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::core {
namespace {

constexpr std::int64_t kMsPerDay = 86'400'000;

Error invalid(std::string_view text, std::string_view why) {
  constexpr std::size_t kMaxShownBytes = 64;
  std::string message = "not a valid time: \"";
  message += text.substr(0, kMaxShownBytes);
  message += text.size() > kMaxShownBytes ? "...\": " : "\": ";
  message += why;
  return {ErrorCode::InvalidArgument, std::move(message)};
}

/// Consumes a text from its front; after the first mismatch nothing matches any more.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  /// A number of exactly `digits` digits that is at most `largest`.
  int number(std::size_t digits, int largest) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (i >= rest_.size() || !is_digit(rest_[i])) return fail();
      value = value * 10 + (rest_[i] - '0');
    }
    if (value > largest) return fail();
    rest_.remove_prefix(digits);
    return value;
  }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail();
  }

  /// The digits that follow, at least one; the first three count as milliseconds.
  int milliseconds() {
    int value = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
      if (digits < 3) value = value * 10 + (rest_[digits] - '0');
    }
    if (digits == 0) return fail();
    for (std::size_t i = digits; i < 3; ++i) value *= 10;
    rest_.remove_prefix(digits);
    return value;
  }

  [[nodiscard]] bool is_done() const { return ok_ && rest_.empty(); }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  int fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  Cursor cursor(text);
  const int year = cursor.number(4, 9999);
  cursor.expect('-');
  const int month = cursor.number(2, 12);
  cursor.expect('-');
  const int day = cursor.number(2, 31);
  cursor.expect('T');
  const int hour = cursor.number(2, 23);
  cursor.expect(':');
  const int minute = cursor.number(2, 59);
  cursor.expect(':');
  const int second = cursor.number(2, 59);
  const int ms = cursor.take('.') ? cursor.milliseconds() : 0;
  int offset_minutes = 0;
  if (!cursor.take('Z')) {
    const bool is_west = cursor.take('-');
    if (!is_west) cursor.expect('+');
    offset_minutes = cursor.number(2, 23) * 60;
    cursor.expect(':');
    offset_minutes += cursor.number(2, 59);
    if (is_west) offset_minutes = -offset_minutes;
  }
  if (!cursor.is_done()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = hour * 60 + minute - offset_minutes;
  return Timestamp{days * kMsPerDay + minutes * 60'000 + second * 1000 + ms};
}

}  // namespace

std::string format_rfc3339(Timestamp t) {
  constexpr Timestamp kYear0{-62'167'219'200'000};
  constexpr Timestamp kYear10000{253'402'300'800'000};
  if (t < kYear0 || t >= kYear10000) return std::to_string(t.ms) + "ms";

  const auto day = std::chrono::floor<std::chrono::days>(Duration(t.ms));
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::chrono::hh_mm_ss time(Duration(t.ms) - day);
  char text[80];
  const int size = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return {text, static_cast<std::size_t>(size)};
}

Result<Timestamp> parse_timestamp(std::string_view text) {
  if (const auto seconds = parse_number(text)) {
    // The largest magnitude whose milliseconds surely fit an int64.
    constexpr double kMaxSeconds = 9.2e15;
    if (!(std::fabs(*seconds) <= kMaxSeconds)) return invalid(text, "out of range");
    const double whole = std::trunc(*seconds);
    const double part = *seconds - whole;
    return Timestamp{static_cast<std::int64_t>(whole) * 1000 + std::llround(part * 1000.0)};
  }
  if (const auto time = parse_rfc3339(text)) return *time;
  return invalid(text, "neither RFC 3339 nor Unix seconds");
}

}  // namespace anomaly_exporter::core
