#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using support::contains;
using support::fake_snapshot;

BOOST_FIXTURE_TEST_SUITE(health_pages_test, support::HandlerFixture)

BOOST_AUTO_TEST_CASE(healthy_before_anything_else) { BOOST_TEST(get("/-/healthy").status == 200); }

BOOST_AUTO_TEST_CASE(not_ready_before_the_first_snapshot) {
  const Response response = get("/-/ready");
  BOOST_TEST(response.status == 503);
  BOOST_TEST(response.body == "not ready\nno monitor has been evaluated yet\n");
}

BOOST_AUTO_TEST_CASE(not_ready_names_what_each_monitor_misses) {
  const auto a = fake_snapshot("a", {});
  a->not_ready = "backfill at 40 %";
  const auto b = fake_snapshot("b", {});
  const auto c = fake_snapshot("c", {});
  c->not_ready = "source prom is down";
  for (const auto& snapshot : {a, b, c}) snapshots.publish(snapshot);
  const Response response = get("/-/ready");
  BOOST_TEST(response.status == 503);
  BOOST_TEST(response.body == "not ready\na: backfill at 40 %\nc: source prom is down\n");
}

BOOST_AUTO_TEST_CASE(ready_when_every_monitor_is) {
  snapshots.publish(fake_snapshot("a", {}));
  BOOST_TEST(get("/-/ready").status == 200);
}

BOOST_AUTO_TEST_CASE(reload_is_off_unless_allowed) {
  hooks.reload = [] { return core::Status(); };
  const Response response = ask("POST", "/-/reload");
  BOOST_TEST(response.status == 403);
  BOOST_TEST(contains(response.body, "--web.enable-lifecycle"));
}

BOOST_AUTO_TEST_CASE(reload_works_by_post_and_put_only) {
  int reloads = 0;
  options.enable_lifecycle = true;
  hooks.reload = [&] {
    ++reloads;
    return core::Status();
  };
  BOOST_TEST(ask("POST", "/-/reload").status == 200);
  BOOST_TEST(ask("PUT", "/-/reload").status == 200);
  const Response refused = ask("GET", "/-/reload");
  BOOST_TEST(refused.status == 405);
  BOOST_TEST(support::header_of(refused, "Allow") == "POST, PUT");
  BOOST_TEST(reloads == 2);
}

BOOST_AUTO_TEST_CASE(a_failed_reload_tells_the_error) {
  options.enable_lifecycle = true;
  hooks.reload = [] {
    return core::Status(core::Error{core::ErrorCode::InvalidArgument, "monitors[0].query: empty"});
  };
  const Response response = ask("POST", "/-/reload");
  BOOST_TEST(response.status == 500);
  BOOST_TEST(response.body == "reload failed: monitors[0].query: empty\n");
}

BOOST_AUTO_TEST_CASE(a_page_on_another_site_cannot_make_a_browser_reload_us) {
  options.enable_lifecycle = true;
  int reloads = 0;
  hooks.reload = [&] {
    ++reloads;
    return core::Status();
  };
  Request request;
  request.method = "POST";
  request.path = "/-/reload";
  request.sec_fetch_site = "cross-site";
  BOOST_TEST(ask(request).status == 403);
  request.sec_fetch_site = "same-origin";
  BOOST_TEST(ask(request).status == 200);
  BOOST_TEST(reloads == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
