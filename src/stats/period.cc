#include "anomaly_exporter/stats/period.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace anomaly_exporter::stats {
namespace {

using Buffer = std::array<double, kPeriodSamples>;

constexpr double kLeastPairs = 8;
constexpr double kSlack = 0.05;  // correlations nearer than this are equal

/// The prepared series: absent samples are 0 with weight 0.
struct Series {
  std::size_t size = 0;
  Buffer value{};
  Buffer weight{};
};

/// Removes mean and straight line, clips at three deviations, and divides by the deviation.
/// False for series without spread.
bool prepare(std::span<const float> values, std::span<const std::uint8_t> present, Series& s) {
  constexpr double kClip = 3.0;
  s.size = values.size();
  double count = 0, sum_t = 0, sum_v = 0;
  for (std::size_t i = 0; i < s.size; ++i) {
    s.weight[i] = present[i] != 0 ? 1.0 : 0.0;
    s.value[i] = present[i] != 0 ? static_cast<double>(values[i]) : 0.0;
    count += s.weight[i];
    sum_t += s.weight[i] * static_cast<double>(i);
    sum_v += s.value[i];
  }
  if (count < 8) return false;
  const double mean_t = sum_t / count;
  const double mean_v = sum_v / count;
  double tt = 0, tv = 0;
  for (std::size_t i = 0; i < s.size; ++i) {
    const double t = static_cast<double>(i) - mean_t;
    tt += s.weight[i] * t * t;
    tv += s.weight[i] * t * (s.value[i] - mean_v);
  }
  double squares = 0;
  for (std::size_t i = 0; i < s.size; ++i) {
    const double line = mean_v + tv / tt * (static_cast<double>(i) - mean_t);
    s.value[i] = s.weight[i] * (s.value[i] - line);
    squares += s.value[i] * s.value[i];
  }
  const double deviation = std::sqrt(squares / count);
  if (!(deviation > 1e-6 * std::abs(mean_v)) || !(deviation > 0)) return false;
  for (std::size_t i = 0; i < s.size; ++i) {
    s.value[i] = std::clamp(s.value[i] / deviation, -kClip, kClip);
  }
  return true;
}

/// The series without its moving mean over `width` samples, cut short at the ends.
void remove_moving_mean(const Series& s, std::size_t width, Series& out) {
  const std::size_t half = width / 2;
  out.size = s.size;
  out.weight = s.weight;
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < std::min(half, s.size); ++i) {
    sum += s.value[i];
    count += s.weight[i];
  }
  for (std::size_t i = 0; i < s.size; ++i) {
    if (i + half < s.size) {
      sum += s.value[i + half];
      count += s.weight[i + half];
    }
    if (i > half) {
      sum -= s.value[i - half - 1];
      count -= s.weight[i - half - 1];
    }
    out.value[i] = count > 0 ? s.weight[i] * (s.value[i] - sum / count) : 0.0;
  }
}

struct Correlation {
  double value = 0;
  double pairs = 0;
};

Correlation correlation_at(const Series& s, std::size_t lag) {
  double both = 0, early = 0, late = 0, pairs = 0;
  for (std::size_t i = 0; i + lag < s.size; ++i) {
    const double a = s.value[i] * s.weight[i + lag];
    const double b = s.value[i + lag] * s.weight[i];
    both += a * b;
    early += a * a;
    late += b * b;
    pairs += s.weight[i] * s.weight[i + lag];
  }
  const double scale = std::sqrt(early * late);
  return {scale > 0 ? both / scale : 0.0, pairs};
}

/// How strongly a series repeats after a period.
struct SeasonStrength {
  double correlation = 0;  // with itself one period later
  double least = 1;        // from which it is no longer chance
  bool is_peak = false;    // neighbouring lags, and some shorter one clearly, correlate less
  [[nodiscard]] bool is_significant() const { return is_peak && correlation >= least; }
};

/// `smooth` is the series without the moving mean.
SeasonStrength strength_in(const Series& smooth, std::size_t period) {
  constexpr double kSigmas = 4.0;
  constexpr double kLeast = 0.2;
  constexpr double kMostMany = 0.6;
  constexpr double kMostFew = 0.75;
  constexpr std::size_t kManyPeriods = 4;
  constexpr double kTrough = 0.2;
  SeasonStrength out;
  const Correlation at = correlation_at(smooth, period);
  out.correlation = at.value;
  if (at.pairs < kLeastPairs) return out;
  // Where only every other sample is there, the odd lags have no pairs and say nothing.
  const Correlation next = correlation_at(smooth, 1);
  const double r1 = next.pairs < kLeastPairs ? correlation_at(smooth, 2).value : next.value;
  const double independent = at.pairs * (1 - r1 * r1) / (1 + r1 * r1);
  const bool has_many = smooth.size >= kManyPeriods * period;
  out.least = std::clamp(kSigmas / std::sqrt(std::max(independent, 1e-9)), kLeast,
                         has_many ? kMostMany : kMostFew);
  if (out.correlation < out.least) return out;
  if (period > 2 && correlation_at(smooth, period - 1).value > at.value + kSlack) return out;
  if (correlation_at(smooth, period + 1).value > at.value + kSlack) return out;
  for (std::size_t lag = (period + 1) / 2; lag > 0 && !out.is_peak; --lag) {
    const Correlation shorter = correlation_at(smooth, lag);
    out.is_peak = shorter.pairs >= kLeastPairs && shorter.value < at.value - kTrough;
  }
  return out;
}

SeasonStrength strength_of(const Series& s, std::size_t period) {
  Series smooth;
  remove_moving_mean(s, period, smooth);
  return strength_in(smooth, period);
}

/// The shortest divisor of `period` that repeats as well as it.
std::size_t shortest_divisor(const Series& s, std::size_t period, double correlation) {
  for (std::size_t p = 2; p < period; ++p) {
    if (period % p != 0) continue;
    const SeasonStrength found = strength_of(s, p);
    if (found.is_significant() && found.correlation >= correlation - kSlack) return p;
  }
  return period;
}

/// The week, where it explains clearly more than the day, or what divides it. Both are measured
/// without what changes over more than two days: a wandering level makes any two weeks alike or
/// unlike.
std::optional<std::size_t> week_or_divisor(const Series& s, std::size_t day) {
  constexpr double kSigmas = 3.0;
  constexpr double kLeastGain = 0.1;
  const std::size_t week = 7 * day;
  if (s.size < 2 * week) return std::nullopt;
  Series smooth;
  remove_moving_mean(s, 2 * day, smooth);
  const SeasonStrength weekly = strength_in(smooth, week);
  if (!weekly.is_significant()) return std::nullopt;
  const Correlation daily = correlation_at(smooth, day);
  const double noise = (1 - weekly.correlation * weekly.correlation) * std::sqrt(2.0 / daily.pairs);
  if (weekly.correlation < daily.value + std::max(kLeastGain, kSigmas * noise)) return std::nullopt;
  return shortest_divisor(s, week, weekly.correlation);
}

struct Hint {
  std::size_t frequency = 0;  // cycles in the whole series
  double power = 0;
};
constexpr std::size_t kHints = 6;

/// The strongest frequencies that stand out of their neighbourhood.
std::array<Hint, kHints> periodogram_peaks(const Series& s) {
  constexpr double kStandsOut = 10.4;  // white noise: once in a hundred series of 336 frequencies
  constexpr std::size_t kNeighbours = 10;
  const std::size_t n = s.size;
  Buffer cosine, power{};
  for (std::size_t i = 0; i < n; ++i) {
    cosine[i] = std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n));
  }
  const std::size_t last = n / 2;
  for (std::size_t f = 1; f <= last; ++f) {
    double re = 0, im = 0;
    std::size_t at = 0;
    std::size_t quarter = n - n / 4;  // cos(x - pi / 2), exact where n is a multiple of four
    for (std::size_t i = 0; i < n; ++i) {
      re += s.value[i] * cosine[at];
      im += s.value[i] * cosine[quarter];
      at = at + f < n ? at + f : at + f - n;
      quarter = quarter + f < n ? quarter + f : quarter + f - n;
    }
    power[f] = re * re + im * im;
  }
  std::array<Hint, kHints> hints{};
  for (std::size_t f = 2; f <= last; ++f) {
    const std::size_t from = f > kNeighbours ? f - kNeighbours : 1;
    const std::size_t to = std::min(f + kNeighbours, last) + 1;
    Buffer near;
    std::copy(power.begin() + static_cast<std::ptrdiff_t>(from),
              power.begin() + static_cast<std::ptrdiff_t>(to), near.begin());
    const auto middle = near.begin() + static_cast<std::ptrdiff_t>((to - from) / 2);
    std::nth_element(near.begin(), middle, near.begin() + static_cast<std::ptrdiff_t>(to - from));
    if (power[f] < kStandsOut / std::numbers::ln2 * *middle) continue;
    if (power[f] <= hints.back().power) continue;
    hints.back() = {f, power[f]};
    std::ranges::sort(hints, std::ranges::greater{}, &Hint::power);
  }
  return hints;
}

/// The best of the periods that a hint and its small multiples stand for.
std::optional<std::size_t> other_period(const Series& s, std::size_t most) {
  std::size_t best = 0;
  double correlation = 0;
  for (const Hint& hint : periodogram_peaks(s)) {
    if (hint.frequency == 0) continue;
    for (std::size_t multiple = 1; multiple <= 3; ++multiple) {
      const std::size_t from = s.size * multiple / (hint.frequency + 1) + 1;
      const std::size_t to = std::min(s.size * multiple / (hint.frequency - 1), most);
      for (std::size_t p = std::max<std::size_t>(from, 2); p <= to; ++p) {
        if (2 * p > s.size) break;
        const SeasonStrength found = strength_of(s, p);
        if (!found.is_significant()) continue;
        const bool is_multiple = best != 0 && 2 * p > 3 * best;
        if (found.correlation > correlation + (is_multiple ? 2 * kSlack : 0.0)) {
          best = p;
          correlation = found.correlation;
        }
      }
    }
  }
  if (best == 0) return std::nullopt;
  return shortest_divisor(s, best, correlation);
}

}  // namespace

std::optional<std::size_t> find_period(std::span<const float> values,
                                       std::span<const std::uint8_t> present,
                                       std::size_t samples_per_day) {
  Series s;
  if (!prepare(values, present, s)) return std::nullopt;
  const std::size_t day = samples_per_day;
  const std::size_t week = 7 * day;
  if (auto found = week_or_divisor(s, day)) return found;
  if (s.size >= 2 * day) {
    const SeasonStrength daily = strength_of(s, day);
    if (daily.is_significant()) return shortest_divisor(s, day, daily.correlation);
  }
  return other_period(s, week);
}

}  // namespace anomaly_exporter::stats
