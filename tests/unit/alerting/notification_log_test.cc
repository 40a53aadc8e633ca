#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/alerting/notification_log.h"

#include <boost/test/unit_test.hpp>
#include <numeric>

#include "alerting_support.h"

namespace anomaly_exporter::alerting {
namespace {

/// As a real Alertmanager 0.25 posts it, shortened.
constexpr const char* kMessage =
    R"({"receiver":"hook","status":"firing","alerts":[)"
    R"({"status":"firing","labels":{"alertname":"AnomalyCritical","monitor":"link"},)"
    R"("annotations":{"summary":"s"},"startsAt":"2026-03-01T12:00:00.123Z",)"
    R"("endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"0e9d"},)"
    R"({"status":"resolved","labels":{"alertname":"B"},"startsAt":"2026-03-01T12:00:00Z"}],)"
    R"("groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://h:9093",)"
    R"("version":"4","groupKey":"{}:{}","truncatedAlerts":0})";

BOOST_AUTO_TEST_SUITE(notification_log_test)

BOOST_AUTO_TEST_CASE(a_message_of_alertmanager_is_read) {
  const auto message = parse_webhook(kMessage);
  BOOST_TEST_REQUIRE(message.ok());
  BOOST_TEST(message->receiver == "hook");
  BOOST_TEST_REQUIRE(message->alerts.size() == 2U);
  BOOST_TEST(message->alerts[0].is_firing);
  BOOST_TEST(message->alerts[0].labels.value("monitor").value() == "link");
  BOOST_TEST((message->alerts[0].starts_at == at("12:00:00.123")));
  BOOST_TEST(!message->alerts[1].is_firing);
}

BOOST_AUTO_TEST_CASE(hostile_messages_are_refused_or_their_alerts_counted) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{\"version\":\"4\"}"),
        std::string(R"({"version":"4","alerts":{}})"), std::string("{\"alerts\":[]}"),
        std::string(R"({"version":"5","alerts":[]})"), "{\"a\":" + std::string(50'000, '['),
        std::string(kMessage).substr(0, 200)}) {
    BOOST_TEST(!parse_webhook(text).ok(), text.substr(0, 60));
  }
  const auto message = parse_webhook(
      R"({"version":"4","alerts":[1,{},{"labels":[]},{"labels":{"a":1}},{"labels":{"":"x"}},)"
      "{\"labels\":{\"a\":\"\\u0000\"}},{\"labels\":{\"a\":\"b\"}}]}");
  BOOST_TEST_REQUIRE(message.ok());
  BOOST_TEST(message->alerts.size() == 1U);
  BOOST_TEST(message->malformed == 6U);
  std::string many = R"({"version":"4","alerts":[)";
  for (std::size_t i = 0; i < kMostWebhookAlerts + 3; ++i) {
    many += std::string(i > 0 ? "," : "") + R"({"labels":{"a":"b"}})";
  }
  const auto long_one = parse_webhook(many + "]}");
  BOOST_TEST_REQUIRE(long_one.ok());
  BOOST_TEST(long_one->alerts.size() == kMostWebhookAlerts);
  BOOST_TEST(long_one->malformed == 3U);
}

BOOST_AUTO_TEST_CASE(the_log_is_bounded_and_the_counts_go_on) {
  NotificationLog log;
  for (std::size_t i = 0; i < NotificationLog::kMost + 10; ++i) {
    log.add({.labels = {},
             .receiver = std::to_string(i),
             .receipt = Receipt::NotOpen,
             .received = at("12:00:00"),
             .opened = {}});
  }
  log.count_malformed(2);
  BOOST_TEST(log.entries().size() == NotificationLog::kMost);
  BOOST_TEST(log.entries().front().receiver == "10");
  BOOST_TEST(log.counts()[static_cast<std::size_t>(Receipt::NotOpen)] ==
             NotificationLog::kMost + 10);
  BOOST_TEST(std::accumulate(log.counts().begin(), log.counts().end(), 0ULL) ==
             NotificationLog::kMost + 12);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
