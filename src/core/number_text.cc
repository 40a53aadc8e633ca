#include "anomaly_exporter/core/number_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <system_error>

namespace anomaly_exporter::core {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// REQUIRES: `lower` is lower case.
bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

char* append(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

template <class Float>
char* write_float(char* out, Float value) {
  if (std::isnan(value)) return append(out, "NaN");
  if (std::isinf(value)) return append(out, value > 0 ? "+Inf" : "-Inf");
  return std::to_chars(out, out + kMaxNumberText, value).ptr;
}

/// Tells an overflow from an underflow, both of which std::from_chars reports alike: true when the
/// first digit that is not zero stands left of the decimal point once the exponent is applied.
/// REQUIRES: `digits` is a well-formed unsigned decimal float that is out of range.
bool is_huge(std::string_view digits) {
  const std::size_t exponent_at = std::min(digits.find_first_of("eE"), digits.size());
  const std::string_view mantissa = digits.substr(0, exponent_at);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = mantissa.find_first_of("123456789");
  const auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);

  constexpr std::int64_t kBeyondAnyText = 1'000'000'000'000'000;
  std::int64_t exponent = 0;
  bool negative = false;
  for (const char c : digits.substr(exponent_at)) {
    negative = negative || c == '-';
    if (is_digit(c)) exponent = std::min(exponent * 10 + (c - '0'), kBeyondAnyText);
  }
  return magnitude + (negative ? -exponent : exponent) > 0;
}

}  // namespace

char* write_number(char* out, double value) { return write_float(out, value); }
char* write_number(char* out, float value) { return write_float(out, value); }

std::string number_text(double value) {
  char buffer[kMaxNumberText];
  return {buffer, write_number(buffer, value)};
}

std::optional<double> parse_number(std::string_view text) {
  if (equals_ignoring_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  const bool is_signed = !text.empty() && (text.front() == '+' || text.front() == '-');
  const double sign = is_signed && text.front() == '-' ? -1.0 : 1.0;
  if (is_signed) text.remove_prefix(1);
  if (equals_ignoring_case(text, "inf") || equals_ignoring_case(text, "infinity")) {
    return sign * kInfinity;
  }
  // std::from_chars knows words and signs of its own; none may follow ours.
  if (text.empty() || (!is_digit(text.front()) && text.front() != '.')) return std::nullopt;
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) value = is_huge(text) ? kInfinity : 0.0;
  return sign * value;
}

bool is_stale_marker(double value) {
  return std::bit_cast<std::uint64_t>(value) == kStaleMarkerBits;
}

double stale_marker() { return std::bit_cast<double>(std::uint64_t{kStaleMarkerBits}); }

}  // namespace anomaly_exporter::core
