#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>

#include "prometheus_source_support.h"

namespace anomaly_exporter::sources {
namespace {

using core::ErrorCode;
using support::http_reply;
using support::HttpServer;
using support::ScriptedReply;

BOOST_AUTO_TEST_SUITE(query_range_test)

BOOST_AUTO_TEST_CASE(backfill_is_split_by_points_and_arrives_in_order) {
  HttpServer server(
      [](const HttpAsked& asked) { return http_reply(200, matrix_answer(asked, 2)); });
  Fixture fixture(server.url(), {.max_points = 100});
  Collected got;
  BOOST_REQUIRE(backfill(fixture, got.sink(), 250).ok());
  BOOST_TEST(server.requests().size() == 3U);
  BOOST_TEST(got.series.size() == 2U);
  for (const auto& [labels, samples] : got.series) {
    BOOST_REQUIRE(samples.size() == 250U);
    for (int k = 0; k < 250; ++k) {
      BOOST_REQUIRE(samples[static_cast<std::size_t>(k)].time.ms == k * 10'000LL);
    }
  }
  BOOST_TEST(server.requests()[0].parameter("step").value_or("") == "10");
  BOOST_TEST(fixture.source->stats().samples == 500U);
}

BOOST_AUTO_TEST_CASE(backfill_keeps_the_estimated_samples_below_the_limit) {
  HttpServer server(
      [](const HttpAsked& asked) { return http_reply(200, matrix_answer(asked, 10)); });
  Fixture fixture(server.url(), {.max_points = 1000, .max_samples = 4000});
  Collected got;
  BOOST_REQUIRE(backfill(fixture, got.sink(), 1056).ok());
  // 256 points to learn of ten series, then twice 400.
  BOOST_TEST(server.requests().size() == 3U);
  BOOST_TEST(got.series.begin()->second.size() == 1056U);
}

BOOST_AUTO_TEST_CASE(a_part_too_large_for_the_server_is_halved) {
  HttpServer server([](const HttpAsked& asked) {
    const double points = (core::parse_timestamp(asked.parameter("end").value())->seconds() -
                           core::parse_timestamp(asked.parameter("start").value())->seconds()) /
                          10;
    if (points > 40) {
      return http_reply(422, R"({"status":"error","errorType":"execution","error":)"
                             R"("query processing would load too many samples into memory"})");
    }
    return http_reply(200, matrix_answer(asked, 1));
  });
  Fixture fixture(server.url());
  Collected got;
  BOOST_REQUIRE(backfill(fixture, got.sink(), 200).ok());
  BOOST_REQUIRE(got.series.size() == 1U);
  BOOST_TEST(got.series.begin()->second.size() == 200U);
}

BOOST_AUTO_TEST_CASE(a_part_too_large_for_us_is_halved) {
  HttpServer server(
      [](const HttpAsked& asked) { return http_reply(200, matrix_answer(asked, 1)); });
  PrometheusSourceOptions options;
  options.http.response_bytes = 1024;
  Fixture fixture(server.url(), std::move(options));
  Collected got;
  BOOST_REQUIRE(backfill(fixture, got.sink(), 300).ok());
  BOOST_TEST(got.series.begin()->second.size() == 300U);
}

BOOST_AUTO_TEST_CASE(a_single_step_that_is_too_large_is_an_error) {
  HttpServer server({http_reply(422, R"({"status":"error","error":"too many samples"})")});
  Fixture fixture(server.url());
  Collected got;
  const auto status = backfill(fixture, got.sink(), 64);
  BOOST_REQUIRE(!status.ok());
  BOOST_CHECK(status.error().code == ErrorCode::Exhausted);
  BOOST_TEST(server.requests().size() == 7U);  // 64, 32, ... 1
}

/// Answers a range query of at most `most` points, and `reply` to any other.
HttpServer server_for(std::int64_t most, ScriptedReply reply) {
  return HttpServer([most, reply](const HttpAsked& asked) {
    const auto points = (*core::parse_timestamp(asked.parameter("end").value()) -
                         *core::parse_timestamp(asked.parameter("start").value())) /
                            core::Duration(10'000) +
                        1;
    return points > most ? reply : http_reply(200, matrix_answer(asked, 1));
  });
}

BOOST_AUTO_TEST_CASE(a_part_that_takes_too_long_is_asked_for_in_quarters) {
  for (const auto& reply :
       {http_reply(504, "upstream request timeout"),
        http_reply(503, R"({"status":"error","errorType":"timeout","error":"query timed out"})")}) {
    HttpServer server = server_for(300, reply);
    Fixture fixture(server.url());
    Collected got;
    BOOST_REQUIRE(backfill(fixture, got.sink(), 600).ok());
    BOOST_REQUIRE(got.series.size() == 1U);
    BOOST_TEST(got.series.begin()->second.size() == 600U);
    BOOST_TEST(server.requests().size() == 6U);  // 256, 344, and four of 86
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_always_takes_too_long_is_not_asked_for_ever) {
  HttpServer server = server_for(0, http_reply(504, "upstream request timeout"));
  Fixture fixture(server.url());
  Collected got;
  const auto status = backfill(fixture, got.sink(), 64);
  BOOST_REQUIRE(!status.ok());
  BOOST_CHECK(status.error().code == ErrorCode::Unavailable);
  BOOST_TEST(server.requests().size() == 2U);  // 64 and 16
}

BOOST_AUTO_TEST_CASE(a_part_is_at_most_four_times_as_long_as_the_one_before) {
  HttpServer server = server_for(100'000, {});
  Fixture fixture(server.url());
  Collected got;
  BOOST_REQUIRE(backfill(fixture, got.sink(), 3000).ok());
  BOOST_REQUIRE(server.requests().size() == 3U);  // 256, 1024, 1720
  BOOST_TEST(server.requests()[2].parameter("start").value_or("") == "12800");
}

BOOST_AUTO_TEST_CASE(a_name_in_an_error_is_not_taken_for_a_limit) {
  HttpServer server({http_reply(422, R"({"status":"error","error":"found duplicate series for )"
                                     R"({__name__=\"kube_resource_limits\", cpu_max=\"1\"}"})")});
  Fixture fixture(server.url());
  Collected got;
  const auto status = backfill(fixture, got.sink(), 64);
  BOOST_REQUIRE(!status.ok());
  BOOST_CHECK(status.error().code == ErrorCode::InvalidArgument);
  BOOST_TEST(server.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(other_refusals_are_not_halved) {
  HttpServer server({http_reply(422, R"({"status":"error","error":"many-to-many matching"})")});
  Fixture fixture(server.url());
  Collected got;
  const auto status = backfill(fixture, got.sink(), 64);
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message.find("many-to-many") != std::string::npos);
  BOOST_TEST(server.requests().size() == 1U);
  BOOST_TEST(fixture.source->stats().failures == 1U);
}

BOOST_AUTO_TEST_CASE(samples_off_the_grid_are_corrupt) {
  for (const char* values : {R"([[5,"1"]])", R"([[10,"1"],[10,"2"]])", R"([[20,"1"],[10,"2"]])",
                             R"([[1000,"1"]])", R"([[-10,"1"]])"}) {
    HttpServer server({http_reply(
        200, std::string(R"({"status":"success","data":{"resultType":"matrix","result":)")
                 .append(R"([{"metric":{},"values":)")
                 .append(values)
                 .append("}]}}"))});
    Fixture fixture(server.url());
    Collected got;
    const auto status = backfill(fixture, got.sink(), 10);
    BOOST_REQUIRE_MESSAGE(!status.ok(), values);
    BOOST_CHECK(status.error().code == ErrorCode::Corrupt);
    BOOST_TEST(got.series.empty());
  }
}

BOOST_AUTO_TEST_CASE(the_sinks_error_ends_a_backfill) {
  HttpServer server(
      [](const HttpAsked& asked) { return http_reply(200, matrix_answer(asked, 3)); });
  Fixture fixture(server.url(), {.max_points = 10});
  const auto status = backfill(
      fixture,
      [](const core::LabelsPtr&, std::span<const series::Sample>) -> core::Status {
        return core::Error{ErrorCode::Exhausted, "series limit"};
      },
      100);
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message == "series limit");
  BOOST_TEST(server.requests().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::sources
