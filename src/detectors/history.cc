#include "anomaly_exporter/detectors/history.h"

#include <algorithm>

namespace anomaly_exporter::detectors {

stats::LaneHistory history_before(const series::StripView& strip, TickIndex now,
                                  std::size_t ticks) {
  const auto past = static_cast<std::size_t>(std::max<TickIndex>(now, 0));
  const std::size_t known = std::min(ticks, past);
  return {.values = strip.values,
          .learned = strip.learned,
          .stride = strip.stride,
          .slots = strip.slots,
          .oldest = strip.slot(now - static_cast<TickIndex>(known)),
          .ticks = known};
}

Leaving leaving_values(const series::StripView& strip, TickIndex now, std::size_t window,
                       LaneMask active) {
  Leaving leaving;
  const auto age = static_cast<TickIndex>(window);
  if (now < age) return leaving;
  const std::size_t slot = strip.slot(now - age);
  leaving.lanes = strip.learned[slot] & active;
  if (leaving.lanes != 0) {
    std::copy_n(strip.values + slot * strip.stride, strip.stride, leaving.values.begin());
  }
  return leaving;
}

bool is_refresh_due(TickIndex now, std::size_t block, std::size_t window) {
  return (static_cast<std::uint64_t>(now) + block) % window == 0;
}

}  // namespace anomaly_exporter::detectors
