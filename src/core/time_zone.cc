#include "anomaly_exporter/core/time_zone.h"

#include <date/tz.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace anomaly_exporter::core {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;
/// 2100-01-01T00:00:00Z.
constexpr std::int64_t kLastSecond = 4'102'444'800;

/// Number of single-letter edits between two names, ignoring case (Levenshtein 1966).
std::size_t distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (lower(a[i]) == lower(b[j]) ? 0U : 1U);
      diagonal = std::exchange(row[j + 1], std::min({row[j] + 1, row[j + 1] + 1, change}));
    }
  }
  return row.back();
}

/// Place without region: "Berlin" of "Europe/Berlin".
std::string_view place(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

/// Up to three names that the author of `name` may have meant.
std::string near_matches(std::string_view name, const date::tzdb& database) {
  constexpr std::size_t kMost = 3;
  constexpr std::size_t kLongestName = 64;
  constexpr std::size_t kFarthest = 4;
  if (name.size() > kLongestName) return {};
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const date::time_zone& zone : database.zones) {
    const std::size_t whole = distance(name, zone.name());
    const std::size_t last = distance(name, place(zone.name())) + 1;
    near.emplace_back(std::min(whole, last), zone.name());
  }
  std::ranges::sort(near);
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, near.size()); ++i) {
    if (near[i].first > kFarthest || near[i].first >= name.size()) break;
    text += (text.empty() ? "" : ", ") + near[i].second;
  }
  return text;
}

}  // namespace

struct TimeZone::Table {
  struct Entry {
    std::int64_t from_ms;
    Duration offset;
  };
  std::string name;
  std::vector<Entry> entries;  // ascending, not empty
};

TimeZone::TimeZone() {
  static const auto kUtc =
      std::make_shared<const Table>(Table{.name = "UTC", .entries = {{0, Duration(0)}}});
  table_ = kUtc;
}

TimeZone::TimeZone(std::shared_ptr<const Table> table) : table_(std::move(table)) {}

Result<TimeZone> TimeZone::create(std::string_view name) {
  if (name == "UTC") return TimeZone();
  const std::string quoted = "time zone \"" + std::string(name) + "\"";
  const date::tzdb* database = nullptr;
  try {
    database = &date::get_tzdb();
  } catch (const std::exception& e) {
    return Error{ErrorCode::Unavailable, quoted + ": no tz database (package tzdata): " + e.what()};
  }
  const auto zone = std::ranges::find_if(
      database->zones, [&](const date::time_zone& candidate) { return candidate.name() == name; });
  if (zone == database->zones.end()) {
    const std::string near = near_matches(name, *database);
    return Error{ErrorCode::NotFound,
                 quoted + " is unknown" + (near.empty() ? "" : "; near are " + near)};
  }
  try {
    Table table{.name = std::string(name), .entries = {}};
    for (date::sys_seconds at{std::chrono::seconds(0)};;) {
      const date::sys_info info = zone->get_info(at);
      table.entries.push_back(
          {at.time_since_epoch().count() * kMsPerSecond, Duration(info.offset)});
      if (info.end <= at || info.end.time_since_epoch().count() >= kLastSecond) break;
      at = info.end;
    }
    return TimeZone(std::make_shared<const Table>(std::move(table)));
  } catch (const std::exception& e) {
    return Error{ErrorCode::Unavailable, quoted + ": " + e.what()};
  }
}

std::string_view TimeZone::name() const { return table_->name; }

Duration TimeZone::utc_offset(Timestamp time) const {
  const auto& entries = table_->entries;
  auto after = std::ranges::upper_bound(entries, time.ms, {}, &Table::Entry::from_ms);
  return after == entries.begin() ? after->offset : std::prev(after)->offset;
}

}  // namespace anomaly_exporter::core
