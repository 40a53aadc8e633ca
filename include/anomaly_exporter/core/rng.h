#pragma once

#include <array>
#include <cstdint>

namespace anomaly_exporter::core {

/// Seeded random numbers that are the same with every compiler and library: xoshiro256** seeded by
/// splitmix64 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021). The
/// standard library's distributions differ between implementations; these do not.
///
/// Threads: one thread at a time. Cost: about 1.5 ns per number.
class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  std::uint64_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [0, n). REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n);
  /// Standard normal (polar method of Marsaglia).
  double normal();
  /// Exponential with mean 1.
  double exponential();

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace anomaly_exporter::core
