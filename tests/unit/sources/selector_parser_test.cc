#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/selector_parser.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace anomaly_exporter::sources {
namespace {

using Type = Matcher::Type;

struct Good {
  std::string name;
  std::string input;
  Matchers want;
};
std::ostream& operator<<(std::ostream& out, const Good& c) { return out << c.name; }

struct Bad {
  std::string name;
  std::string input;
  std::string want;  ///< the whole message
};
std::ostream& operator<<(std::ostream& out, const Bad& c) { return out << c.name; }

const Matcher kUp{Type::Equal, "__name__", "up"};

const std::vector<Good> kGood = {
    {"name alone", "up", {kUp}},
    {"name with colons", "job:up:sum", {{Type::Equal, "__name__", "job:up:sum"}}},
    {"blanks and comments", " up # what\n { } ", {kUp}},
    {"four operators",
     R"(up{a="b",c!="d",e=~"f|g",h!~"i.*"})",
     {kUp,
      {Type::Equal, "a", "b"},
      {Type::NotEqual, "c", "d"},
      {Type::Matches, "e", "f|g"},
      {Type::NotMatches, "h", "i.*"}}},
    {"trailing comma", R"({a="b",})", {{Type::Equal, "a", "b"}}},
    {"blanks between the parts",
     R"({ a = "b" , c =~ "d" })",
     {{Type::Equal, "a", "b"}, {Type::Matches, "c", "d"}}},
    {"single quotes", R"({a='b"c\'d'})", {{Type::Equal, "a", "b\"c'd"}}},
    {"backticks take everything", "{a=`b\\n\"'\n`}", {{Type::Equal, "a", "b\\n\"'\n"}}},
    {"escapes",
     R"({a="\a\b\f\n\r\t\v\\\"\x41\101\u00e9\U0001F600"})",
     {{Type::Equal, "a", "\a\b\f\n\r\t\v\\\"AA\xc3\xa9\xf0\x9f\x98\x80"}}},
    {"bytes that make UTF-8", R"({a="\xc3\251"})", {{Type::Equal, "a", "\xc3\xa9"}}},
    {"name as a label", R"({__name__=~"a|b"})", {{Type::Matches, "__name__", "a|b"}}},
    {"empty value beside another", R"(up{a=""})", {kUp, {Type::Equal, "a", ""}}},
    {"not empty", R"({a!=""})", {{Type::NotEqual, "a", ""}}},
    {"expression that needs a character", R"({a=~".+"})", {{Type::Matches, "a", ".+"}}},
    {"brace within a value", R"({a="}[5m] offset"})", {{Type::Equal, "a", "}[5m] offset"}}},
    {"same label twice",
     R"(up{a!="b",a!="c"})",
     {kUp, {Type::NotEqual, "a", "b"}, {Type::NotEqual, "a", "c"}}},
};

const std::vector<Bad> kBad = {
    {"nothing", "", "selector: offset 0: expected a metric name or '{'"},
    {"number", "5", "selector: offset 0: expected a metric name or '{'"},
    {"open", "up{", "selector: offset 3: missing '}'"},
    {"open after a condition", R"(up{a="b")", "selector: offset 8: missing '}'"},
    {"no name", R"({="b"})", "selector: offset 1: expected a label name or '}'"},
    {"no operator", R"({a "b"})", "selector: offset 3: expected one of = != =~ !~"},
    {"no value", "{a=}", "selector: offset 3: expected a quoted value"},
    {"bare value", "{a=b}", "selector: offset 3: expected a quoted value"},
    {"open value", R"({a="b})", "selector: offset 3: value is not closed"},
    {"line feed in a value", "{a=\"b\n\"}", "selector: offset 3: value is not closed"},
    {"no comma", R"({a="b" c="d"})", "selector: offset 7: expected ',' or '}'"},
    {"two commas", R"({a="b",,})", "selector: offset 7: expected a label name or '}'"},
    {"range", "up[5m]",
     "selector: offset 2: a selector has no range; the width comes from rate_window"},
    {"offset", "up offset 5m",
     "selector: offset 3: offset and @ are not possible in a selector; use a query"},
    {"at", "up @ 5",
     "selector: offset 3: offset and @ are not possible in a selector; use a query"},
    {"expression", "rate(up)", "selector: offset 4: unexpected text behind the selector"},
    {"unknown escape", R"({a="\q"})", "selector: offset 4: unknown escape sequence"},
    {"quote of the other kind", R"({a="\'"})", "selector: offset 4: unknown escape sequence"},
    {"short escape", R"({a="\x4"})", "selector: offset 4: bad escape sequence"},
    {"octal over a byte", R"({a="\400"})", "selector: offset 4: bad escape sequence"},
    {"surrogate", R"({a="\ud800"})", "selector: offset 4: escape sequence is no Unicode character"},
    {"above Unicode", R"({a="\U00110000"})",
     "selector: offset 4: escape sequence is no Unicode character"},
    {"escape at the end", "{a=\"\\", "selector: offset 4: unfinished escape sequence"},
    {"not UTF-8", R"({a="\xff"})", "selector: offset 3: value is not UTF-8"},
    {"bad expression", R"({a=~"("})", "selector: offset 4: bad expression: missing ): ("},
    {"name twice", R"(up{__name__="a"})", "selector: offset 3: metric name is given twice"},
    {"everything", "{}",
     "selector: offset 2: at least one condition must not hold for an empty value"},
    {"everything by an expression", R"({a=~".*",b!="c",d=""})",
     "selector: offset 21: at least one condition must not hold for an empty value"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(selector_parser_test)

BOOST_DATA_TEST_CASE(reads_selectors, boost::unit_test::data::make(kGood), c) {
  const auto matchers = parse_selector(c.input);
  BOOST_TEST_REQUIRE(matchers.ok());
  BOOST_TEST((*matchers == c.want));
}

BOOST_DATA_TEST_CASE(what_is_written_reads_back, boost::unit_test::data::make(kGood), c) {
  const std::string text = selector_text(c.want);
  const auto matchers = parse_selector(text);
  BOOST_TEST_CONTEXT(text) {
    BOOST_TEST_REQUIRE(matchers.ok());
    BOOST_TEST((*matchers == c.want));
  }
}

BOOST_DATA_TEST_CASE(refuses_with_the_offset, boost::unit_test::data::make(kBad), c) {
  const auto matchers = parse_selector(c.input);
  BOOST_TEST_REQUIRE(!matchers.ok());
  BOOST_CHECK(matchers.error().code == core::ErrorCode::InvalidArgument);
  BOOST_TEST(matchers.error().message == c.want);
}

BOOST_AUTO_TEST_CASE(writes_promql) {
  BOOST_TEST(selector_text({kUp, {Type::NotMatches, "a", "b\"\\\n"}}) ==
             R"({__name__="up",a!~"b\"\\\n"})");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
