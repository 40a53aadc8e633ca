#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "query_decoder_support.h"

namespace anomaly_exporter::sources {
namespace {

BOOST_AUTO_TEST_SUITE(query_decoder_values_test)

struct NumberCase {
  const char* text;
  double want;
};
std::ostream& operator<<(std::ostream& out, const NumberCase& c) { return out << c.text; }
const NumberCase kNumbers[] = {
    {"0", 0.0},
    {"-0", -0.0},
    {"9007199254740992", 9007199254740992.0},
    {"9007199254740993", 9007199254740992.0},
    {"9999999999999999999", 9999999999999999999.0},
    {"99999999999999999999999", 99999999999999999999999.0},
    {"0.1", 0.1},
    {"0.30000000000000004", 0.30000000000000004},
    {"123456789.123456789", 123456789.123456789},
    {"0.000000000000000001", 1e-18},
    {"1e-9", 1e-9},
    {"1.7976931348623157e+308", 1.7976931348623157e308},
    {"5e-324", 5e-324},
    {"2.2250738585072014e-308", 2.2250738585072014e-308},
    {"1e400", std::numeric_limits<double>::infinity()},
    {"+Inf", std::numeric_limits<double>::infinity()},
    {"-Inf", -std::numeric_limits<double>::infinity()},
    {"0.00000000000000000000000000000000000000000000000000000000000000000000000001", 1e-74},
};

BOOST_DATA_TEST_CASE(values_are_exact_to_the_last_bit, boost::unit_test::data::make(kNumbers),
                     sample) {
  // Once with text behind it (the fast path), once at the very end of the document.
  const std::string pair = joined({R"([1700000000.5,")", sample.text, R"("])"});
  for (const std::string& tail : {std::string(), std::string(100, ' ')}) {
    const auto out = decode_one(vector_of(pair) + tail);
    BOOST_REQUIRE(out.status.ok());
    BOOST_REQUIRE(out.answer.samples.size() == 1U);
    BOOST_TEST(bits(out.answer.samples[0].sample.value) == bits(sample.want));
    BOOST_TEST(out.answer.samples[0].sample.time.ms == 1'700'000'000'500);
  }
}

BOOST_AUTO_TEST_CASE(random_values_are_exact_to_the_last_bit) {
  core::Rng rng(4);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_value(rng);
    const auto out =
        decode_one(vector_of(joined({R"([1,")", text, R"("])"})) + std::string(64, ' '));
    BOOST_REQUIRE_MESSAGE(out.status.ok(), text);
    const double ours = out.answer.samples.at(0).sample.value;
    const double want = std::strtod(text.c_str(), nullptr);
    BOOST_TEST(((std::isnan(ours) && std::isnan(want)) || bits(ours) == bits(want)), text);
  }
}

BOOST_AUTO_TEST_CASE(times_are_read_to_the_millisecond) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"0", 0},
      {"-1.5", -1500},
      {"1.5", 1500},
      {"1.05", 1050},
      {"1.005", 1005},
      {"1.0004", 1000},
      {"1.0005", 1001},
      {"1.7e9", 1'700'000'000'000},
      {"1E0", 1000},
      {"0.001", 1},
      {"253402300799.999", 253'402'300'799'999},
      {"9999999999999", 9'999'999'999'999'000},
  };
  for (const auto& [text, want] : cases) {
    for (const std::string& tail : {std::string(), std::string(100, ' ')}) {
      const auto out = decode_one(vector_of(joined({"[", text, ",\"1\"]"})) + tail);
      if (want > 9'000'000'000'000'000) {
        BOOST_TEST(!out.status.ok(), text);
      } else {
        BOOST_REQUIRE_MESSAGE(out.status.ok(), text);
        BOOST_TEST(out.answer.samples.at(0).sample.time.ms == want, text);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::sources
