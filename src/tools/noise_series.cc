#include "anomaly_exporter/tools/noise_series.h"

#include <algorithm>
#include <cmath>

namespace anomaly_exporter::tools {

namespace {

constexpr double kAr1 = 0.9;
constexpr double kPoissonMean = 20;

constexpr std::string_view kNames[] = {"normal",     "laplace", "student_t3",
                                       "log_normal", "ar1",     "poisson"};

/// Cumulative probabilities of the Poisson family, and for each 1/256 of them where to begin.
class PoissonTable {
 public:
  PoissonTable() {
    double p = std::exp(-kPoissonMean);
    double sum = 0;
    for (std::size_t k = 0; k < upto_.size(); ++k) {
      sum += p;
      upto_[k] = sum;
      p *= kPoissonMean / static_cast<double>(k + 1);
    }
    upto_.back() = 1;
    std::size_t k = 0;
    for (std::size_t i = 0; i < start_.size(); ++i) {
      while (upto_[k] <= static_cast<double>(i) / static_cast<double>(start_.size())) ++k;
      start_[i] = k;
    }
  }
  /// The count at which `u` in [0, 1) is passed.
  [[nodiscard]] double count(double u) const {
    std::size_t k = start_[static_cast<std::size_t>(u * static_cast<double>(start_.size()))];
    while (upto_[k] <= u) ++k;
    return static_cast<double>(k);
  }

 private:
  std::array<double, 128> upto_{};
  std::array<std::size_t, 256> start_{};
};

double student_t3(core::Rng& rng) {
  for (;;) {
    const double x = 2 * rng.uniform() - 1;
    const double y = 2 * rng.uniform() - 1;
    const double square = x * x + y * y;
    if (square > 1 || square <= 0) continue;
    const double spread = 1 / std::cbrt(square * square);  // square^(-2/3)
    return x * std::sqrt(3 * (spread - 1) / square);
  }
}

double laplace(core::Rng& rng) {
  const double size = rng.exponential();
  return (rng.next() >> 63) == 0 ? size : -size;
}

}  // namespace

std::string_view to_string(NoiseFamily family) { return kNames[static_cast<std::size_t>(family)]; }

core::Result<std::vector<NoiseFamily>> parse_noise_families(std::string_view text) {
  std::vector<NoiseFamily> families;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    bool is_known = false;
    for (const NoiseFamily family : kNoiseFamilies) {
      if (word != "all" && word != to_string(family)) continue;
      is_known = true;
      if (std::find(families.begin(), families.end(), family) == families.end()) {
        families.push_back(family);
      }
    }
    if (!is_known) {
      std::string known = "all";
      for (const auto name : kNames) known.append(", ").append(name);
      return core::Error{core::ErrorCode::InvalidArgument,
                         "\"" + std::string(word) + "\" is not a noise family; use " + known};
    }
    begin = end + 1;
  }
  return families;
}

NoiseStream::NoiseStream(NoiseFamily family, std::uint64_t seed, std::uint64_t stream)
    : family_(family), rng_(seed * 0x9E3779B97F4A7C15ULL + stream) {
  if (family == NoiseFamily::Ar1) {
    for (double& x : last_) x = rng_.normal();  // begins in its stationary distribution
  }
}

void NoiseStream::next(std::span<float> lanes) {
  static const PoissonTable poisson;
  static const double kFresh = std::sqrt(1 - kAr1 * kAr1);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    double value = 0;
    switch (family_) {
      case NoiseFamily::Normal:
        value = rng_.normal();
        break;
      case NoiseFamily::Laplace:
        value = laplace(rng_);
        break;
      case NoiseFamily::StudentT3:
        value = student_t3(rng_);
        break;
      case NoiseFamily::LogNormal:
        value = std::exp(rng_.normal());
        break;
      case NoiseFamily::Ar1:
        value = last_[i] = kAr1 * last_[i] + kFresh * rng_.normal();
        break;
      case NoiseFamily::Poisson:
        value = poisson.count(rng_.uniform());
        break;
    }
    lanes[i] = static_cast<float>(value);
  }
}

std::pair<std::uint64_t, std::uint64_t> poisson_interval(double mean, double probability) {
  const double tail = (1 - probability) / 2;
  // Twelve standard deviations away nothing is left that a double sum could notice.
  const double reach = 12 * std::sqrt(mean) + 40;
  const auto begin = static_cast<std::uint64_t>(std::max(0.0, std::floor(mean - reach)));
  const auto end = static_cast<std::uint64_t>(std::ceil(mean + reach));
  const auto probability_of = [&](std::uint64_t k) {
    if (mean <= 0) return k == 0 ? 1.0 : 0.0;
    const auto n = static_cast<double>(k);
    return std::exp(n * std::log(mean) - mean - std::lgamma(n + 1));
  };
  double below = 0;  // P(X < low), then P(X <= low)
  std::uint64_t low = begin;
  while (low < end && below + probability_of(low) <= tail) below += probability_of(low++);
  double above = 0;
  std::uint64_t high = end;
  while (high > low && above + probability_of(high) <= tail) above += probability_of(high--);
  return {low, high};
}

}  // namespace anomaly_exporter::tools
