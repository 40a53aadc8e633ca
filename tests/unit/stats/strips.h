#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/stats/kernels.h"

namespace anomaly_exporter::stats {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kMaxFloat = std::numeric_limits<float>::max();

using Strip = std::array<float, kLanes>;
using Doubles = std::array<double, kLanes>;

inline bool has(LaneMask mask, std::size_t lane) { return (mask >> lane & 1) != 0; }

inline LaneMask random_mask(core::Rng& rng) { return rng.next() | rng.next(); }

/// Numbers of every magnitude, most of them ordinary.
inline float random_value(core::Rng& rng) {
  switch (rng.below(12)) {
    case 0:
      return 0.0F;
    case 1:
      return static_cast<float>((rng.uniform() - 0.5) * 2e18);
    case 2:
      return rng.below(2) == 0 ? kMaxFloat : -kMaxFloat;
    case 3:
      return std::numeric_limits<float>::denorm_min();
    case 4:
      return static_cast<float>(rng.below(3));
    default:
      return static_cast<float>(100.0 + rng.uniform());
  }
}

/// Values where the mask is set, NaN elsewhere: whoever reads those spoils a result.
inline Strip random_strip(core::Rng& rng, LaneMask mask) {
  Strip strip;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    strip[lane] = has(mask, lane) ? random_value(rng) : kNan;
  }
  return strip;
}

struct Moments {
  std::vector<float> anchor = std::vector<float>(kLanes);
  std::vector<std::uint32_t> count = std::vector<std::uint32_t>(kLanes);
  std::vector<double> sum = std::vector<double>(kLanes);
  std::vector<double> squares = std::vector<double>(kLanes);

  MomentsStrip strip() { return {anchor.data(), count.data(), sum.data(), squares.data()}; }
  [[nodiscard]] MomentsView view() const {
    return {anchor.data(), count.data(), sum.data(), squares.data()};
  }
  friend bool operator==(const Moments&, const Moments&) = default;
};

struct Sorted {
  std::size_t capacity;
  std::vector<float> values = std::vector<float>(kLanes * capacity);
  std::vector<std::uint16_t> count = std::vector<std::uint16_t>(kLanes);

  SortedStrip strip() { return {values.data(), count.data(), capacity}; }
  [[nodiscard]] SortedView view() const { return {values.data(), count.data(), capacity}; }
  [[nodiscard]] std::vector<float> row(std::size_t lane) const {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(lane * capacity);
    return {first, first + count[lane]};
  }
};

/// A ring of strips as the windows keep it; absent values are NaN.
struct Ring {
  std::size_t slots;
  std::size_t stride = kLanes;
  std::vector<float> values = std::vector<float>(slots * stride, kNan);
  std::vector<LaneMask> learned = std::vector<LaneMask>(slots);

  void put(std::size_t tick, const Strip& strip, LaneMask mask) {
    std::copy_n(strip.begin(), stride,
                values.begin() + static_cast<std::ptrdiff_t>(tick % slots * stride));
    learned[tick % slots] = stride == kLanes ? mask : mask & ((LaneMask{1} << stride) - 1);
  }
  [[nodiscard]] LaneHistory last(std::size_t ticks, std::size_t now) const {
    return {values.data(), learned.data(), stride, slots, (now - ticks) % slots, ticks};
  }
  [[nodiscard]] std::vector<float> lane(const LaneHistory& history, std::size_t lane_number) const {
    std::vector<float> out;
    for (std::size_t i = 0; i < history.ticks; ++i) {
      const std::size_t slot = (history.oldest + i) % slots;
      if (has(learned[slot], lane_number)) out.push_back(values[slot * stride + lane_number]);
    }
    return out;
  }
};

template <class T>
inline bool equal_bits(const T& a, const T& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0;
}

inline const Kernels& base() { return kernels(core::CpuLevel::Base); }

/// The newer table where this processor has the instructions, else the base table once more.
inline const Kernels& best() { return kernels(core::detected_cpu_level()); }

}  // namespace anomaly_exporter::stats
