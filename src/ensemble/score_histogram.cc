#include <array>
#include <bit>
#include <cmath>

#include "anomaly_exporter/ensemble/calibration.h"

namespace anomaly_exporter::ensemble {
namespace {

constexpr std::uint64_t kMantissaMask = (std::uint64_t{1} << 52) - 1;
constexpr int kExponentBias = 1023;

/// 2^(k/8), k = 0..7, as literals so that the bins are the same with every mathematical library.
constexpr std::array<double, ScoreHistogram::kBinsPerOctave> kSteps = {
    1.0,
    1.0905077326652577,
    1.189207115002721,
    1.2968395546510096,
    1.4142135623730951,
    1.5422108254079407,
    1.681792830507429,
    1.8340080864093424,
};

/// The bits of a step's mantissa: positive doubles compare as their bits do.
constexpr std::array<std::uint64_t, ScoreHistogram::kBinsPerOctave> kStepMantissas = [] {
  std::array<std::uint64_t, ScoreHistogram::kBinsPerOctave> bits{};
  for (std::size_t k = 0; k < bits.size(); ++k) {
    bits[k] = std::bit_cast<std::uint64_t>(kSteps[k]) & kMantissaMask;
  }
  return bits;
}();

}  // namespace

std::size_t ScoreHistogram::bin_of(double raw) {
  const auto bits = std::bit_cast<std::uint64_t>(raw);
  const int octave = static_cast<int>(bits >> 52) - kExponentBias - kLowestOctave;
  if (octave < 0) return 0;
  if (octave >= kOctaves) return kBins - 1;
  const std::uint64_t mantissa = bits & kMantissaMask;
  std::size_t step = 0;
  for (std::size_t k = 1; k < kStepMantissas.size(); ++k) step += mantissa >= kStepMantissas[k];
  return static_cast<std::size_t>(octave) * kBinsPerOctave + step;
}

double ScoreHistogram::lower_edge(std::size_t bin) {
  if (bin == 0) return 0;
  const int octave = static_cast<int>(bin / kBinsPerOctave) + kLowestOctave;
  return std::ldexp(kSteps[bin % kBinsPerOctave], octave);
}

void ScoreHistogram::add(const ScoreHistogram& other) {
  for (std::size_t bin = 0; bin < kBins; ++bin) counts_[bin] += other.counts_[bin];
}

std::uint64_t ScoreHistogram::total() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts_) sum += count;
  return sum;
}

}  // namespace anomaly_exporter::ensemble
