#include "anomaly_exporter/api/json_writer.h"

#include <limits>

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::api {
namespace {

BOOST_AUTO_TEST_SUITE(json_writer_test)

BOOST_AUTO_TEST_CASE(sets_commas_between_members_and_elements) {
  JsonWriter json;
  json.begin_object().member("a", true).key("b").begin_array();
  json.value(1.5).value(std::uint64_t{7}).begin_object().end_object().null().end_array();
  json.member("c", "d").end_object();
  BOOST_TEST(json.take() == R"({"a":true,"b":[1.5,7,{},null],"c":"d"})");
}

BOOST_AUTO_TEST_CASE(writes_floats_in_their_shortest_form) {
  JsonWriter json;
  json.begin_array().value(0.3F).value(0.1).end_array();
  BOOST_TEST(json.take() == "[0.3,0.1]");
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_null) {
  JsonWriter json;
  json.begin_array();
  json.value(std::numeric_limits<double>::quiet_NaN());
  json.value(-std::numeric_limits<float>::infinity());
  json.end_array();
  BOOST_TEST(json.take() == "[null,null]");
}

BOOST_AUTO_TEST_CASE(a_time_is_rfc3339_and_no_time_is_null) {
  JsonWriter json;
  json.begin_array()
      .value(core::Timestamp{0})
      .value(core::Timestamp{1'700'000'000'123})
      .end_array();
  BOOST_TEST(json.take() == R"([null,"2023-11-14T22:13:20.123Z"])");
}

BOOST_AUTO_TEST_CASE(envelopes_are_prometheus_ones) {
  BOOST_TEST(success_json([](JsonWriter& json) { json.begin_array().end_array(); }) ==
             R"({"status":"success","data":[]})");
  BOOST_TEST(error_json("bad_data", "no \"x\"") ==
             R"({"status":"error","errorType":"bad_data","error":"no \"x\""})");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
