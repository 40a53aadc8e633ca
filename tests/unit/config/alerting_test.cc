#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "config_test_support.h"

namespace anomaly_exporter::config {
namespace {

BOOST_AUTO_TEST_SUITE(alerting_test)

BOOST_AUTO_TEST_CASE(the_section_reaches_its_options) {
  const auto config = load_config(std::string(AE_TEST_DATA) + "/config/alerting_push.good.yml");
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  const alerting::AlertingOptions& o = config->alerting;
  BOOST_TEST((o.mode == alerting::Mode::Push));
  BOOST_TEST_REQUIRE(o.alertmanagers.size() == 2U);
  BOOST_TEST(o.alertmanagers[0].url == "https://am-1.example.org/prefix");
  BOOST_TEST(o.alertmanagers[0].http.basic_auth->username == "a");
  BOOST_TEST(!o.alertmanagers[0].http.tls_config.ca_file.empty());
  BOOST_TEST(o.alertmanagers[0].http.headers.contains("X-Scope-OrgID"));
  BOOST_TEST(!o.alertmanagers[0].http.follow_redirects);
  BOOST_TEST(o.alertmanagers[1].http.authorization.has_value());
  BOOST_TEST(o.alertmanagers[1].http.proxy_url == "http://proxy:3128");
  BOOST_TEST((o.resend_delay == std::chrono::seconds(30)));
  BOOST_TEST((o.resolve_for == std::chrono::minutes(5)));
  BOOST_TEST((o.hold == std::chrono::hours(1)));
  BOOST_TEST((o.missing_for == std::chrono::seconds(90)));
  BOOST_TEST((o.timeout == std::chrono::seconds(5)));
  BOOST_TEST(o.queue_limit == 100U);
  BOOST_TEST(o.open_limit == 100U);
  BOOST_TEST(o.batch == 64U);
  BOOST_TEST((o.throttle == std::chrono::seconds(0)));
  BOOST_TEST(o.external_labels.at("site") == "berlin");
  BOOST_TEST(!o.runbook_url.empty());
  BOOST_TEST(!o.dashboard_url.empty());
  BOOST_TEST((o.silences.poll == std::chrono::minutes(1)));
  BOOST_TEST(!o.silences.gate_alerts);
  BOOST_TEST(o.silences.gate_learning);
}

BOOST_AUTO_TEST_CASE(without_the_section_nothing_is_sent) {
  const auto config = parsed(file_with("  - preset: node\n"));
  BOOST_TEST_REQUIRE(config.ok());
  BOOST_TEST((config->alerting.mode == alerting::Mode::Rules));
  BOOST_TEST(config->alerting.alertmanagers.empty());
  BOOST_TEST((config->alerting.throttle == std::chrono::minutes(5)));
}

BOOST_AUTO_TEST_CASE(passwords_of_an_alertmanager_are_not_shown) {
  const auto config = parsed(file_with(
      "  - preset: node\n",
      "alerting: {alertmanagers: [{url: \"http://am\", basic_auth: {username: u, password: pw1}, "
      "headers: {X-Token: pw2}}]}\n"));
  BOOST_TEST_REQUIRE(config.ok());
  BOOST_TEST(config->text.find("pw1") == std::string::npos);
  BOOST_TEST(config->text.find("pw2") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
