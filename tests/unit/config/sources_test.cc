#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "config_test_support.h"

namespace anomaly_exporter::config {
namespace {

/// TLS files must be there to be read when a file is checked.
const std::string kCertificate = std::string(AE_TEST_DATA) + "/config/certificate.pem";
const std::string kMonitors = "monitors: [{preset: node}]\n";

sources::PrometheusSourceOptions first_source(const core::Result<Config>& config) {
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  return std::get<sources::PrometheusSourceOptions>(config->sources.at(0).options);
}

BOOST_AUTO_TEST_SUITE(sources_test)

BOOST_AUTO_TEST_CASE(every_key_reaches_its_option) {
  const auto config = parsed(
      "limits: {response_bytes: 1MiB}\n"
      "sources:\n"
      "  - name: prom\n"
      "    type: prometheus\n"
      "    url: https://prometheus.example.org/base\n"
      "    basic_auth: {username: me, password_file: secrets/password}\n"
      "    tls_config: {ca_file: '" +
      kCertificate + "', cert_file: '" + kCertificate + "',\n                 key_file: '" +
      kCertificate +
      "', server_name: p,\n"
      "                 insecure_skip_verify: true}\n"
      "    headers: {X-Scope-OrgID: team-a, X-Token: {file: token}, X-Other: {value: v}}\n"
      "    proxy_url: http://proxy:3128\n"
      "    follow_redirects: false\n"
      "    timeout: 5s\n"
      "    concurrency: 8\n"
      "    remote_read: false\n"
      "    max_points: 500\n"
      "    max_samples: 100000\n"
      "    lookback: 2m\n"
      "    retry: {attempts: 2, first_delay: 50ms, max_delay: 1s}\n" +
      kMonitors);
  const auto options = first_source(config);
  BOOST_TEST(options.name == "prom");
  BOOST_TEST(options.url == "https://prometheus.example.org/base");
  BOOST_TEST(options.http.basic_auth.value().username == "me");
  BOOST_TEST(options.http.basic_auth.value().password.file == "/etc/ae/secrets/password");
  BOOST_TEST(options.http.tls_config.ca_file == kCertificate);
  BOOST_TEST(options.http.tls_config.cert_file == kCertificate);
  BOOST_TEST(options.http.tls_config.key_file == kCertificate);
  BOOST_TEST(options.http.tls_config.server_name == "p");
  BOOST_TEST(options.http.tls_config.insecure_skip_verify);
  BOOST_TEST(options.http.headers.at("X-Scope-OrgID").value.reveal() == "team-a");
  BOOST_TEST(options.http.headers.at("X-Token").file == "/etc/ae/token");
  BOOST_TEST(options.http.headers.at("X-Other").value.reveal() == "v");
  BOOST_TEST(options.http.proxy_url == "http://proxy:3128");
  BOOST_TEST(!options.http.follow_redirects);
  BOOST_TEST(options.http.timeout.count() == 5000);
  BOOST_TEST(options.http.response_bytes == 1U << 20);
  BOOST_TEST(options.concurrency == 8U);
  BOOST_TEST(!options.remote_read);
  BOOST_TEST(options.max_points == 500U);
  BOOST_TEST(options.max_samples == 100000U);
  BOOST_TEST(options.lookback.count() == 120'000);
  BOOST_TEST(options.retry.attempts == 2U);
  BOOST_TEST(options.retry.max_delay.count() == 1000);
}

BOOST_AUTO_TEST_CASE(a_source_may_have_its_own_answer_limit) {
  const auto config = parsed(
      "sources: [{name: p, url: \"http://h\", response_bytes: 2MiB}]\n"
      "limits: {response_bytes: 1MiB}\n" +
      kMonitors);
  BOOST_TEST(first_source(config).http.response_bytes == 2U << 20);
}

BOOST_AUTO_TEST_CASE(authorization_defaults_to_bearer) {
  const auto config = parsed(
      "sources: [{name: p, url: \"http://h\", authorization: {credentials: t0ken}}]\n" + kMonitors);
  const auto options = first_source(config);
  BOOST_TEST(options.http.authorization.value().type == "Bearer");
  BOOST_TEST(options.http.authorization.value().credentials.value.reveal() == "t0ken");
}

BOOST_AUTO_TEST_CASE(the_shown_text_holds_no_secret) {
  const auto config = parsed(
      "sources:\n"
      "  - {name: a, url: \"http://h\", basic_auth: {username: me, password: hunter1}}\n"
      "  - {name: b, url: \"http://h\", authorization: {credentials: \"hunter2\"}}\n"
      "  - {name: c, url: \"http://h\", headers: {X-A: hunter3, X-B: {value: hunter4}},\n"
      "     proxy_url: \"http://u:hunter5@proxy\"}\n"
      "  - name: d\n    url: http://h\n    basic_auth:\n      username: u\n      password: |\n"
      "        hunter6\n"
      "monitors: [{preset: node, source: a}]\n");
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  BOOST_TEST(config->text.find("hunter") == std::string::npos, config->text);
  BOOST_TEST(config->text.find("password: <secret>") != std::string::npos);
  BOOST_TEST(config->text.find("username: me") != std::string::npos);
  std::size_t shown = 0;
  for (std::size_t at = config->text.find("<secret>"); at != std::string::npos;
       at = config->text.find("<secret>", at + 1)) {
    ++shown;
  }
  BOOST_TEST(shown == 6U);
}

BOOST_AUTO_TEST_CASE(a_secret_repeated_by_an_alias_is_hidden_at_both_places) {
  const auto config = parsed(
      "sources:\n"
      "  - {name: a, url: \"http://h\", authorization: &auth {credentials: hunter1}}\n"
      "  - {name: b, url: \"http://h\", authorization: *auth}\n"
      "monitors: [{preset: node, source: a}]\n");
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  BOOST_TEST(config->text.find("hunter1") == std::string::npos, config->text);
}

BOOST_AUTO_TEST_CASE(no_complaint_shows_a_secret) {
  for (const char* source :
       {"{name: a, url: \"http://u:hunter2@h\"}",
        "{name: a, url: \"http://h\", basic_auth: {password: hunter2}}",
        "{name: a, url: \"http://h\", basic_auth: {username: u, password: [hunter2]}}",
        "{name: a, url: \"http://h\", authorization: hunter2}",
        "{name: a, url: \"http://h\", authorization: [hunter2]}",
        "{name: a, url: \"http://h\", headers: {X-A: [hunter2]}}",
        "{name: a, url: \"http://h\", headers: {Host: hunter2}}",
        "{name: a, url: \"http://h\", proxy_url: \"ftp://u:hunter2@h\"}"}) {
    const std::string message = complaint("sources: [" + std::string(source) + "]\n" + kMonitors);
    BOOST_TEST(message != "", source);
    BOOST_TEST(message.find("hunter2") == std::string::npos, message);
  }
}

BOOST_AUTO_TEST_CASE(a_csv_source_has_a_path) {
  const auto config = parsed(
      "sources: [{name: files, type: csv, path: data}]\n"
      "monitors: [{name: m, metrics: {load: {column: load}}}]\n");
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  const auto& options = std::get<sources::CsvSourceOptions>(config->sources.at(0).options);
  BOOST_TEST(options.path == "/etc/ae/data");
  BOOST_TEST(
      (config->monitors.at(0).metrics.at(0).request.kind == sources::MetricRequest::Kind::Column));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
