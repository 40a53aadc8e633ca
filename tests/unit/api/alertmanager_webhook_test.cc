#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using support::contains;

struct Fixture : support::HandlerFixture {
  std::size_t taken = 0;

  Fixture() {
    hooks.notified = [this](const alerting::WebhookMessage& m) { taken += m.alerts.size(); };
  }
  Response post(const std::string& body, const std::string& site = "") {
    Request request;
    request.method = "POST";
    request.path = "/api/v1/alertmanager/webhook";
    request.body = body;
    request.sec_fetch_site = site;
    return ask(request);
  }
};

constexpr const char* kMessage =
    R"({"version":"4","receiver":"r","alerts":[{"status":"firing","labels":{"a":"b"}},{}]})";

BOOST_FIXTURE_TEST_SUITE(alertmanager_webhook_test, Fixture)

BOOST_AUTO_TEST_CASE(a_notification_is_taken) {
  const Response response = post(kMessage);
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body == R"({"status":"success","data":{"alerts":1,"malformed":1}})");
  BOOST_TEST(taken == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_none_is_refused) {
  for (const std::string& body : {std::string(), std::string("[]"), std::string(100'000, '['),
                                  std::string(R"({"version":"3","alerts":[]})")}) {
    const Response response = post(body);
    BOOST_TEST(response.status == 400);
    BOOST_TEST(contains(response.body, "\"errorType\":\"bad_data\""));
  }
  BOOST_TEST(post(kMessage, "cross-site").status == 403);
  BOOST_TEST(ask("GET", "/api/v1/alertmanager/webhook").status == 405);
  BOOST_TEST(taken == 0U);
  hooks.notified = nullptr;
  BOOST_TEST(post(kMessage).status == 404);
}

BOOST_AUTO_TEST_CASE(only_this_path_takes_a_body_and_a_bounded_one) {
  const Router router({&options, &hooks, &snapshots, &clock, &buffers});
  const auto limit = [&](const std::string& method, const std::string& path) {
    Request request;
    request.method = method;
    request.path = path;
    return router.body_limit(request);
  };
  BOOST_TEST(limit("POST", "/api/v1/alertmanager/webhook") == 4UL << 20);
  BOOST_TEST(limit("GET", "/api/v1/alertmanager/webhook") == 0U);
  BOOST_TEST(limit("POST", "/-/reload") == 0U);
  BOOST_TEST(limit("POST", "/nowhere") == 0U);
}

BOOST_AUTO_TEST_CASE(open_alerts_and_receipts_are_shown) {
  const auto labels = core::Labels::create({{"alertname", "A"}, {"monitor", "m"}}).value();
  hooks.notifications = [&] {
    return ServerHooks::Notifications{.open = {{.labels = labels,
                                                .starts_at = {1'700'000'000'000},
                                                .last_sent = {},
                                                .notified = {},
                                                .suppressed = alerting::Suppression::Throttle}},
                                      .received = {{.labels = labels,
                                                    .receiver = "r",
                                                    .receipt = alerting::Receipt::NotOpen,
                                                    .received = {1'700'000'001'000},
                                                    .opened = {}}}};
  };
  BOOST_TEST(get("/api/v1/notifications").body ==
             R"({"status":"success","data":{"alerts":[{"labels":{"alertname":"A","monitor":"m"},)"
             R"("startsAt":"2023-11-14T22:13:20.000Z","lastSent":null,"notified":null,)"
             R"("suppressed":"throttle"}],"received":[{"labels":{"alertname":"A","monitor":"m"},)"
             R"("receiver":"r","result":"not_open","received":"2023-11-14T22:13:21.000Z",)"
             R"("opened":null}]}})");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
