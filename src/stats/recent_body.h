#pragma once

// Kernels::recent_moments, part of the source that kernels_body.h describes.
//
// Four vectors of lanes pass through the whole history before the next four: their sums stay in
// registers. Vectors are those of the compilers (GCC and Clang).

#include <cstring>

#include "anomaly_exporter/stats/kernels.h"

namespace anomaly_exporter::stats {
namespace {

#ifdef __AVX2__
#define AE_RECENT_VECTOR_BYTES 32
#else
#define AE_RECENT_VECTOR_BYTES 16
#endif
using Lanes = float __attribute__((vector_size(AE_RECENT_VECTOR_BYTES)));
using LaneBits = std::int32_t __attribute__((vector_size(AE_RECENT_VECTOR_BYTES)));
constexpr std::size_t kVectorLanes = AE_RECENT_VECTOR_BYTES / sizeof(float);
#undef AE_RECENT_VECTOR_BYTES
constexpr std::size_t kTileVectors = 4;

// Calls `visit(values, learned)` for every tick of the history, newest first.
template <class Visit>
inline __attribute__((always_inline)) void for_each_tick_back(const LaneHistory& history,
                                                              Visit visit) {
  std::size_t slot = (history.oldest + history.ticks) % history.slots;
  for (std::size_t tick = 0; tick < history.ticks; ++tick) {
    slot = (slot == 0 ? history.slots : slot) - 1;
    visit(history.values + slot * history.stride, history.learned[slot]);
  }
}

// The vectors of lanes [begin, begin + kVectors * kVectorLanes).
template <std::size_t kVectors>
void recent_tile(const LaneHistory& history, const float* about, float* mean, float* deviation,
                 std::size_t begin) {
  const LaneMask every = ~LaneMask{0} >> (kLanes - history.stride);
  LaneBits bit;
  for (std::size_t i = 0; i < kVectorLanes; ++i) bit[i] = static_cast<std::int32_t>(1U << i);
  Lanes centre[kVectors], sum[kVectors] = {}, squares[kVectors] = {};
  LaneBits count[kVectors] = {};
  std::memcpy(centre, about + begin, sizeof centre);
  std::int32_t complete = 0;
  for_each_tick_back(history, [&](const float* values, LaneMask learned) {
    Lanes d[kVectors];
    std::memcpy(d, values + begin, sizeof d);
    for (std::size_t v = 0; v < kVectors; ++v) d[v] -= centre[v];
    if (learned == every) {
      ++complete;
    } else {
      for (std::size_t v = 0; v < kVectors; ++v) {
        const auto bits = static_cast<std::int32_t>(learned >> (begin + v * kVectorLanes) & 0xff);
        const LaneBits there = (bits & bit) != 0;
        d[v] = reinterpret_cast<Lanes>(reinterpret_cast<LaneBits>(d[v]) & there);
        count[v] -= there;
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[v] += d[v];
      squares[v] += d[v] * d[v];
    }
  });
  for (std::size_t v = 0; v < kVectors; ++v) {
    for (std::size_t i = 0; i < kVectorLanes; ++i) {
      const std::size_t lane = begin + v * kVectorLanes + i;
      const std::int32_t n = count[v][i] + complete;
      const float of = n > 0 ? static_cast<float>(n) : 1.0F;
      const float off = sum[v][i] / of;
      const float variance = squares[v][i] / of - off * off;
      mean[lane] = about[lane] + off;
      deviation[lane] = __builtin_sqrtf(variance < 0.0F ? 0.0F : variance);
    }
  }
}

// One lane of a block that has too few for a vector.
void recent_lane(const LaneHistory& history, const float* about, float* mean, float* deviation,
                 std::size_t lane) {
  float sum = 0, squares = 0, count = 0;
  for_each_tick_back(history, [&](const float* values, LaneMask learned) {
    if ((learned >> lane & 1) == 0) return;
    const float d = values[lane] - about[lane];
    sum += d;
    squares += d * d;
    count += 1.0F;
  });
  const float of = count > 0 ? count : 1.0F;
  const float off = sum / of;
  const float variance = squares / of - off * off;
  mean[lane] = about[lane] + off;
  deviation[lane] = __builtin_sqrtf(variance < 0.0F ? 0.0F : variance);
}

void recent_moments(const LaneHistory& history, const float* about, float* mean, float* deviation) {
  const std::size_t stride = history.stride;
  std::size_t lane = 0;
  for (; lane + kTileVectors * kVectorLanes <= stride; lane += kTileVectors * kVectorLanes) {
    recent_tile<kTileVectors>(history, about, mean, deviation, lane);
  }
  for (; lane + kVectorLanes <= stride; lane += kVectorLanes) {
    recent_tile<1>(history, about, mean, deviation, lane);
  }
  for (; lane < stride; ++lane) recent_lane(history, about, mean, deviation, lane);
}

}  // namespace
}  // namespace anomaly_exporter::stats
