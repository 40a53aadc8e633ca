#include "anomaly_exporter/core/checksum.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace anomaly_exporter::core {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;
constexpr std::size_t kSlices = 8;

using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

/// tables[k][b] is the checksum of byte b followed by k zero bytes ("slicing by 8": Kounavis and
/// Berry, "A systematic approach to building high performance, software-based, CRC generators",
/// 2005).
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = tables[slice - 1][byte];
      tables[slice][byte] = (shorter >> 8) ^ tables[0][shorter & 0xFFU];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

constexpr std::uint32_t byte_at(const char* at, std::size_t i) {
  return static_cast<unsigned char>(at[i]);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::string_view bytes,
                                                             std::uint32_t previous) {
  std::uint64_t crc = ~previous;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  auto tail = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left) tail = _mm_crc32_u8(tail, static_cast<unsigned char>(*at));
  return ~tail;
}

bool has_sse42() {
  static const bool has = __builtin_cpu_supports("sse4.2") != 0;
  return has;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t previous) {
  std::uint32_t crc = ~previous;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kSlices; at += kSlices, left -= kSlices) {
    crc = kTables[7][(crc & 0xFFU) ^ byte_at(at, 0)] ^
          kTables[6][((crc >> 8) & 0xFFU) ^ byte_at(at, 1)] ^
          kTables[5][((crc >> 16) & 0xFFU) ^ byte_at(at, 2)] ^
          kTables[4][(crc >> 24) ^ byte_at(at, 3)] ^ kTables[3][byte_at(at, 4)] ^
          kTables[2][byte_at(at, 5)] ^ kTables[1][byte_at(at, 6)] ^ kTables[0][byte_at(at, 7)];
  }
  for (; left > 0; ++at, --left) crc = (crc >> 8) ^ kTables[0][(crc & 0xFFU) ^ byte_at(at, 0)];
  return ~crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous) {
#if defined(__x86_64__)
  if (has_sse42()) return crc32c_sse42(bytes, previous);
#endif
  return crc32c_portable(bytes, previous);
}

}  // namespace anomaly_exporter::core
