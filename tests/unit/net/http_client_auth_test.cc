#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "anomaly_exporter/net/http_client.h"
#include "support/http_server.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::net {
namespace {

using core::ErrorCode;
using core::Secret;
using support::http_reply;
using support::HttpServer;

core::Result<HttpResponse> get(const std::string& url, const HttpClientOptions& options) {
  const support::ManualClock clock;
  auto client = HttpClient::create(url, options, {.attempts = 1}, clock);
  if (!client) return client.error();
  return (*client)->perform({.path = "/"}, {});
}

BOOST_AUTO_TEST_SUITE(http_client_auth_test)

BOOST_AUTO_TEST_CASE(basic_auth_is_sent) {
  HttpServer server({http_reply(200, "")});
  HttpClientOptions options;
  options.basic_auth =
      BasicAuthOptions{.username = "ann", .password = {.value = Secret("s3:cret")}};
  BOOST_REQUIRE(get(server.url(), options).ok());
  BOOST_TEST(server.requests().at(0).header("Authorization").value_or("") ==
             "Basic YW5uOnMzOmNyZXQ=");
}

BOOST_AUTO_TEST_CASE(a_bearer_token_is_read_from_its_file_each_time) {
  const support::TempDir dir;
  HttpServer server({http_reply(200, "")});
  HttpClientOptions options;
  options.authorization = AuthorizationOptions{};
  options.authorization->credentials.file = dir.write("token", "first\n");
  const support::ManualClock clock;
  auto client = HttpClient::create(server.url(), options, {}, clock);
  BOOST_REQUIRE(client.ok());
  BOOST_REQUIRE((*client)->perform({.path = "/"}, {}).ok());
  dir.write("token", "second");
  BOOST_REQUIRE((*client)->perform({.path = "/"}, {}).ok());
  BOOST_TEST(server.requests().at(0).header("Authorization").value_or("") == "Bearer first");
  BOOST_TEST(server.requests().at(1).header("Authorization").value_or("") == "Bearer second");
}

BOOST_AUTO_TEST_CASE(a_tenant_header_is_sent) {
  HttpServer server({http_reply(200, "")});
  HttpClientOptions options;
  options.headers["X-Scope-OrgID"].value = Secret("team-a");
  BOOST_REQUIRE(get(server.url(), options).ok());
  BOOST_TEST(server.requests().at(0).header("x-scope-orgid").value_or("") == "team-a");
}

BOOST_AUTO_TEST_CASE(a_missing_secret_file_is_named_and_asks_nothing) {
  HttpServer server({http_reply(200, "")});
  HttpClientOptions options;
  options.basic_auth = BasicAuthOptions{.username = "ann", .password = {.file = "/nonexistent/pw"}};
  const auto answer = get(server.url(), options);
  BOOST_REQUIRE(!answer.ok());
  BOOST_CHECK(answer.error().code == ErrorCode::Unavailable);
  BOOST_TEST(answer.error().message.find("/nonexistent/pw") != std::string::npos);
  BOOST_TEST(server.requests().empty());
}

BOOST_AUTO_TEST_CASE(secrets_do_not_show_in_messages) {
  const support::TempDir dir;
  HttpServer server({http_reply(401, "denied")});
  HttpClientOptions options;
  options.basic_auth =
      BasicAuthOptions{.username = "ann", .password = {.file = dir.write("pw", "hunter2")}};
  options.headers["X-Token"].value = Secret("hunter3");
  const auto answer = get(server.url(), options);
  BOOST_REQUIRE(!answer.ok());
  BOOST_TEST(answer.error().message.find("HTTP 401: denied") != std::string::npos);
  BOOST_TEST(answer.error().message.find("hunter") == std::string::npos);

  options.basic_auth->password.file = dir.write("pw", "hunter2\nsecond line");
  const auto refused = get(server.url(), options);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().message.find("line break") != std::string::npos);
  BOOST_TEST(refused.error().message.find("hunter") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(credentials_do_not_travel_to_another_host) {
  HttpServer other({http_reply(200, "stolen")});
  HttpServer server([&](const support::HttpAsked& asked) {
    if (asked.target == "/inside") return http_reply(200, "fine");
    const std::string to = asked.target == "/" ? "/inside" : other.url() + "/";
    return http_reply(302, "", "text/plain", {"Location: " + to});
  });
  HttpClientOptions options;
  options.headers["X-Scope-OrgID"].value = Secret("team-a");
  const auto inside = get(server.url(), options);
  BOOST_REQUIRE(inside.ok());
  BOOST_TEST(inside->body == "fine");
  const auto outside = get(server.url() + "/prefix", options);
  BOOST_REQUIRE(!outside.ok());
  BOOST_TEST(outside.error().message.find("not followed") != std::string::npos);
  BOOST_TEST(other.requests().empty());
  BOOST_TEST(get(server.url() + "/prefix", {}).ok());  // nothing to lose
  BOOST_TEST(other.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(tls_files_that_cannot_be_read_are_named_at_creation) {
  HttpClientOptions options;
  options.tls_config.ca_file = "/nonexistent/ca.pem";
  const auto answer = get("https://127.0.0.1:1", options);
  BOOST_REQUIRE(!answer.ok());
  BOOST_TEST(answer.error().message == "tls_config.ca_file: cannot read /nonexistent/ca.pem");
}

BOOST_AUTO_TEST_CASE(a_ca_file_without_certificates_is_named) {
  const support::TempDir dir;
  HttpServer server({http_reply(200, "")});
  HttpClientOptions options;
  options.tls_config.ca_file = dir.write("ca.pem", "not a certificate");
  const auto answer = get("https://127.0.0.1:" + std::to_string(server.port()), options);
  BOOST_REQUIRE(!answer.ok());
  BOOST_CHECK(answer.error().code == ErrorCode::InvalidArgument);
  BOOST_TEST(answer.error().message.find(options.tls_config.ca_file) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(tls_to_a_plain_server_is_unavailable) {
  support::ScriptedReply plain;
  plain.bytes = "HTTP/1.0 400 Bad Request\r\n\r\n";
  plain.end = support::ScriptedReply::End::Close;
  HttpServer server([&](const support::HttpAsked&) { return plain; });
  HttpClientOptions options;
  options.timeout = std::chrono::milliseconds(200);
  const auto answer = get("https://127.0.0.1:" + std::to_string(server.port()), options);
  BOOST_REQUIRE(!answer.ok());
  BOOST_TEST(answer.error().is_retryable());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::net
