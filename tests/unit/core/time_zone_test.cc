#include "anomaly_exporter/core/time_zone.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>
#include <string_view>

namespace anomaly_exporter::core {
namespace {

double hours_at(const TimeZone& zone, std::string_view time) {
  return to_seconds(zone.utc_offset(parse_timestamp(time).value())) / 3600;
}

TimeZone zone_of(std::string_view name) {
  auto zone = TimeZone::create(name);
  BOOST_REQUIRE_MESSAGE(zone.ok(), (zone.ok() ? "" : zone.error().message));
  return *zone;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(time_zone_test)

BOOST_AUTO_TEST_CASE(utc_adds_nothing) {
  for (const TimeZone& zone : {TimeZone(), zone_of("UTC"), zone_of("Etc/UTC")}) {
    for (const std::int64_t ms :
         {std::int64_t{0}, std::int64_t{1'792'890'000'000},
          std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
      BOOST_TEST(zone.utc_offset({ms}).count() == 0);
    }
  }
  BOOST_TEST(TimeZone().name() == "UTC");
}

BOOST_AUTO_TEST_CASE(berlin_changes_at_one_o_clock_utc_in_2026) {
  const TimeZone zone = zone_of("Europe/Berlin");
  BOOST_TEST(zone.name() == "Europe/Berlin");
  BOOST_TEST(hours_at(zone, "2026-01-15T12:00:00Z") == 1.0);
  BOOST_TEST(hours_at(zone, "2026-03-29T00:59:59.999Z") == 1.0);
  BOOST_TEST(hours_at(zone, "2026-03-29T01:00:00Z") == 2.0);
  BOOST_TEST(hours_at(zone, "2026-10-25T00:59:59.999Z") == 2.0);
  BOOST_TEST(hours_at(zone, "2026-10-25T01:00:00Z") == 1.0);
}

BOOST_AUTO_TEST_CASE(new_york_changes_at_two_o_clock_local_time_in_2026) {
  const TimeZone zone = zone_of("America/New_York");
  BOOST_TEST(hours_at(zone, "2026-03-08T06:59:59.999Z") == -5.0);
  BOOST_TEST(hours_at(zone, "2026-03-08T07:00:00Z") == -4.0);
  BOOST_TEST(hours_at(zone, "2026-11-01T05:59:59.999Z") == -4.0);
  BOOST_TEST(hours_at(zone, "2026-11-01T06:00:00Z") == -5.0);
}

BOOST_AUTO_TEST_CASE(rules_go_on_for_years_and_partial_hours_are_kept) {
  BOOST_TEST(hours_at(zone_of("Europe/Berlin"), "2036-07-01T00:00:00Z") == 2.0);
  BOOST_TEST(hours_at(zone_of("Europe/Berlin"), "2036-12-01T00:00:00Z") == 1.0);
  BOOST_TEST(hours_at(zone_of("Asia/Kathmandu"), "2026-01-01T00:00:00Z") == 5.75);
  BOOST_TEST(hours_at(zone_of("Europe/Berlin"), "1970-01-01T00:00:00Z") == 1.0);
}

BOOST_AUTO_TEST_CASE(an_unknown_name_is_answered_with_near_ones) {
  const auto near = [](std::string_view name) { return TimeZone::create(name).error().message; };
  BOOST_TEST(near("Europe/Berln").find("Europe/Berlin") != std::string::npos);
  BOOST_TEST(near("berlin").find("Europe/Berlin") != std::string::npos);
  BOOST_TEST(near("Mars/Olympus_Mons") == "time zone \"Mars/Olympus_Mons\" is unknown");
  BOOST_TEST((TimeZone::create("Europe/Berln").error().code == ErrorCode::NotFound));
  BOOST_TEST(!TimeZone::create("").ok());
  BOOST_TEST(!TimeZone::create("../../etc/passwd").ok());
  BOOST_TEST(!TimeZone::create(std::string(100'000, 'x')).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::core
