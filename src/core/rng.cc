#include "anomaly_exporter/core/rng.h"

#include <bit>
#include <cmath>

namespace anomaly_exporter::core {

Rng::Rng(std::uint64_t seed) {
  // splitmix64: four different words from any seed, never all zero.
  for (auto& word : state_) {
    seed += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t Rng::below(std::uint64_t n) {
  // 2^64 mod n values at the bottom are drawn again, so that every remainder is equally likely.
  const std::uint64_t too_low = (0 - n) % n;
  std::uint64_t drawn = next();
  while (drawn < too_low) drawn = next();
  return drawn % n;
}

double Rng::normal() {
  for (;;) {
    const double x = 2.0 * uniform() - 1.0;
    const double y = 2.0 * uniform() - 1.0;
    const double square = x * x + y * y;
    if (square > 0.0 && square < 1.0) return x * std::sqrt(-2.0 * std::log(square) / square);
  }
}

double Rng::exponential() { return -std::log1p(-uniform()); }

}  // namespace anomaly_exporter::core
