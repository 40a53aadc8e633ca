#define BOOST_TEST_DYN_LINK
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

#include "anomaly_exporter/api/server.h"
#include "fake_snapshots.h"
#include "recording_logger.h"
#include "support/http_get.h"

namespace anomaly_exporter::api {
namespace {

using support::fake_snapshot;
using support::http_get;

BOOST_AUTO_TEST_SUITE(server_threads_test)

BOOST_AUTO_TEST_CASE(twenty_clients_scrape_while_snapshots_are_published) {
  constexpr int kClients = 20;
  constexpr int kRequests = 10;
  exposition::SnapshotStore snapshots;
  support::RecordingLogger log;
  std::atomic<int> observed = 0;
  ServerHooks hooks;
  hooks.observe_request = [&](const std::string&, int, double) { ++observed; };
  const std::vector<support::FakeRow> rows(300, {.labels = "instance=\"a\"", .score = 0.5F});
  snapshots.publish(fake_snapshot("node", rows));
  auto started =
      Server::start({.listen_addresses = {"127.0.0.1:0"}}, std::move(hooks), snapshots, log);
  BOOST_REQUIRE(started.ok());
  const std::string address = (*started)->addresses().at(0);

  std::atomic<int> good = 0;
  {
    const std::jthread engine([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        snapshots.publish(fake_snapshot("node", rows));
        snapshots.publish(fake_snapshot("dwcp", rows));
      }
    });
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        constexpr const char* kPaths[] = {"/metrics", "/", "/api/v1/scores", "/-/ready"};
        for (int i = 0; i < kRequests; ++i) {
          const char* path = c % 2 == 0 ? "/metrics" : kPaths[i % 4];
          if (http_get(address, path).status == 200) ++good;
        }
      });
    }
  }
  started->reset();
  BOOST_TEST(good == kClients * kRequests);
  BOOST_TEST(observed == kClients * kRequests);
}

BOOST_AUTO_TEST_CASE(stops_while_clients_are_connected) {
  exposition::SnapshotStore snapshots;
  support::RecordingLogger log;
  auto started = Server::start({.listen_addresses = {"127.0.0.1:0"}}, {}, snapshots, log);
  BOOST_REQUIRE(started.ok());
  std::vector<support::RawConnection> idle;
  for (int i = 0; i < 10; ++i) idle.emplace_back((*started)->addresses().at(0));
  idle[0].send("GET /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n");
  BOOST_TEST(idle[0].reply().status == 200);
  started->reset();
  BOOST_TEST(idle[0].is_closed_by_peer());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
