#include "anomaly_exporter/api/listen_address.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::api {
namespace {

std::string quoted(const char* text) { return std::string(1, '"').append(text) + '"'; }

BOOST_AUTO_TEST_SUITE(listen_address_test)

BOOST_AUTO_TEST_CASE(takes_host_and_port) {
  const auto address = ListenAddress::parse("127.0.0.1:9877");
  BOOST_REQUIRE(address.ok());
  BOOST_TEST(address->host == "127.0.0.1");
  BOOST_TEST(address->port == 9877);
  BOOST_TEST(ListenAddress::parse("localhost:0").value().text() == "localhost:0");
}

BOOST_AUTO_TEST_CASE(an_empty_host_means_all_interfaces) {
  const auto address = ListenAddress::parse(":80");
  BOOST_REQUIRE(address.ok());
  BOOST_TEST(address->host.empty());
}

const char* const kIpv6[] = {"[::]:9877", "[::1]:0", "::1:9877", "[fe80::1]:1"};
BOOST_DATA_TEST_CASE(refuses_ipv6_and_says_why, boost::unit_test::data::make(kIpv6), text) {
  const auto address = ListenAddress::parse(text);
  BOOST_REQUIRE(!address.ok());
  BOOST_TEST((address.error().code == core::ErrorCode::Unsupported));
  BOOST_TEST(address.error().message ==
             quoted(text) + ": this build of CivetWeb has no IPv6; listen on an IPv4 address");
}

const char* const kBad[] = {"",         "9877",        "host",     "host:",      "host:x",
                            "host:-1",  "host:65536",  "host:80s", "host:80,90", "a,b:80",
                            "1.2.3:80", "256.1.1.1:1", "ho st:80", "host:+80",   "http//h:80"};
BOOST_DATA_TEST_CASE(refuses_nonsense_naming_it, boost::unit_test::data::make(kBad), text) {
  const auto address = ListenAddress::parse(text);
  BOOST_REQUIRE(!address.ok());
  BOOST_TEST((address.error().code == core::ErrorCode::InvalidArgument));
  BOOST_TEST(address.error().message.starts_with(quoted(text) + ": "));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
