#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::core {

/// Every span of time in this code base. Milliseconds are Prometheus's own resolution.
using Duration = std::chrono::milliseconds;

/// A point in time: milliseconds since the Unix epoch, UTC, as in Prometheus's storage.
///
/// Why a type of its own: a bare int64 gets mixed up with seconds and tick numbers.
struct Timestamp {
  std::int64_t ms = 0;

  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  friend constexpr Timestamp operator+(Timestamp t, Duration d) { return {t.ms + d.count()}; }
  friend constexpr Timestamp operator-(Timestamp t, Duration d) { return {t.ms - d.count()}; }
  friend constexpr Duration operator-(Timestamp a, Timestamp b) { return Duration(a.ms - b.ms); }

  [[nodiscard]] constexpr double seconds() const { return static_cast<double>(ms) / 1000.0; }
};

/// Half-open range of time: from <= t < to, unless a function says otherwise.
struct TimeRange {
  Timestamp from;
  Timestamp to;

  [[nodiscard]] constexpr Duration length() const { return to - from; }
};

constexpr double to_seconds(Duration d) { return static_cast<double>(d.count()) / 1000.0; }

/// Parses a Prometheus duration: `((([0-9]+)y)?(([0-9]+)w)?...(([0-9]+)ms)?|0)`, e.g. "1h30m".
/// A year is 365 days, a week 7. "1.5d", "1m1h", "5" and "" are errors, as they are there.
/// Errors: InvalidArgument naming the text; also when the sum does not fit 2^63-1 nanoseconds
/// (Prometheus's own limit).
/// Source: prometheus/common model/time.go, ParseDuration.
Result<Duration> parse_duration(std::string_view text);

/// Prints a duration as Prometheus does: largest units first, weeks and years only when exact
/// ("14d" prints as "2w", 90 s as "1m30s", 0 as "0s").
/// REQUIRES: d >= 0.
std::string format_duration(Duration d);

/// RFC 3339 in UTC with milliseconds, e.g. "2026-01-02T03:04:05.678Z". A time outside the years
/// 0000 to 9999, which that form cannot express, prints as its milliseconds.
std::string format_rfc3339(Timestamp t);

/// Parses what the Prometheus API takes as a time: RFC 3339 (parts of a millisecond are dropped) or
/// Unix seconds with decimals (rounded to milliseconds).
/// Errors: InvalidArgument naming the text; also for seconds beyond 9.2e15.
Result<Timestamp> parse_timestamp(std::string_view text);

}  // namespace anomaly_exporter::core
