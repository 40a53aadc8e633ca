#include "anomaly_exporter/core/time.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <ostream>
#include <string>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(timestamp_test)

struct Good {
  std::string input;
  std::int64_t ms;
};
std::ostream& operator<<(std::ostream& out, const Good& c) { return out << '"' << c.input << '"'; }

const Good kGood[] = {
    {"0", 0},
    {"-0.001", -1},
    {"1435781430.781", 1'435'781'430'781},
    {"1435781430.7814", 1'435'781'430'781},
    {"1435781430.7815", 1'435'781'430'782},
    {"-1435781430.781", -1'435'781'430'781},
    {"1.5e9", 1'500'000'000'000},
    {"9.2e15", 9'200'000'000'000'000'000},
    {"1970-01-01T00:00:00Z", 0},
    {"2015-07-01T20:10:30Z", 1'435'781'430'000},
    {"2015-07-01T20:10:30.781Z", 1'435'781'430'781},
    {"2015-07-01T20:10:30.7Z", 1'435'781'430'700},
    {"2015-07-01T20:10:30.781999999Z", 1'435'781'430'781},
    {"2015-07-01T22:10:30+02:00", 1'435'781'430'000},
    {"2015-07-01T15:40:30.001-04:30", 1'435'781'430'001},
    {"2000-02-29T12:00:00Z", 951'825'600'000},
    {"1969-12-31T23:59:59.999Z", -1},
    {"0000-01-01T00:00:00Z", -62'167'219'200'000},
    {"9999-12-31T23:59:59.999Z", 253'402'300'799'999},
};

BOOST_DATA_TEST_CASE(reads_rfc3339_and_unix_seconds, boost::unit_test::data::make(kGood)) {
  const auto parsed = parse_timestamp(sample.input);
  BOOST_TEST_REQUIRE(parsed.ok());
  BOOST_TEST(parsed->ms == sample.ms);
}

const std::string kBad[] = {
    "",
    "now",
    "NaN",
    "+Inf",
    "1e16",
    "-1e300",
    "0x10",
    " 1",
    "1 ",
    "2015-07-01",
    "2015-07-01T20:10:30",
    "2015-07-01 20:10:30Z",
    "2015-07-01t20:10:30Z",
    "2015-07-01T20:10:30z",
    "2015-07-01T20:10:30.Z",
    "2015-07-01T20:10Z",
    "2015-7-01T20:10:30Z",
    "2015-13-01T20:10:30Z",
    "2015-00-01T20:10:30Z",
    "2015-02-29T20:10:30Z",
    "2015-04-31T20:10:30Z",
    "2015-07-00T20:10:30Z",
    "2015-07-01T24:00:00Z",
    "2015-07-01T20:60:00Z",
    "2015-06-30T23:59:60Z",
    "2015-07-01T20:10:30+24:00",
    "2015-07-01T20:10:30+02:60",
    "2015-07-01T20:10:30+0200",
    "2015-07-01T20:10:30Zx",
    "12015-07-01T20:10:30Z",
};

BOOST_DATA_TEST_CASE(refuses_every_other_text, boost::unit_test::data::make(kBad)) {
  const auto parsed = parse_timestamp(sample);
  BOOST_TEST_REQUIRE(!parsed.ok());
  BOOST_TEST((parsed.error().code == ErrorCode::InvalidArgument));
  BOOST_TEST(parsed.error().message.find('"' + sample + '"') != std::string::npos);
}

BOOST_DATA_TEST_CASE(times_that_rfc3339_expresses_read_back, boost::unit_test::data::make(kGood)) {
  if (sample.ms > 253'402'300'799'999) return;
  const auto again = parse_timestamp(format_rfc3339(Timestamp{sample.ms}));
  BOOST_TEST_REQUIRE(again.ok());
  BOOST_TEST(again->ms == sample.ms);
}

BOOST_AUTO_TEST_CASE(prints_rfc3339_in_utc_with_milliseconds) {
  BOOST_TEST(format_rfc3339(Timestamp{0}) == "1970-01-01T00:00:00.000Z");
  BOOST_TEST(format_rfc3339(Timestamp{-1}) == "1969-12-31T23:59:59.999Z");
  BOOST_TEST(format_rfc3339(Timestamp{1'435'781'430'781}) == "2015-07-01T20:10:30.781Z");
  BOOST_TEST(format_rfc3339(Timestamp{-62'167'219'200'000}) == "0000-01-01T00:00:00.000Z");
}

BOOST_AUTO_TEST_CASE(prints_milliseconds_where_rfc3339_has_no_form) {
  using Limits = std::numeric_limits<std::int64_t>;
  BOOST_TEST(format_rfc3339(Timestamp{253'402'300'800'000}) == "253402300800000ms");
  BOOST_TEST(format_rfc3339(Timestamp{-62'167'219'200'001}) == "-62167219200001ms");
  BOOST_TEST(format_rfc3339(Timestamp{Limits::max()}) == "9223372036854775807ms");
  BOOST_TEST(format_rfc3339(Timestamp{Limits::min()}) == "-9223372036854775808ms");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
