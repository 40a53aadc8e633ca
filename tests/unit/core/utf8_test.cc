#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <string>

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(utf8_test)

struct Case {
  std::string name;
  std::string bytes;
  bool want;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const Case kCases[] = {
    {"nothing", "", true},
    {"ASCII", "a~\x7F\t", true},
    {"NUL", std::string("a\0b", 3), true},
    {"first of two bytes", "\xC2\x80", true},
    {"last of two bytes", "\xDF\xBF", true},
    {"first of three bytes", "\xE0\xA0\x80", true},
    {"below the surrogates", "\xED\x9F\xBF", true},
    {"above the surrogates", "\xEE\x80\x80", true},
    {"last of three bytes", "\xEF\xBF\xBF", true},
    {"first of four bytes", "\xF0\x90\x80\x80", true},
    {"U+10FFFF", "\xF4\x8F\xBF\xBF", true},
    {"mixed text", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z", true},
    {"lone continuation", "\x80", false},
    {"overlong slash of two bytes", "\xC0\xAF", false},
    {"overlong of two bytes", "\xC1\xBF", false},
    {"overlong of three bytes", "\xE0\x9F\xBF", false},
    {"overlong of four bytes", "\xF0\x8F\xBF\xBF", false},
    {"first surrogate", "\xED\xA0\x80", false},
    {"last surrogate", "\xED\xBF\xBF", false},
    {"above U+10FFFF", "\xF4\x90\x80\x80", false},
    {"lead F5", "\xF5\x80\x80\x80", false},
    {"five bytes", "\xF8\x88\x80\x80\x80", false},
    {"FF", "\xFF", false},
    {"cut after one of two", "a\xC3", false},
    {"cut after two of three", "\xE2\x82", false},
    {"cut after three of four", "\xF0\x9F\x98", false},
    {"ASCII instead of a continuation", "\xE2\x28\xA1", false},
    {"continuation missing at the end", "\xF0\x9F\x98z", false},
};

BOOST_DATA_TEST_CASE(accepts_exactly_the_forms_of_rfc_3629, boost::unit_test::data::make(kCases)) {
  BOOST_TEST(is_valid_utf8(sample.bytes) == sample.want);
}

BOOST_DATA_TEST_CASE(a_text_around_it_does_not_change_the_verdict,
                     boost::unit_test::data::make(kCases)) {
  BOOST_TEST(is_valid_utf8("x" + sample.bytes + "x") == sample.want);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
