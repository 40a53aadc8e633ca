#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace anomaly_exporter::series {

/// IEEE 754 binary16 in software: 1 sign, 5 exponent, 10 fraction bits. Written out because the
/// base build may not use the F16C instructions, and both builds must store the same bits.

/// Largest finite value.
inline constexpr float kHalfMax = 65504.0F;

/// Rounds to the nearest half, ties to even. REQUIRES: |x| <= kHalfMax.
inline std::uint16_t to_half(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16U) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  constexpr std::uint32_t kSmallestNormal = 0x38800000U;  // 2^-14 as a float
  if (magnitude < kSmallestNormal) {
    // A subnormal half counts units of 2^-24; one that rounds up to 1024 units is the bit pattern
    // of the smallest normal, as it should be.
    const auto units = std::lrint(std::bit_cast<float>(magnitude) * 0x1p24F);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(units));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13U) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13U));
}

/// REQUIRES: `h` is not an infinity or NaN.
inline float from_half(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000U) << 16U;
  const std::uint32_t magnitude = h & 0x7fffU;
  if (magnitude < 0x400U) {
    const float x = static_cast<float>(magnitude) * 0x1p-24F;
    return sign == 0 ? x : -x;
  }
  return std::bit_cast<float>(sign | ((magnitude << 13U) + 0x38000000U));
}

/// False for the bit patterns of infinities and NaN.
inline bool is_finite_half(std::uint16_t h) { return (h & 0x7c00U) != 0x7c00U; }

}  // namespace anomaly_exporter::series
