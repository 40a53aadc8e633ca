#include "sample_text.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::sources {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The powers of ten that a double holds exactly.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t kLargestExactInteger = 1ULL << 53U;
/// Digits that always fit 64 bits.
constexpr int kMaxDigits = 19;

/// Appends the value of eight digits at `p` to `number`, all at once. False when one of them is no
/// digit. Source: Lemire, "Quickly parsing eight digits", 2022: pairs, then fours, then eights.
[[gnu::always_inline]] inline bool take_eight_digits(const char* p, std::uint64_t& number) {
  if constexpr (std::endian::native != std::endian::little) return false;
  std::uint64_t block = 0;
  std::memcpy(&block, p, sizeof(block));
  constexpr std::uint64_t kHighNibbles = 0xF0F0F0F0F0F0F0F0ULL;
  const std::uint64_t overflowing = (block + 0x0606060606060606ULL) & kHighNibbles;
  if (((block & kHighNibbles) | (overflowing >> 4U)) != 0x3333333333333333ULL) return false;
  block -= 0x3030303030303030ULL;
  block = block * 10 + (block >> 8U);
  constexpr std::uint64_t kPairs = 0x000000FF000000FFULL;
  block = ((block & kPairs) * 0x000F424000000064ULL +
           ((block >> 16U) & kPairs) * 0x0000271000000001ULL) >>
          32U;
  number = number * 100'000'000 + (block & 0xFFFFFFFFULL);
  return true;
}

/// Reads at most `limit` digits. Inlined by force: four calls a sample cost a quarter of its time.
[[gnu::always_inline]] inline const char* take_digits(const char* p, int limit,
                                                      std::uint64_t& number) {
  const char* const last = p + limit;
  while (last - p >= 8 && take_eight_digits(p, number)) p += 8;
  for (; p != last && is_digit(*p); ++p) {
    number = number * 10 + static_cast<std::uint64_t>(*p - '0');
  }
  return p;
}

/// `<seconds>[.<1 to 3 digits>]`, not negative.
const char* take_time(const char* p, std::int64_t& ms) {
  std::uint64_t number = 0;
  const char* const whole_end = take_digits(p, 12, number);
  if (whole_end == p || is_digit(*whole_end) || (*p == '0' && whole_end - p > 1)) return nullptr;
  if (*whole_end != '.') {
    ms = static_cast<std::int64_t>(number) * 1000;
    return whole_end;
  }
  const char* const first = whole_end + 1;
  const char* const end = take_digits(first, 3, number);
  constexpr std::array<std::int64_t, 4> kScale = {0, 100, 10, 1};
  if (end == first || is_digit(*end)) return nullptr;
  ms = static_cast<std::int64_t>(number) * kScale[static_cast<std::size_t>(end - first)];
  return end;
}

/// `[-]<digits>[.<digits>]`, at most kMaxDigits in all, where the double is an exact quotient
/// (Clinger, "How to read floating point numbers accurately", 1990, section 3: the fast path).
const char* take_exact_value(const char* p, double& value) {
  const bool negative = *p == '-';
  if (negative) ++p;
  std::uint64_t number = 0;
  const char* end = take_digits(p, kMaxDigits, number);
  const auto whole_digits = static_cast<int>(end - p);
  if (whole_digits == 0) return nullptr;
  int decimals = 0;
  if (*end == '.') {
    const char* const first = end + 1;
    end = take_digits(first, kMaxDigits - whole_digits, number);
    decimals = static_cast<int>(end - first);
    if (decimals == 0) return nullptr;
  }
  if (number > kLargestExactInteger) return nullptr;
  const double magnitude =
      static_cast<double>(number) / kPowersOfTen[static_cast<std::size_t>(decimals)];
  value = negative ? -magnitude : magnitude;
  return end;
}

/// Any other number of at most kMaxValueBytes before the closing quote.
const char* take_other_value(const char* p, double& value) {
  constexpr std::size_t kMaxValueBytes = 32;
  const auto* end = static_cast<const char*>(std::memchr(p, '"', kMaxValueBytes));
  if (end == nullptr) return nullptr;
  const auto number = core::parse_number({p, static_cast<std::size_t>(end - p)});
  if (!number) return nullptr;
  value = *number;
  return end;
}

}  // namespace

const char* parse_sample_fast(const char* p, series::Sample& out) {
  if (*p != '[') return nullptr;
  p = take_time(p + 1, out.time.ms);
  if (p == nullptr || p[0] != ',' || p[1] != '"') return nullptr;
  const char* end = take_exact_value(p + 2, out.value);
  if (end == nullptr || *end != '"') end = take_other_value(p + 2, out.value);
  if (end == nullptr || end[1] != ']') return nullptr;
  return end + 2;
}

std::optional<core::Timestamp> parse_seconds(std::string_view json_number) {
  std::string_view text = json_number;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  if (text.find_first_of("eE") != std::string_view::npos) {
    const auto seconds = core::parse_number(json_number);
    if (!seconds || !(std::abs(*seconds) <= 9e12)) return std::nullopt;
    return core::Timestamp{std::llround(*seconds * 1000)};
  }
  if (whole.size() > 13) return std::nullopt;
  std::int64_t ms = 0;
  for (const char c : whole) ms = ms * 10 + (c - '0');
  for (std::size_t i = 0; i < 3; ++i) ms = ms * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  if (fraction.size() > 3 && fraction[3] >= '5') ++ms;
  if (ms > 9'000'000'000'000'000) return std::nullopt;
  return core::Timestamp{negative ? -ms : ms};
}

}  // namespace anomaly_exporter::sources
