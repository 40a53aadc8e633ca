#include "anomaly_exporter/core/logger.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(logger_test)

constexpr Timestamp kTime{1'435'781'430'781};
const std::string kStart = "ts=2015-07-01T20:10:30.781Z level=warn ";

std::string logfmt(std::string_view message, Logger::Fields fields = {}) {
  return format_log_line(LogFormat::Logfmt, kTime, LogLevel::Warn, message, fields);
}
std::string json(std::string_view message, Logger::Fields fields = {}) {
  return format_log_line(LogFormat::Json, kTime, LogLevel::Warn, message, fields);
}

BOOST_AUTO_TEST_CASE(prints_time_level_message_and_fields) {
  BOOST_TEST(logfmt("source is down", {{"source", "prom"}, {"failures", 3}}) ==
             kStart + "msg=\"source is down\" source=prom failures=3");
  BOOST_TEST(json("source is down", {{"source", "prom"}, {"failures", 3}}) ==
             "{\"ts\":\"2015-07-01T20:10:30.781Z\",\"level\":\"warn\",\"msg\":\"source is down\","
             "\"source\":\"prom\",\"failures\":\"3\"}");
}

BOOST_AUTO_TEST_CASE(prints_every_kind_of_number) {
  BOOST_TEST(logfmt("m", {{"a", 0.25},
                          {"b", std::numeric_limits<std::uint64_t>::max()},
                          {"c", std::numeric_limits<std::int64_t>::min()},
                          {"d", -7},
                          {"e", 8U},
                          {"f", 9LL},
                          {"g", std::numeric_limits<double>::infinity()}}) ==
             kStart +
                 "msg=m a=0.25 b=18446744073709551615 c=-9223372036854775808 d=-7 e=8 f=9 "
                 "g=+Inf");
}

struct Case {
  std::string value;
  std::string printed;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.printed; }

const Case kValues[] = {
    {"plain", "plain"},
    {"http://localhost:9090/-/ready", "http://localhost:9090/-/ready"},
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""},
    {"say \"hi\"", "\"say \\\"hi\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"feed\nlevel=error msg=forged", "\"feed\\nlevel=error msg=forged\""},
    {"return\rtab\t", "\"return\\u000dtab\\t\""},
    {std::string("nul\0.", 5), "\"nul\\u0000.\""},
    {"\x1b[31mred", "\"\\u001b[31mred\""},
    {"\x7f", "\"\\u007f\""},
    {"straße", "\"straße\""},
    {"\xC2\x85", "\"\\u0085\""},
    {"\xE2\x80\xA8", "\"\\u2028\""},
    {"bad \xFF\xC3", "\"bad \\ufffd\\ufffd\""},
};

BOOST_DATA_TEST_CASE(no_value_can_forge_a_line, boost::unit_test::data::make(kValues)) {
  BOOST_TEST(logfmt("m", {{"k", sample.value}}) == kStart + "msg=m k=" + sample.printed);
}

BOOST_DATA_TEST_CASE(no_message_can_forge_a_line, boost::unit_test::data::make(kValues)) {
  BOOST_TEST(logfmt(sample.value) == kStart + "msg=" + sample.printed);
}

BOOST_DATA_TEST_CASE(json_quotes_every_value, boost::unit_test::data::make(kValues)) {
  const bool is_bare = sample.printed.front() != '"';
  const std::string quoted = is_bare ? '"' + sample.printed + '"' : sample.printed;
  BOOST_TEST(json("m", {{"k", sample.value}}) ==
             "{\"ts\":\"2015-07-01T20:10:30.781Z\",\"level\":\"warn\",\"msg\":\"m\",\"k\":" +
                 quoted + "}");
}

BOOST_AUTO_TEST_CASE(a_key_of_odd_characters_stays_one_word) {
  BOOST_TEST(logfmt("m", {{"a b=\"c\"\n", 1}}) == kStart + "msg=m a_b__c__=1");
  BOOST_TEST(json("m", {{"a\"b", 1}}).find("\"a_b\":\"1\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(cuts_long_values_at_a_character) {
  const std::string fits(kMaxLogValueBytes, 'x');
  BOOST_TEST(logfmt(fits) == kStart + "msg=" + fits);
  BOOST_TEST(logfmt(fits + "y") == kStart + "msg=\"" + fits + "...\"");
  const std::string before = fits.substr(1);
  BOOST_TEST(logfmt(before + "ßy") == kStart + "msg=\"" + before + "ß...\"");
}

BOOST_AUTO_TEST_CASE(a_hostile_value_makes_a_line_of_bounded_length) {
  const std::string zeros(1'000'000, '\0');
  BOOST_TEST(logfmt(zeros, {{"k", zeros}}).size() < 2 * 6 * kMaxLogValueBytes + 200);
}

BOOST_AUTO_TEST_CASE(reads_levels_and_formats_by_name) {
  for (const LogLevel level : {LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error}) {
    const auto parsed = parse_log_level(to_string(level));
    BOOST_TEST_REQUIRE(parsed.ok());
    BOOST_TEST((*parsed == level));
  }
  BOOST_TEST((*parse_log_format("logfmt") == LogFormat::Logfmt));
  BOOST_TEST((*parse_log_format("json") == LogFormat::Json));
}

BOOST_AUTO_TEST_CASE(refuses_other_levels_and_formats_and_lists_the_choices) {
  BOOST_TEST(parse_log_level("trace").error().message ==
             "log level \"trace\" is none of debug, info, warn, error");
  BOOST_TEST(!parse_log_level("WARN").ok());
  BOOST_TEST(!parse_log_level("").ok());
  BOOST_TEST(parse_log_format("text").error().message ==
             "log format \"text\" is none of logfmt, json");
  BOOST_TEST((parse_log_format("").error().code == ErrorCode::InvalidArgument));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
