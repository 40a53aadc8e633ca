#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::core {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t ms;
  bool only_when_exact;  ///< printed only when it leaves no rest: 90d reads better than 12w6d
};

/// Largest first, the only order in which a duration may name them.
constexpr std::array<Unit, 7> kUnits = {{{"y", 365ULL * 24 * 3'600'000, true},
                                         {"w", 7ULL * 24 * 3'600'000, true},
                                         {"d", 24ULL * 3'600'000, false},
                                         {"h", 3'600'000, false},
                                         {"m", 60'000, false},
                                         {"s", 1'000, false},
                                         {"ms", 1, false}}};

/// Prometheus keeps durations as nanoseconds in an int64.
constexpr std::uint64_t kMaxMs = 9'223'372'036'854'775'807ULL / 1'000'000;

constexpr std::string_view kDigits = "0123456789";
constexpr std::size_t kMaxShownBytes = 64;

Error invalid(std::string_view text, std::string_view why) {
  std::string message = "not a valid duration: \"";
  message += text.substr(0, kMaxShownBytes);
  message += text.size() > kMaxShownBytes ? "...\": " : "\": ";
  message += why;
  return {ErrorCode::InvalidArgument, std::move(message)};
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration(0);
  if (text.empty()) return invalid(text, "empty");

  std::uint64_t total_ms = 0;
  std::size_t next_unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t digits = std::min(rest.find_first_not_of(kDigits), rest.size());
    if (digits == 0) return invalid(text, "a number is missing");
    std::uint64_t count = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + digits, count);
    rest.remove_prefix(digits);

    const std::string_view name = rest.substr(0, rest.find_first_of(kDigits));
    rest.remove_prefix(name.size());
    if (name.empty()) return invalid(text, "a unit is missing");
    std::size_t unit = 0;
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) return invalid(text, "units are y, w, d, h, m, s and ms");
    if (unit < next_unit) return invalid(text, "units must go from largest to smallest, each once");
    next_unit = unit + 1;

    if (parsed.ec != std::errc() || count > (kMaxMs - total_ms) / kUnits[unit].ms) {
      return invalid(text, "longer than 292 years");
    }
    total_ms += count * kUnits[unit].ms;
  }
  return Duration(static_cast<std::int64_t>(total_ms));
}

std::string format_duration(Duration d) {
  auto rest = static_cast<std::uint64_t>(d.count());
  if (rest == 0) return "0s";
  std::string out;
  for (const Unit& unit : kUnits) {
    if (unit.only_when_exact && rest % unit.ms != 0) continue;
    if (rest < unit.ms) continue;
    out += std::to_string(rest / unit.ms);
    out += unit.name;
    rest %= unit.ms;
  }
  return out;
}

}  // namespace anomaly_exporter::core
