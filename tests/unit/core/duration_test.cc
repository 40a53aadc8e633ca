#include "anomaly_exporter/core/time.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <string>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(duration_test)

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

struct Good {
  std::string input;
  std::int64_t ms;
  std::string printed;
};
std::ostream& operator<<(std::ostream& out, const Good& c) { return out << '"' << c.input << '"'; }

const Good kGood[] = {
    {"0", 0, "0s"},
    {"0w", 0, "0s"},
    {"0s", 0, "0s"},
    {"0y0w0d0h0m0s0ms", 0, "0s"},
    {"1ms", 1, "1ms"},
    {"324ms", 324, "324ms"},
    {"999ms", 999, "999ms"},
    {"1000ms", kSecond, "1s"},
    {"3s", 3 * kSecond, "3s"},
    {"90s", 90 * kSecond, "1m30s"},
    {"5m", 5 * kMinute, "5m"},
    {"05m", 5 * kMinute, "5m"},
    {"5m1ms", 5 * kMinute + 1, "5m1ms"},
    {"1h", kHour, "1h"},
    {"1h30m", kHour + 30 * kMinute, "1h30m"},
    {"24h", kDay, "1d"},
    {"4d", 4 * kDay, "4d"},
    {"4d1h", 4 * kDay + kHour, "4d1h"},
    {"7d", 7 * kDay, "1w"},
    {"14d", 14 * kDay, "2w"},
    {"90d", 90 * kDay, "90d"},
    {"3w", 21 * kDay, "3w"},
    {"3w2d1h", 23 * kDay + kHour, "23d1h"},
    {"365d", 365 * kDay, "1y"},
    {"364d", 364 * kDay, "52w"},
    {"1y1d", 366 * kDay, "366d"},
    {"10y", 3650 * kDay, "10y"},
    {"1y2w3d4h5m6s7ms", 382 * kDay + 4 * kHour + 5 * kMinute + 6 * kSecond + 7, "382d4h5m6s7ms"},
    // The last whole milliseconds below 2^63 nanoseconds.
    {"9223372036854ms", 9'223'372'036'854, "106751d23h47m16s854ms"},
    {"9223372036s854ms", 9'223'372'036'854, "106751d23h47m16s854ms"},
    {"292y", 292 * 365 * kDay, "292y"},
};

BOOST_DATA_TEST_CASE(reads_and_prints_as_prometheus_does, boost::unit_test::data::make(kGood)) {
  const auto parsed = parse_duration(sample.input);
  BOOST_TEST_REQUIRE(parsed.ok());
  BOOST_TEST(parsed->count() == sample.ms);
  BOOST_TEST(format_duration(*parsed) == sample.printed);
}

BOOST_DATA_TEST_CASE(what_is_printed_reads_back, boost::unit_test::data::make(kGood)) {
  const auto parsed = parse_duration(format_duration(Duration(sample.ms)));
  BOOST_TEST_REQUIRE(parsed.ok());
  BOOST_TEST(parsed->count() == sample.ms);
}

struct Bad {
  std::string input;
  std::string message;
};
std::ostream& operator<<(std::ostream& out, const Bad& c) { return out << '"' << c.input << '"'; }

const Bad kBad[] = {
    {"", "not a valid duration: \"\": empty"},
    {"1", "not a valid duration: \"1\": a unit is missing"},
    {"00", "not a valid duration: \"00\": a unit is missing"},
    {"5m3", "not a valid duration: \"5m3\": a unit is missing"},
    {"s", "not a valid duration: \"s\": a number is missing"},
    {"-1w", "not a valid duration: \"-1w\": a number is missing"},
    {"+1w", "not a valid duration: \"+1w\": a number is missing"},
    {" 1s", "not a valid duration: \" 1s\": a number is missing"},
    {"1s ", "not a valid duration: \"1s \": units are y, w, d, h, m, s and ms"},
    {"1.5d", "not a valid duration: \"1.5d\": units are y, w, d, h, m, s and ms"},
    {"1M", "not a valid duration: \"1M\": units are y, w, d, h, m, s and ms"},
    {"1us", "not a valid duration: \"1us\": units are y, w, d, h, m, s and ms"},
    {"1smh", "not a valid duration: \"1smh\": units are y, w, d, h, m, s and ms"},
    {"1y1m1d",
     "not a valid duration: \"1y1m1d\": units must go from largest to smallest, each once"},
    {"1m1h", "not a valid duration: \"1m1h\": units must go from largest to smallest, each once"},
    {"1h1h", "not a valid duration: \"1h1h\": units must go from largest to smallest, each once"},
    {"1ms1s", "not a valid duration: \"1ms1s\": units must go from largest to smallest, each once"},
    {"9223372036855ms", "not a valid duration: \"9223372036855ms\": longer than 292 years"},
    {"9223372036s855ms", "not a valid duration: \"9223372036s855ms\": longer than 292 years"},
    {"293y", "not a valid duration: \"293y\": longer than 292 years"},
    {"106752d", "not a valid duration: \"106752d\": longer than 292 years"},
    {"106751991167300d", "not a valid duration: \"106751991167300d\": longer than 292 years"},
    // Wraps to a small number where 64 bits are trusted.
    {"18446744073709551616ms",
     "not a valid duration: \"18446744073709551616ms\": longer than 292 years"},
    {"99999999999999999999999999y",
     "not a valid duration: \"99999999999999999999999999y\": longer than 292 years"},
};

BOOST_DATA_TEST_CASE(refuses_what_prometheus_refuses, boost::unit_test::data::make(kBad)) {
  const auto parsed = parse_duration(sample.input);
  BOOST_TEST_REQUIRE(!parsed.ok());
  BOOST_TEST((parsed.error().code == ErrorCode::InvalidArgument));
  BOOST_TEST(parsed.error().message == sample.message);
}

BOOST_AUTO_TEST_CASE(messages_quote_only_the_head_of_a_long_text) {
  const auto parsed = parse_duration(std::string(1'000'000, 'x'));
  BOOST_TEST_REQUIRE(!parsed.ok());
  BOOST_TEST(parsed.error().message.size() < 200U);
}

BOOST_AUTO_TEST_CASE(spans_and_points_of_time_combine) {
  const Timestamp t{1'000};
  BOOST_TEST((t + Duration(5)).ms == 1'005);
  BOOST_TEST((t - Duration(5)).ms == 995);
  BOOST_TEST((t - Timestamp{400}).count() == 600);
  BOOST_TEST((TimeRange{t, Timestamp{4'000}}.length().count()) == 3'000);
  BOOST_TEST(Timestamp{1'500}.seconds() == 1.5);
  BOOST_TEST(to_seconds(Duration(250)) == 0.25);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
