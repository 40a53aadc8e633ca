#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using support::header_of;

const char* const kReadPaths[] = {"/",
                                  "/metrics",
                                  "/-/healthy",
                                  "/api/v1/monitors",
                                  "/api/v1/scores",
                                  "/api/v1/status/config",
                                  "/api/v1/status/flags",
                                  "/api/v1/status/buildinfo",
                                  "/api/v1/status/runtimeinfo"};

BOOST_FIXTURE_TEST_SUITE(router_test, support::HandlerFixture)

BOOST_DATA_TEST_CASE_F(support::HandlerFixture, every_page_is_read_by_get_and_head_only,
                       boost::unit_test::data::make(kReadPaths), path) {
  BOOST_TEST(ask("GET", path).status == 200);
  BOOST_TEST(ask("HEAD", path).status == 200);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    const Response response = ask(method, path);
    BOOST_TEST(response.status == 405);
    BOOST_TEST(header_of(response, "Allow") == "GET, HEAD");
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_path_is_a_plain_404_that_does_not_repeat_it) {
  for (const char* path : {"/nothing", "/metrics/", "/api/v1", "/<script>", ""}) {
    const Response response = get(path);
    BOOST_TEST(response.status == 404);
    BOOST_TEST(response.body == "404 page not found\n");
    BOOST_TEST(response.content_type == "text/plain; charset=utf-8");
  }
}

BOOST_AUTO_TEST_CASE(the_telemetry_path_can_be_chosen) {
  options.telemetry_path = "/scores/metrics";
  BOOST_TEST(get("/scores/metrics").status == 200);
  BOOST_TEST(get("/metrics").status == 404);
}

BOOST_AUTO_TEST_CASE(everything_lives_under_the_prefix) {
  options.external_url = "https://example.org/anomaly/";
  BOOST_TEST(get("/anomaly/").status == 200);
  BOOST_TEST(get("/anomaly/-/healthy").status == 200);
  BOOST_TEST(get("/-/healthy").status == 404);
  BOOST_TEST(get("/anomalyx").status == 404);
  for (const char* path : {"/", "/anomaly"}) {
    BOOST_TEST(get(path).status == 302);
    BOOST_TEST(header_of(get(path), "Location") == "/anomaly/");
  }
}

BOOST_AUTO_TEST_CASE(patterns_are_bounded_whatever_is_asked) {
  const Router router({&options, &hooks, &snapshots, &clock, &buffers});
  Request request;
  request.path = "/-/healthy";
  BOOST_TEST(router.answer(request).pattern == "/-/healthy");
  request.path = "/random/123";
  BOOST_TEST(router.answer(request).pattern == "other");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
