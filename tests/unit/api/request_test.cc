#include "anomaly_exporter/api/request.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::api {
namespace {

std::string error_of(std::string_view query) {
  const auto parameters = parse_query(query);
  return parameters.ok() ? "" : parameters.error().message;
}

BOOST_AUTO_TEST_SUITE(request_test)

BOOST_AUTO_TEST_CASE(decodes_parameters_in_order) {
  const auto parameters = parse_query("a=1+2%26&&b&c=%E2%82%AC=x");
  BOOST_REQUIRE(parameters.ok());
  BOOST_REQUIRE_EQUAL(parameters->size(), 3U);
  BOOST_TEST((*parameters)[0].first == "a");
  BOOST_TEST((*parameters)[0].second == "1 2&");
  BOOST_TEST((*parameters)[1].first == "b");
  BOOST_TEST((*parameters)[1].second == "");
  BOOST_TEST((*parameters)[2].second == "\xE2\x82\xAC=x");
}

BOOST_AUTO_TEST_CASE(no_query_has_no_parameters) { BOOST_TEST(parse_query("").value().empty()); }

BOOST_AUTO_TEST_CASE(refuses_broken_escapes_and_bytes_that_are_no_text) {
  BOOST_TEST(error_of("limit=%4") == "invalid parameter \"limit\": value is not valid text");
  BOOST_TEST(error_of("limit=%zz") == "invalid parameter \"limit\": value is not valid text");
  BOOST_TEST(error_of("limit=%00") == "invalid parameter \"limit\": value is not valid text");
  BOOST_TEST(error_of("limit=%ff") == "invalid parameter \"limit\": value is not valid text");
  BOOST_TEST(error_of("%ff=1") == "parameter name is not valid text");
}

BOOST_AUTO_TEST_CASE(the_number_of_parameters_is_bounded) {
  std::string query;
  for (int i = 0; i < 32; ++i) query += "a=1&";
  BOOST_TEST(error_of(query) == "");
  BOOST_TEST(error_of(query + "a=1") == "more than 32 parameters");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
