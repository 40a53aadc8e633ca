#include "anomaly_exporter/api/server.h"

#define BOOST_TEST_DYN_LINK
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "fake_snapshots.h"
#include "recording_logger.h"
#include "support/http_get.h"

namespace anomaly_exporter::api {
namespace {

using support::fake_snapshot;
using support::http;
using support::http_get;
using support::HttpReply;
using support::RawConnection;

struct ServerFixture {
  ServerOptions options{.listen_addresses = {"127.0.0.1:0"}};
  ServerHooks hooks;
  exposition::SnapshotStore snapshots;
  support::RecordingLogger log;
  std::unique_ptr<Server> server;

  std::string start() {
    auto started = Server::start(options, hooks, snapshots, log);
    BOOST_REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : started.error().message));
    server = std::move(started).value();
    return server->addresses().at(0);
  }
};

BOOST_FIXTURE_TEST_SUITE(server_test, ServerFixture)

BOOST_AUTO_TEST_CASE(serves_every_endpoint_with_security_headers) {
  snapshots.publish(fake_snapshot("node", {{.labels = "instance=\"a\"", .score = 0.5F}}));
  const std::string address = start();
  for (const char* path :
       {"/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/monitors", "/api/v1/scores?limit=5",
        "/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/buildinfo",
        "/api/v1/status/runtimeinfo"}) {
    BOOST_TEST_CONTEXT(path) {
      const HttpReply reply = http_get(address, path);
      BOOST_TEST(reply.status == 200);
      BOOST_TEST(!reply.body.empty());
      BOOST_TEST(reply.header("X-Content-Type-Options") == "nosniff");
      BOOST_TEST(reply.header("X-Frame-Options") == "DENY");
      BOOST_TEST(reply.header("Content-Security-Policy").starts_with("default-src 'none';"));
      BOOST_TEST(reply.header("Date").ends_with(" GMT"));
      const HttpReply head = http(address, "HEAD", path);
      BOOST_TEST(head.status == 200);
      BOOST_TEST(!head.header("Content-Length").empty());
      BOOST_TEST(head.body.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(passes_query_and_headers_to_the_handlers) {
  snapshots.publish(fake_snapshot("node", {{.labels = "instance=\"a\"", .score = 0.5F}}));
  hooks.exposition = [] {
    exposition::ExpositionOptions exposition;
    exposition.gzip_min_bytes = 1;
    return exposition;
  };
  const std::string address = start();
  const HttpReply scrape = http_get(address, "/metrics",
                                    "Accept: application/openmetrics-text;version=1.0.0\r\n"
                                    "Accept-Encoding: gzip\r\n");
  BOOST_TEST(scrape.header("Content-Type") ==
             "application/openmetrics-text; version=1.0.0; charset=utf-8");
  BOOST_TEST(scrape.header("Content-Encoding") == "gzip");
  BOOST_TEST(scrape.body.starts_with("\x1f\x8b"));
  const HttpReply bad = http_get(address, "/api/v1/scores?limit=many");
  BOOST_TEST(bad.status == 400);
  BOOST_TEST(bad.header("Content-Type") == "application/json");
}

BOOST_AUTO_TEST_CASE(a_large_page_arrives_whole) {
  const std::vector<support::FakeRow> rows(20'000, {.labels = "instance=\"a\"", .score = 0.5F});
  snapshots.publish(fake_snapshot("node", rows));
  const std::string address = start();
  RawConnection connection(address);
  for (int i = 0; i < 2; ++i) {  // the second one on the same connection, from the kept buffer
    connection.send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n");
    const HttpReply reply = connection.reply();
    BOOST_TEST(reply.status == 200);
    BOOST_TEST(reply.body.size() > 1'000'000U);
    BOOST_TEST(reply.body.ends_with("\n"));
  }
}

BOOST_AUTO_TEST_CASE(unknown_paths_and_methods_are_refused) {
  const std::string address = start();
  BOOST_TEST(http_get(address, "/nothing").status == 404);
  const HttpReply refused = http(address, "DELETE", "/metrics");
  BOOST_TEST(refused.status == 405);
  BOOST_TEST(refused.header("Allow") == "GET, HEAD");
  BOOST_TEST(http(address, "POST", "/-/reload").status == 403);
}

BOOST_AUTO_TEST_CASE(no_file_of_this_machine_is_served) {
  const std::string address = start();
  for (const char* path : {"/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd",
                           "//etc/passwd", "/CMakeCache.txt"}) {
    BOOST_TEST(http_get(address, path).status >= 400, path);
  }
}

BOOST_AUTO_TEST_CASE(a_request_with_a_body_is_answered_and_closed) {
  options.enable_lifecycle = true;
  hooks.reload = [] { return core::Status(); };
  const std::string address = start();
  RawConnection connection(address);
  connection.send(
      "POST /-/reload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nthe beginning");
  const HttpReply reply = connection.reply();
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.header("Connection") == "close");
  BOOST_TEST(connection.is_closed_by_peer());
}

BOOST_AUTO_TEST_CASE(garbage_and_endless_headers_are_refused) {
  const std::string address = start();
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15),
        std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"}) {
    RawConnection connection(address);
    connection.send(bytes);
    BOOST_TEST(connection.reply().status != 200);
  }
  BOOST_TEST(http_get(address, "/-/healthy").status == 200);
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_is_an_internal_error) {
  hooks.config_text = []() -> std::string { throw std::runtime_error("broken"); };
  const std::string address = start();
  const HttpReply reply = http_get(address, "/api/v1/status/config");
  BOOST_TEST(reply.status == 500);
  BOOST_TEST(reply.body == "internal error\n");
  BOOST_TEST(log.lines().at(0) == "request failed path=/api/v1/status/config error=broken");
}

BOOST_AUTO_TEST_CASE(every_request_is_observed_under_a_bounded_name) {
  std::vector<std::string> seen;  // two requests in a row, the second after the first is answered
  std::atomic<int> count = 0;
  hooks.observe_request = [&](const std::string& handler, int status, double seconds) {
    BOOST_TEST(seconds >= 0);
    seen.push_back(handler + " " + std::to_string(status));
    ++count;
  };
  const std::string address = start();
  RawConnection connection(address);
  connection.send("GET /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n");
  BOOST_TEST(connection.reply().status == 200);
  connection.send("GET /no/such/42 HTTP/1.1\r\nHost: t\r\n\r\n");
  BOOST_TEST(connection.reply().status == 404);
  server.reset();  // joins the threads, hence everything is observed
  BOOST_TEST(count == 2);
  BOOST_TEST(seen == (std::vector<std::string>{"/-/healthy 200", "other 404"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(listens_on_several_addresses_and_tells_which) {
  options.listen_addresses = {"127.0.0.1:0", ":0"};
  start();
  const std::vector<std::string> addresses = server->addresses();
  BOOST_REQUIRE_EQUAL(addresses.size(), 2U);
  BOOST_TEST(addresses[0].starts_with("127.0.0.1:"));
  BOOST_TEST(addresses[1].starts_with(":"));
  BOOST_TEST(addresses[0] != "127.0.0.1:0");
  BOOST_TEST(addresses[1] != ":0");
  for (const std::string& address : addresses) {
    BOOST_TEST(http_get(address, "/-/healthy").status == 200);
  }
}

BOOST_AUTO_TEST_CASE(an_address_in_use_is_named) {
  options.listen_addresses = {start()};
  const auto second = Server::start(options, hooks, snapshots, log);
  BOOST_REQUIRE(!second.ok());
  BOOST_TEST((second.error().code == core::ErrorCode::Unavailable));
  BOOST_TEST(second.error().message.find(options.listen_addresses[0]) != std::string::npos);
  BOOST_TEST(second.error().message.find("in use") != std::string::npos, second.error().message);
}

BOOST_AUTO_TEST_CASE(ipv6_is_refused_at_start) {
  options.listen_addresses = {"[::]:0"};
  const auto started = Server::start(options, hooks, snapshots, log);
  BOOST_REQUIRE(!started.ok());
  BOOST_TEST(started.error().message.find("no IPv6") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_prefix_is_served_and_the_root_leads_there) {
  options.external_url = "https://example.org/anomaly";
  const std::string address = start();
  BOOST_TEST(http_get(address, "/anomaly/-/healthy").status == 200);
  const HttpReply root = http_get(address, "/");
  BOOST_TEST(root.status == 302);
  BOOST_TEST(root.header("Location") == "/anomaly/");
}

// Real time: CivetWeb knows no other clock. 200 connections each send a part of a request and then
// nothing; every one of them holds a thread for a second at most.
BOOST_AUTO_TEST_CASE(two_hundred_dribbling_connections_do_not_stop_the_health_page) {
  const std::string address = start();
  std::vector<RawConnection> slow;
  for (int i = 0; i < 200; ++i) {
    slow.emplace_back(address);
    BOOST_REQUIRE(slow.back().is_open());
    slow.back().send("GET /metrics HTTP/1.1\r\nX-Slow: ");
  }
  std::jthread dribble([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (RawConnection& connection : slow) connection.send("x");
      std::this_thread::yield();
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(http_get(address, "/-/healthy").status == 200);
  BOOST_TEST(http_get(address, "/metrics").status == 200);
  const auto taken = std::chrono::steady_clock::now() - begin;
  BOOST_TEST_MESSAGE("two answers after "
                     << std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()
                     << " ms");
  BOOST_TEST((taken < std::chrono::seconds(20)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
