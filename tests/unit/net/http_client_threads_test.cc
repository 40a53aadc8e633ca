#define BOOST_TEST_DYN_LINK
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <latch>
#include <thread>
#include <vector>

#include "anomaly_exporter/net/http_client.h"
#include "support/http_server.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::net {
namespace {

using support::http_reply;
using support::HttpServer;
using support::ScriptedReply;

BOOST_AUTO_TEST_SUITE(http_client_threads_test)

BOOST_AUTO_TEST_CASE(calls_run_at_the_same_time) {
  constexpr int kCalls = 4;
  std::latch all_here(kCalls);
  HttpServer server([&](const support::HttpAsked&) {
    all_here.arrive_and_wait();  // would never pass if calls came one by one
    return http_reply(200, "x");
  });
  const support::ManualClock clock;
  auto client = HttpClient::create(server.url(), {}, {}, clock);
  BOOST_REQUIRE(client.ok());
  std::atomic<int> succeeded{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kCalls; ++i) {
      threads.emplace_back(
          [&] { succeeded += (*client)->perform({.path = "/"}, {}).ok() ? 1 : 0; });
    }
  }
  BOOST_TEST(succeeded == kCalls);
}

BOOST_AUTO_TEST_CASE(failures_stops_and_successes_mix) {
  HttpServer server([](const support::HttpAsked& asked) {
    if (asked.target == "/reset") return ScriptedReply{.end = ScriptedReply::End::Reset};
    if (asked.target == "/hang") return ScriptedReply{.end = ScriptedReply::End::Hang};
    return http_reply(200, "fine");
  });
  const support::ManualClock clock;
  auto client = HttpClient::create(server.url(), {}, {.attempts = 2}, clock);
  BOOST_REQUIRE(client.ok());
  std::stop_source stop;
  std::atomic<int> fine{0};
  std::atomic<int> reset{0};
  std::atomic<int> hung{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back(
          [&] { hung += (*client)->perform({.path = "/hang"}, stop.get_token()).ok() ? 0 : 1; });
    }
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 50; ++k) {
          fine += (*client)->perform({.path = "/"}, {}).ok() ? 1 : 0;
          reset += (*client)->perform({.path = "/reset"}, {}).ok() ? 0 : 1;
        }
      });
    }
    threads.erase(threads.begin() + 2, threads.end());
    stop.request_stop();
  }
  BOOST_TEST(hung == 2);
  BOOST_TEST(reset == 100);
  BOOST_TEST(fine == 100);
  BOOST_TEST((*client)->stats().failures == 102U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::net
