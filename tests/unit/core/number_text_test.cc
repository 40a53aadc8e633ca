#include "anomaly_exporter/core/number_text.h"

#define BOOST_TEST_DYN_LINK
#include <bit>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(number_text_test)

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kDenormal = std::numeric_limits<double>::denorm_min();

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

struct Good {
  std::string input;
  double value;
};
std::ostream& operator<<(std::ostream& out, const Good& c) { return out << '"' << c.input << '"'; }

const Good kGood[] = {
    {"0", 0.0},
    {"-0", -0.0},
    {"+1", 1.0},
    {"1.", 1.0},
    {".5", 0.5},
    {"-.5", -0.5},
    {"1.e2", 100.0},
    {"007", 7.0},
    {"1e5", 1e5},
    {"1E5", 1e5},
    {"1e+5", 1e5},
    {"1e-5", 1e-5},
    {"0.1", 0.1},
    {"123456789.123", 123456789.123},
    {"1.7976931348623157e308", kMax},
    {"5e-324", kDenormal},
    {"4.9e-324", kDenormal},
    {"Inf", kInf},
    {"+Inf", kInf},
    {"-Inf", -kInf},
    {"inf", kInf},
    {"-INF", -kInf},
    {"Infinity", kInf},
    {"-iNfInItY", -kInf},
    // Beyond the range.
    {"1e309", kInf},
    {"-1e309", -kInf},
    {"1.8e308", kInf},
    {"1e99999999999999999999999", kInf},
    {"-1e-99999999999999999999999", -0.0},
    {"1e-400", 0.0},
    {"0.001e400", kInf},
    {"1000e-400", 0.0},
    {"0.0e999999", 0.0},
    {std::string(400, '1'), kInf},
    {"0." + std::string(400, '0') + "1", 0.0},
    {"1" + std::string(400, '0') + "e-400", 1.0},
};

BOOST_DATA_TEST_CASE(reads_what_go_reads, boost::unit_test::data::make(kGood)) {
  const auto value = parse_number(sample.input);
  BOOST_TEST_REQUIRE(value.has_value());
  BOOST_TEST(bits(*value) == bits(sample.value));
}

BOOST_AUTO_TEST_CASE(reads_nan_in_any_case_without_a_sign) {
  for (const char* text : {"NaN", "nan", "NAN"}) {
    const auto value = parse_number(text);
    BOOST_TEST_REQUIRE(value.has_value(), text);
    BOOST_TEST(std::isnan(*value), text);
    BOOST_TEST(!is_stale_marker(*value), text);
  }
}

const std::string kBad[] = {"",
                            " ",
                            "1 ",
                            " 1",
                            "+",
                            "-",
                            ".",
                            "e5",
                            ".e5",
                            "1e",
                            "1e+",
                            "1.2.3",
                            "1_000",
                            "0x10",
                            "0x1p4",
                            "--1",
                            "+-1",
                            "-+1",
                            "+NaN",
                            "-nan",
                            "nan(1)",
                            "nane",
                            "in",
                            "Infi",
                            "inf1",
                            "1inf",
                            "1,5",
                            "1f",
                            "١",
                            "1\n",
                            std::string("1\0", 2),
                            std::string("\0", 1)};

BOOST_DATA_TEST_CASE(refuses_every_other_text, boost::unit_test::data::make(kBad)) {
  BOOST_TEST(!parse_number(sample).has_value());
}

BOOST_AUTO_TEST_CASE(writes_as_the_prometheus_formats_spell_numbers) {
  BOOST_TEST(number_text(0.0) == "0");
  BOOST_TEST(number_text(-0.0) == "-0");
  BOOST_TEST(number_text(1.0) == "1");
  BOOST_TEST(number_text(0.1) == "0.1");
  BOOST_TEST(number_text(-2.5) == "-2.5");
  BOOST_TEST(number_text(1e300) == "1e+300");
  BOOST_TEST(number_text(kInf) == "+Inf");
  BOOST_TEST(number_text(-kInf) == "-Inf");
  BOOST_TEST(number_text(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  BOOST_TEST(number_text(-std::numeric_limits<double>::quiet_NaN()) == "NaN");
  BOOST_TEST(number_text(stale_marker()) == "NaN");
}

BOOST_AUTO_TEST_CASE(writes_floats_by_their_own_shortest_text) {
  char buffer[kMaxNumberText];
  BOOST_TEST(std::string(buffer, write_number(buffer, 0.1F)) == "0.1");
  BOOST_TEST(std::string(buffer, write_number(buffer, -std::numeric_limits<float>::infinity())) ==
             "-Inf");
}

BOOST_AUTO_TEST_CASE(every_finite_number_reads_back_to_the_same_bits_and_fits) {
  Rng rng(7);
  for (int i = 0; i < 100'000; ++i) {
    const double value = std::bit_cast<double>(rng.next());
    if (!std::isfinite(value)) continue;
    const std::string text = number_text(value);
    const auto again = parse_number(text);
    if (!again.has_value() || bits(*again) != bits(value) || text.size() > kMaxNumberText) {
      BOOST_ERROR("does not read back: " + text);
    }
  }
  for (const double value : {kMax, -kMax, kDenormal, -kDenormal}) {
    BOOST_TEST(number_text(value).size() <= kMaxNumberText);
    BOOST_TEST(bits(parse_number(number_text(value)).value_or(0.0)) == bits(value));
  }
}

BOOST_AUTO_TEST_CASE(knows_the_stale_marker_by_its_bits) {
  BOOST_TEST(bits(stale_marker()) == 0x7ff0000000000002ULL);
  BOOST_TEST(std::isnan(stale_marker()));
  BOOST_TEST(is_stale_marker(stale_marker()));
  BOOST_TEST(!is_stale_marker(std::numeric_limits<double>::quiet_NaN()));
  BOOST_TEST(!is_stale_marker(0.0));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
