#include "anomaly_exporter/api/options.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::api {
namespace {

std::string message_of(const ServerOptions& options) {
  const core::Status status = options.validate();
  return status.ok() ? "" : status.error().message;
}

std::string prefix_of(const std::string& external_url, const std::string& route_prefix) {
  ServerOptions options;
  options.external_url = external_url;
  options.route_prefix = route_prefix;
  BOOST_REQUIRE_EQUAL(message_of(options), "");
  return options.path_prefix();
}

BOOST_AUTO_TEST_SUITE(options_test)

BOOST_AUTO_TEST_CASE(defaults_are_valid) { BOOST_TEST(message_of({}) == ""); }

BOOST_AUTO_TEST_CASE(the_prefix_is_the_path_of_the_external_url_unless_given) {
  BOOST_TEST(prefix_of("", "") == "");
  BOOST_TEST(prefix_of("", "/") == "");
  BOOST_TEST(prefix_of("https://example.org", "") == "");
  BOOST_TEST(prefix_of("https://example.org/anomaly/", "") == "/anomaly");
  BOOST_TEST(prefix_of("https://example.org:8443/a/b", "") == "/a/b");
  BOOST_TEST(prefix_of("https://example.org/anomaly", "/") == "");
  BOOST_TEST(prefix_of("https://example.org/anomaly", "other/") == "/other");
}

BOOST_AUTO_TEST_CASE(every_bad_value_is_named) {
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:1", "[::]:9877"};
  BOOST_TEST(message_of(options) ==
             "listen_addresses[1]: \"[::]:9877\": this build of CivetWeb has no IPv6; listen on an "
             "IPv4 address");
  options = {};
  options.listen_addresses.clear();
  BOOST_TEST(message_of(options) == "listen_addresses: want at least one address");
  options = {};
  options.external_url = "ftp://example.org";
  BOOST_TEST(message_of(options) ==
             "external_url: \"ftp://example.org\": want http://host[:port][/path] or https://...");
  options.external_url = "http://example.org/a?b";
  BOOST_TEST(message_of(options) ==
             "external_url: \"http://example.org/a?b\": want a path of letters, digits and -._~/ "
             "only");
  options = {};
  options.route_prefix = "/a\r\nSet-Cookie: x";
  BOOST_TEST(!options.validate().ok());
  options = {};
  options.telemetry_path = "metrics";
  BOOST_TEST(message_of(options) == "telemetry_path: \"metrics\": want a path such as /metrics");
  options.telemetry_path = "/-/ready";
  BOOST_TEST(message_of(options) ==
             "telemetry_path: \"/-/ready\": that path belongs to another endpoint");
  options = {};
  options.threads = 1;
  BOOST_TEST(message_of(options) == "threads: \"1\": want 2 to 1024");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
