#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/seasonal_esd.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "season_curve.h"

// What is kept of a row, and the options: the part of SeasonalEsd that is not arithmetic.

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kPoints = SeasonCurve::kPoints;
constexpr std::size_t kMostSteps = 336;

template <class T>
std::span<const T> part(const series::Column<T>& column, std::size_t first, std::size_t count) {
  return column.span().subspan(first, count);
}

}  // namespace

core::Status SeasonalEsdOptions::validate() const {
  const auto invalid = [](const char* key, const std::string& value, const char* want) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       std::string(key) + ": " + value + " is not " + want};
  };
  constexpr core::Duration kLeast = std::chrono::hours(1);
  constexpr core::Duration kMost = std::chrono::hours(7 * 24);
  constexpr std::size_t kMostAnomalies = 100;
  constexpr double kLeastAlpha = 1e-6;
  constexpr double kMostAlpha = 0.5;
  if (period.count() != 0 && (period < kLeast || period > kMost)) {
    return invalid("period", std::to_string(period.count()) + "ms", "0 or within 1h to 7d");
  }
  if (period % series::Profiles::kStep != core::Duration(0)) {
    return invalid("period", core::format_duration(period), "a multiple of 30m");
  }
  if (max_anomalies < 1 || max_anomalies > kMostAnomalies) {
    return invalid("max_anomalies", std::to_string(max_anomalies), "within 1 to 100");
  }
  if (!(alpha >= kLeastAlpha && alpha <= kMostAlpha)) {
    return invalid("alpha", core::number_text(alpha), "within 1e-6 to 0.5");
  }
  return {};
}

void SeasonalEsd::forget(std::size_t block, LaneMask lanes) {
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(block, metric);
    sample_.forget(first, lanes);
    for (LaneMask rest = lanes; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
      period_[first + lane] = kUnknown;
      unit_[first + lane] = 0;
      gap_[first + lane] = 0;
      anomalies_[first + lane] = 0;
      number_[first + lane] = 0;
      for (std::size_t i = 0; i < kPoints; ++i) curve_[first * kPoints + i * kLanes + lane] = 0;
    }
  }
}

void SeasonalEsd::save(std::size_t block, core::StateWriter& out) const {
  const std::size_t first = first_row(block, 0);
  const std::size_t rows = metrics_ * kLanes;
  write_state_head(out, {metrics_, sample_.window()});
  out.i64(clock_[block].offset_ms);
  out.i64(clock_[block].previous_ms);
  out.i64(clock_[block].changed_ms);
  out.u16s(part(period_, first, rows));
  out.f32s(part(unit_, first, rows));
  out.u16s(part(curve_, first * kPoints, rows * kPoints));
  out.u16s(part(gap_, first, rows));
  out.u16s(part(anomalies_, first, rows));
  out.u32s(part(number_, first, rows));
  sample_.save(first, rows, out);
}

core::Status SeasonalEsd::restore(std::size_t block, core::StateReader& in) {
  const std::size_t first = first_row(block, 0);
  const std::size_t rows = metrics_ * kLanes;
  if (auto head = read_state_head(in, {metrics_, sample_.window()}); !head) return head;
  LocalClock clock;
  clock.offset_ms = in.i64();
  clock.previous_ms = in.i64();
  clock.changed_ms = in.i64();
  std::vector<std::uint16_t> period(rows), curve(rows * kPoints), gap(rows), anomalies(rows);
  std::vector<float> unit(rows);
  std::vector<std::uint32_t> number(rows);
  in.u16s(period);
  in.f32s(unit);
  in.u16s(curve);
  in.u16s(gap);
  in.u16s(anomalies);
  in.u32s(number);
  if (!in.ok()) return in.status();

  constexpr std::int64_t kMostOffset = core::Duration(std::chrono::hours(26)).count();
  const auto is_offset = [](std::int64_t ms) { return ms >= -kMostOffset && ms <= kMostOffset; };
  const bool fits =
      std::ranges::all_of(period,
                          [](std::uint16_t p) { return p <= kMostSteps || p == kHourOfWeek; }) &&
      std::ranges::all_of(unit, [](float u) { return std::isfinite(u) && u >= 0; }) &&
      clock.changed_ms >= 0 && is_offset(clock.offset_ms) && is_offset(clock.previous_ms);
  if (!fits) {
    in.fail("seasonal state that makes no sense");
    return in.status();
  }
  if (auto status = sample_.restore(first, rows, in); !status) return status;
  clock_[block] = clock;
  const auto at = static_cast<std::ptrdiff_t>(first);
  std::ranges::copy(period, period_.span().begin() + at);
  std::ranges::copy(unit, unit_.span().begin() + at);
  std::ranges::copy(curve, curve_.span().begin() + at * static_cast<std::ptrdiff_t>(kPoints));
  std::ranges::copy(gap, gap_.span().begin() + at);
  std::ranges::copy(anomalies, anomalies_.span().begin() + at);
  std::ranges::copy(number, number_.span().begin() + at);
  return {};
}

}  // namespace anomaly_exporter::detectors
