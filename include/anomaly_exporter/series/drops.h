#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace anomaly_exporter::series {

/// Why a sample or series was not used. Each is a value of the `reason` label of
/// `anomaly_exporter_samples_dropped_total`.
enum class DropReason : std::uint8_t {
  StaleMarker,      ///< the source says the series ended
  NotFinite,        ///< NaN or infinity
  TooLarge,         ///< does not fit a float
  TooOld,           ///< sample time before the tick's tolerance (late)
  OutOfOrder,       ///< sample time not after the previous one of the series
  InFuture,         ///< sample time more than the allowed skew ahead of the tick
  DuplicateSeries,  ///< a second series for the same entity and metric
  DuplicateSample,  ///< the same sample again (no new scrape since the last tick)
  SeriesLimit,      ///< limits.series or limits.series_per_source reached
  InvalidLabels,    ///< label set that no valid Prometheus would send
  LabelLimit,       ///< too many labels or too long values
  OwnOutput,        ///< one of our own families
  NotANumber,       ///< native histogram or other non-float sample
  LabelCollision,   ///< two outputs would carry equal labels
};
inline constexpr std::size_t kDropReasons = 14;

/// Snake-case name as used in the label, e.g. "stale_marker".
std::string_view to_string(DropReason reason);

/// Counters by reason. Threads: safe for concurrent use (relaxed atomics).
class DropCounters {
 public:
  void add(DropReason reason, std::uint64_t n = 1) {
    counts_[static_cast<std::size_t>(reason)].fetch_add(n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value(DropReason reason) const {
    return counts_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kDropReasons> counts_{};
};

}  // namespace anomaly_exporter::series
