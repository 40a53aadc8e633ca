#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>

#include "anomaly_exporter/net/http_client.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::net {
namespace {

using core::Secret;

BOOST_AUTO_TEST_SUITE(http_options_test)

BOOST_AUTO_TEST_CASE(defaults_are_valid) { BOOST_TEST(HttpClientOptions{}.validate().ok()); }

struct Case {
  const char* name;
  std::function<void(HttpClientOptions&)> spoil;
  const char* want;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const Case kCases[] = {
    {"both_auth_methods",
     [](auto& o) {
       o.basic_auth.emplace();
       o.authorization.emplace();
     },
     "at most one of basic_auth and authorization may be set"},
    {"password_twice",
     [](auto& o) {
       o.basic_auth.emplace().password = {Secret("pw"), "/file"};
     },
     "basic_auth.password: at most one of the value and its file may be set"},
    {"user_twice",
     [](auto& o) {
       o.basic_auth.emplace().username = "ann";
       o.basic_auth->username_file = "/file";
     },
     "basic_auth: at most one of username and username_file may be set"},
    {"colon_in_user", [](auto& o) { o.basic_auth.emplace().username = "a:b"; },
     "basic_auth.username: a user name cannot hold a colon"},
    {"type_basic", [](auto& o) { o.authorization.emplace().type = "basic"; },
     "authorization.type: use basic_auth for Basic"},
    {"type_not_a_token", [](auto& o) { o.authorization.emplace().type = "a b"; },
     "authorization.type: \"a b\" is not a token"},
    {"key_without_certificate", [](auto& o) { o.tls_config.key_file = "/key"; },
     "tls_config: cert_file and key_file must be set together"},
    {"reserved_header", [](auto& o) { o.headers["authoriZation"].value = Secret("x"); },
     "headers: authoriZation is set by the client itself"},
    {"bad_header_name", [](auto& o) { o.headers["a:b"].value = Secret("x"); },
     "headers: \"a:b\" is not a header name"},
    {"proxy_of_another_scheme", [](auto& o) { o.proxy_url = "ftp://proxy"; },
     "proxy_url: URL \"ftp://proxy\": must start with http:// or https://"},
    {"bad_proxy_with_password", [](auto& o) { o.proxy_url = "ftp://u:hunter2@proxy"; },
     "proxy_url: URL: must start with http:// or https://"},
    {"no_timeout", [](auto& o) { o.timeout = core::Duration(0); },
     "timeout: 0 ms is not in 1ms to 1h"},
    {"long_timeout", [](auto& o) { o.timeout = std::chrono::hours(2); },
     "timeout: 7200000 ms is not in 1ms to 1h"},
    {"small_body", [](auto& o) { o.response_bytes = 1023; },
     "response_bytes: 1023 is not in 1KiB to 64GiB"},
};

BOOST_DATA_TEST_CASE(refuses_contradictions, boost::unit_test::data::make(kCases), sample) {
  HttpClientOptions options;
  sample.spoil(options);
  const auto status = options.validate();
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message == sample.want);
}

BOOST_AUTO_TEST_CASE(a_proxy_may_carry_user_info) {
  HttpClientOptions options;
  options.proxy_url = "http://user:pw@proxy:3128";
  BOOST_TEST(options.validate().ok());
}

BOOST_AUTO_TEST_CASE(base_urls_are_checked) {
  const support::ManualClock clock;
  const auto make = [&](const std::string& url) { return HttpClient::create(url, {}, {}, clock); };
  BOOST_TEST(make("http://localhost:9090").ok());
  BOOST_TEST(make("https://[::1]:9090/prefix/").ok());
  for (const char* bad : {"", "localhost:9090", "ftp://host", "http://", "http://host:99999",
                          "http://host#part", "http://host?query=1", "http://ho st"}) {
    BOOST_TEST(!make(bad).ok(), bad << " was taken");
  }
  const auto secret = make("http://user:hunter2@host");
  BOOST_REQUIRE(!secret.ok());
  BOOST_TEST(secret.error().message.find("basic_auth") != std::string::npos);
  BOOST_TEST(secret.error().message.find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(secret_sources_read_values_and_files) {
  const support::TempDir dir;
  BOOST_TEST(SecretSource{}.empty());
  BOOST_TEST(SecretSource{}.read()->reveal().empty());
  BOOST_TEST((SecretSource{Secret("v"), ""}.read()->reveal()) == "v");
  BOOST_TEST((SecretSource{{}, dir.write("a", "token\r\n")}.read()->reveal()) == "token");
  BOOST_TEST(!(SecretSource{{}, dir.write("b", "\n")}.read().ok()));
  BOOST_TEST(!(SecretSource{{}, dir.write("c", std::string(100'000, 'x'))}.read().ok()));
  BOOST_TEST(!(SecretSource{{}, dir.path().string()}.read().ok()));
  BOOST_TEST(!(SecretSource{Secret(std::string("a\0b", 3)), ""}.read().ok()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::net
