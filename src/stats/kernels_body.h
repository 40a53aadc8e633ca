#pragma once

// The kernels' source, included by kernels_base.cc and kernels_v3.cc, which are compiled for
// different instruction sets.
//
// Everything here has internal linkage, and no function template or inline function of the standard
// library is used: the linker keeps only one copy of those, and it might keep the one compiled for
// the newer processor.
//
// Loops run over 64 lanes with the choice by mask made on 32-bit elements before anything is
// widened to double; that is the form in which both compilers vectorise them.

#include <cfloat>
#include <cstring>

#include "anomaly_exporter/stats/kernels.h"
#include "recent_body.h"

namespace anomaly_exporter::stats {
namespace {

// The sums are not trusted once something this much larger (in squares) was subtracted: of the 53
// bits of a double 14 are lost, and 39 remain.
constexpr double kDominance = 16384.0;

constexpr double kRelativeScaleFloor = 1e-6;
constexpr double kAbsoluteScaleFloor = 1e-9;

// Rows whose lines are fetched ahead of the row being worked on.
constexpr std::size_t kRowsAhead = 4;

constexpr std::uint32_t kBits[32] = {
    1U << 0,  1U << 1,  1U << 2,  1U << 3,  1U << 4,  1U << 5,  1U << 6,  1U << 7,
    1U << 8,  1U << 9,  1U << 10, 1U << 11, 1U << 12, 1U << 13, 1U << 14, 1U << 15,
    1U << 16, 1U << 17, 1U << 18, 1U << 19, 1U << 20, 1U << 21, 1U << 22, 1U << 23,
    1U << 24, 1U << 25, 1U << 26, 1U << 27, 1U << 28, 1U << 29, 1U << 30, 1U << 31};

// One element per lane: 1 where the bit is set, else 0.
void expand(LaneMask mask, std::int32_t* __restrict out) {
  const auto low = static_cast<std::uint32_t>(mask);
  const auto high = static_cast<std::uint32_t>(mask >> 32);
  for (std::size_t i = 0; i < 32; ++i) out[i] = (low & kBits[i]) != 0 ? 1 : 0;
  for (std::size_t i = 0; i < 32; ++i) out[32 + i] = (high & kBits[i]) != 0 ? 1 : 0;
}

// The reverse of expand.
LaneMask collect(const std::int32_t* flags) {
  LaneMask mask = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    mask |= static_cast<LaneMask>(flags[lane] & 1) << lane;
  }
  return mask;
}

LaneMask moments_update(const MomentsStrip& state, const float* in, LaneMask add, const float* out,
                        LaneMask remove) {
  float* __restrict anchor = state.anchor;
  std::uint32_t* __restrict count = state.count;
  double* __restrict sum = state.sum;
  double* __restrict squares = state.squares;

  std::int32_t adds[kLanes];
  std::int32_t removes[kLanes];
  expand(add, adds);
  expand(remove, removes);

  // First what is chosen by mask: a lane that adds (removes) nothing adds (removes) its anchor,
  // whose distance is 0. A row that becomes empty starts anew, about the value it now receives.
  float old_anchor[kLanes];
  float entering[kLanes];
  float leaving[kLanes];
  float keep[kLanes];
  std::int32_t counts[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto before = static_cast<std::int32_t>(count[lane]);
    const std::int32_t removed = before > 0 ? removes[lane] : 0;
    const std::int32_t left = before - removed;
    old_anchor[lane] = anchor[lane];
    leaving[lane] = ((removed != 0) & (left != 0)) ? out[lane] : anchor[lane];
    keep[lane] = left != 0 ? 1.0F : 0.0F;
    const float new_anchor = ((left == 0) & (adds[lane] != 0)) ? in[lane] : anchor[lane];
    entering[lane] = adds[lane] != 0 ? in[lane] : new_anchor;
    anchor[lane] = new_anchor;
    counts[lane] = left + adds[lane];
    count[lane] = static_cast<std::uint32_t>(counts[lane]);
  }

  std::int32_t doubt[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const double gone = static_cast<double>(leaving[lane]) - static_cast<double>(old_anchor[lane]);
    const double come = static_cast<double>(entering[lane]) - static_cast<double>(anchor[lane]);
    const double kept = static_cast<double>(keep[lane]);
    const double s1 = (sum[lane] - gone) * kept + come;
    const double s2 = (squares[lane] - gone * gone) * kept + come * come;
    const double spread = static_cast<double>(counts[lane]) * s2 - s1 * s1;
    sum[lane] = s1;
    squares[lane] = s2;
    doubt[lane] = static_cast<std::int32_t>(gone * gone > kDominance * s2) |
                  static_cast<std::int32_t>(s1 * s1 > kDominance * spread);
  }
  std::int32_t any = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) any |= doubt[lane];
  return any == 0 ? 0 : collect(doubt) & (add | remove);
}

// Calls `visit(values, learned)` for every tick of the history, oldest first.
template <class Visit>
void for_each_tick(const LaneHistory& history, Visit visit) {
  std::size_t slot = history.oldest;
  for (std::size_t tick = 0; tick < history.ticks; ++tick) {
    visit(history.values + slot * history.stride, history.learned[slot]);
    if (++slot == history.slots) slot = 0;
  }
}

// Lanes [begin, end) of the sums anew. One lane or all of them: the same steps per lane.
void recompute_range(const MomentsStrip& state, const LaneHistory& history, const float* in,
                     LaneMask add, LaneMask lanes, std::size_t begin, std::size_t end) {
  std::int32_t set[kLanes];
  std::int32_t counts[kLanes] = {};
  double total[kLanes] = {};
  const auto add_up = [&](const float* __restrict values, LaneMask mask, std::size_t last) {
    expand(mask, set);
    for (std::size_t lane = begin; lane < last; ++lane) {
      total[lane] += static_cast<double>(set[lane] != 0 ? values[lane] : 0.0F);
      counts[lane] += set[lane];
    }
  };
  const std::size_t stored_end = end < history.stride ? end : history.stride;
  for_each_tick(history,
                [&](const float* values, LaneMask mask) { add_up(values, mask, stored_end); });
  add_up(in, add, end);

  float anchor[kLanes] = {};
  for (std::size_t lane = begin; lane < end; ++lane) {
    const std::int32_t n = counts[lane] > 0 ? counts[lane] : 1;
    anchor[lane] = static_cast<float>(total[lane] / static_cast<double>(n));
  }

  double s1[kLanes] = {};
  double s2[kLanes] = {};
  const auto add_distance = [&](const float* __restrict values, LaneMask mask, std::size_t last) {
    expand(mask, set);
    for (std::size_t lane = begin; lane < last; ++lane) {
      const float value = set[lane] != 0 ? values[lane] : anchor[lane];
      const double d = static_cast<double>(value) - static_cast<double>(anchor[lane]);
      s1[lane] += d;
      s2[lane] += d * d;
    }
  };
  for_each_tick(
      history, [&](const float* values, LaneMask mask) { add_distance(values, mask, stored_end); });
  add_distance(in, add, end);

  for (std::size_t lane = begin; lane < end; ++lane) {
    if ((lanes >> lane & 1) == 0) continue;
    state.anchor[lane] = anchor[lane];
    state.count[lane] = static_cast<std::uint32_t>(counts[lane]);
    state.sum[lane] = s1[lane];
    state.squares[lane] = s2[lane];
  }
}

void moments_recompute(const MomentsStrip& state, const LaneHistory& history, const float* in,
                       LaneMask add, LaneMask lanes) {
  constexpr int kFewLanes = 8;
  if (__builtin_popcountll(lanes) > kFewLanes) {
    recompute_range(state, history, in, add, lanes, 0, kLanes);
    return;
  }
  for (LaneMask rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctzll(rest));
    recompute_range(state, history, in, add, lanes, lane, lane + 1);
  }
}

void moments_estimate(const MomentsView& state, double* __restrict mean,
                      double* __restrict deviation) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto count = static_cast<std::int32_t>(state.count[lane]);
    const double n = static_cast<double>(count > 0 ? count : 1);
    const double offset = state.sum[lane] / n;
    const double variance = state.squares[lane] / n - offset * offset;
    mean[lane] = static_cast<double>(state.anchor[lane]) + offset;
    deviation[lane] = __builtin_sqrt(variance > 0.0 ? variance : 0.0);
  }
}

LaneMask standardise(const double* __restrict centre, const double* __restrict spread,
                     const float* __restrict values, const float* __restrict floor,
                     double* __restrict raw, float* __restrict expected, float* __restrict scale) {
  constexpr double kMax = FLT_MAX;
  std::int32_t finite[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const double c = centre[lane];
    const double magnitude = __builtin_fabs(c);
    const double relative = kRelativeScaleFloor * magnitude;
    double s = spread[lane];
    const double least = static_cast<double>(floor[lane]);
    finite[lane] =
        static_cast<std::int32_t>(magnitude <= kMax) & static_cast<std::int32_t>(s <= kMax);
    s = s > least ? s : least;
    s = s > relative ? s : relative;
    s = s > kAbsoluteScaleFloor ? s : kAbsoluteScaleFloor;
    s = s < kMax ? s : kMax;
    const double clipped = c > kMax ? kMax : (c < -kMax ? -kMax : c);
    const auto e = static_cast<float>(clipped);
    const auto sf = static_cast<float>(s);
    expected[lane] = e;
    scale[lane] = sf;
    raw[lane] = __builtin_fabs(static_cast<double>(values[lane]) - static_cast<double>(e)) /
                static_cast<double>(sf);
  }
  return collect(finite);
}

// n where `chosen`, else 0, without a branch: searches in fresh data defeat branch prediction.
std::size_t if_chosen(bool chosen, std::size_t n) {
  return n & (std::size_t{0} - static_cast<std::size_t>(chosen));
}

// Number of values below `value` in an ascending row.
std::size_t rank_of(const float* row, std::size_t n, float value) {
  const float* base = row;
  while (n > 1) {
    const std::size_t half = n / 2;
    base += if_chosen(base[half - 1] < value, half);
    n -= half;
  }
  return static_cast<std::size_t>(base - row) + (n == 1 && *base < value ? 1U : 0U);
}

void prefetch_row(const float* row, std::size_t n) {
  constexpr std::size_t kFloatsPerLine = 16;
  const auto address = reinterpret_cast<std::uintptr_t>(row);
  for (std::size_t i = 0; i < n; i += kFloatsPerLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(address + i * sizeof(float)));
  }
}

// Fetches the row that is worked on kRowsAhead lanes later. Beyond the strip this is the beginning
// of the next one, whose rows follow in memory; a prefetch past the end of a column does nothing.
void prefetch_ahead(const float* values, const std::uint16_t* count, std::size_t capacity,
                    std::size_t lane) {
  const std::size_t ahead = lane + kRowsAhead;
  const std::size_t n = count[ahead < kLanes ? ahead : lane];
  const auto address = reinterpret_cast<std::uintptr_t>(values) + ahead * capacity * sizeof(float);
  prefetch_row(reinterpret_cast<const float*>(address), n);
}

void move_values(float* to, const float* from, std::size_t n) {
  std::memmove(to, from, n * sizeof(float));
}

LaneMask sorted_update(const SortedStrip& state, const float* in, LaneMask add, const float* out,
                       LaneMask remove) {
  LaneMask refused = 0;
  for (LaneMask rest = add | remove; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctzll(rest));
    prefetch_ahead(state.values, state.count, state.capacity, lane);
    float* row = state.values + lane * state.capacity;
    const std::size_t n = state.count[lane];
    const bool adds = (add >> lane & 1) != 0;
    const bool removes = (remove >> lane & 1) != 0;
    // -0 becomes +0, so that equal values are equal bits.
    const float value = (adds ? in[lane] : 0.0F) + 0.0F;

    const std::size_t gone = removes ? rank_of(row, n, out[lane]) : n;
    const bool impossible = removes ? gone == n || row[gone] != out[lane] : n == state.capacity;
    if (impossible) {
      refused |= LaneMask{1} << lane;
      continue;
    }
    if (!adds) {
      move_values(row + gone, row + gone + 1, n - gone - 1);
      state.count[lane] = static_cast<std::uint16_t>(n - 1);
      continue;
    }
    const std::size_t place = rank_of(row, n, value);
    if (place > gone) {
      move_values(row + gone, row + gone + 1, place - gone - 1);
      row[place - 1] = value;
    } else {
      move_values(row + place + 1, row + place, gone - place);
      row[place] = value;
    }
    if (!removes) state.count[lane] = static_cast<std::uint16_t>(n + 1);
  }
  return refused;
}

double at(const float* row, std::size_t i) { return static_cast<double>(row[i]); }

double median_of(const float* row, std::size_t n) {
  return 0.5 * (at(row, (n - 1) / 2) + at(row, n / 2));
}

// The h = n/2 + 1 values nearest to the median are a run of the sorted row; its farther end is the
// (n/2)-th smallest distance counted from 0. Without that end, the farther end of what is left is
// the one before.
double mad_of(const float* row, std::size_t n, double median) {
  const std::size_t h = n / 2 + 1;
  std::size_t first = 0;
  for (std::size_t length = n - h; length > 0;) {
    const std::size_t half = length / 2;
    const bool right = median - at(row, first + half) > at(row, first + half + h) - median;
    first += right ? half + 1 : 0;
    length = right ? length - half - 1 : half;
  }
  std::size_t last = first + h - 1;
  const double below = median - at(row, first);
  const double above = at(row, last) - median;
  const double farthest = below > above ? below : above;
  if (n % 2 == 1) return farthest;
  if (below > above) {
    ++first;
  } else {
    --last;
  }
  const double next_below = median - at(row, first);
  const double next_above = at(row, last) - median;
  return 0.5 * (farthest + (next_below > next_above ? next_below : next_above));
}

void median_mad(const SortedView& state, LaneMask lanes, double* median, double* mad) {
  for (LaneMask rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctzll(rest));
    prefetch_ahead(state.values, state.count, state.capacity, lane);
    const float* row = state.values + lane * state.capacity;
    const std::size_t n = state.count[lane];
    median[lane] = median_of(row, n);
    mad[lane] = mad_of(row, n, median[lane]);
  }
}

double quantile_of(const float* row, std::size_t n, double q) {
  const double position = static_cast<double>(n - 1) * q;
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = below + 1 < n ? below + 1 : below;
  const double part = position - static_cast<double>(below);
  return at(row, below) + part * (at(row, above) - at(row, below));
}

void median_iqr(const SortedView& state, LaneMask lanes, double* median, double* iqr) {
  for (LaneMask rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctzll(rest));
    prefetch_ahead(state.values, state.count, state.capacity, lane);
    const float* row = state.values + lane * state.capacity;
    const std::size_t n = state.count[lane];
    median[lane] = median_of(row, n);
    iqr[lane] = quantile_of(row, n, 0.75) - quantile_of(row, n, 0.25);
  }
}

void line_forecast(const LaneHistory& history, double* __restrict forecast,
                   double* __restrict error, std::uint32_t* __restrict count) {
  const std::size_t lanes = history.stride;
  std::int32_t set[kLanes] = {};
  double n[kLanes] = {};
  double mean_k[kLanes] = {};
  double mean_x[kLanes] = {};
  double k = 0.0;
  for_each_tick(history, [&](const float* __restrict values, LaneMask mask) {
    expand(mask, set);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const auto weight = static_cast<double>(set[lane]);
      n[lane] += weight;
      mean_k[lane] += weight * k;
      mean_x[lane] += static_cast<double>(set[lane] != 0 ? values[lane] : 0.0F);
    }
    k += 1.0;
  });
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const double divisor = n[lane] > 1.0 ? n[lane] : 1.0;
    mean_k[lane] /= divisor;
    mean_x[lane] /= divisor;
  }

  double kk[kLanes] = {};
  double kx[kLanes] = {};
  double xx[kLanes] = {};
  k = 0.0;
  for_each_tick(history, [&](const float* __restrict values, LaneMask mask) {
    expand(mask, set);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const auto weight = static_cast<double>(set[lane]);
      const auto value = static_cast<double>(set[lane] != 0 ? values[lane] : 0.0F);
      const double dk = weight * (k - mean_k[lane]);
      const double dx = weight * (value - mean_x[lane]);
      kk[lane] += dk * dk;
      kx[lane] += dk * dx;
      xx[lane] += dx * dx;
    }
    k += 1.0;
  });

  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const bool enough = n[lane] >= 3.0;
    const double samples = enough ? n[lane] : 3.0;
    const double sum_kk = enough ? kk[lane] : 1.0;
    const double slope = kx[lane] / sum_kk;
    const double left_over = xx[lane] - slope * kx[lane];
    const double variance = (left_over > 0.0 ? left_over : 0.0) / (samples - 2.0);
    const double ahead = k - mean_k[lane];
    const double inflation = 1.0 + 1.0 / samples + ahead * ahead / sum_kk;
    forecast[lane] = enough ? mean_x[lane] + slope * ahead : 0.0;
    error[lane] = enough ? __builtin_sqrt(variance * inflation) : 0.0;
    count[lane] = static_cast<std::uint32_t>(n[lane]);
  }
}

constexpr Kernels kKernelsOfThisFile = {
    .moments_update = moments_update,
    .moments_recompute = moments_recompute,
    .moments_estimate = moments_estimate,
    .standardise = standardise,
    .sorted_update = sorted_update,
    .median_mad = median_mad,
    .median_iqr = median_iqr,
    .line_forecast = line_forecast,
    .recent_moments = recent_moments,
};

}  // namespace
}  // namespace anomaly_exporter::stats
