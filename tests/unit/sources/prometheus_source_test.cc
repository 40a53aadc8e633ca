#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/prometheus_source.h"

#include <boost/test/unit_test.hpp>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "prometheus_source_support.h"

namespace anomaly_exporter::sources {
namespace {

using core::ErrorCode;
using support::http_reply;
using support::HttpServer;
using support::ScriptedReply;

std::string vector_answer(const std::string& value, const std::string& extra = "") {
  return std::string(R"({"status":"success",)")
      .append(extra)
      .append(R"("data":{"resultType":"vector","result":[{"metric":{"job":"node"},)")
      .append(R"("value":[1700000000.5,")")
      .append(value)
      .append("\"]}]}}");
}

BOOST_AUTO_TEST_SUITE(prometheus_source_test)

BOOST_AUTO_TEST_CASE(asks_an_instant_query_at_the_tick) {
  HttpServer server({http_reply(200, vector_answer("2.5"))});
  Fixture fixture(server.url());
  MetricRequest request = query("rate(x[$rate_window]) + rate(y[$rate_window])");
  request.rate_window = std::chrono::seconds(90);
  const auto answer = fixture.latest(request);
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(answer->samples.at(0).sample.value == 2.5);
  const HttpAsked asked = server.requests().at(0);
  BOOST_TEST(asked.method == "GET");
  BOOST_TEST(asked.target.starts_with("/api/v1/query?"));
  BOOST_TEST(asked.parameter("query").value_or("") == "rate(x[1m30s]) + rate(y[1m30s])");
  BOOST_TEST(asked.parameter("time").value_or("") == "1700000000.5");
}

BOOST_AUTO_TEST_CASE(a_long_query_is_posted_as_a_form) {
  HttpServer server({http_reply(200, vector_answer("1"))});
  Fixture fixture(server.url());
  const std::string text = "sum({a=~\"" + std::string(3000, 'x') + "\"})";
  BOOST_REQUIRE(fixture.latest(query(text)).ok());
  const HttpAsked asked = server.requests().at(0);
  BOOST_TEST(asked.method == "POST");
  BOOST_TEST(asked.target == "/api/v1/query");
  BOOST_TEST(asked.header("Content-Type").value_or("") == "application/x-www-form-urlencoded");
  BOOST_TEST((asked.parameter("query").value_or("") == text));
}

BOOST_AUTO_TEST_CASE(equal_queries_at_an_equal_time_are_asked_once) {
  HttpServer server([](const HttpAsked& asked) {
    return http_reply(200, vector_answer(asked.parameter("query").value_or("") == "a" ? "1" : "2"));
  });
  Fixture fixture(server.url());
  const MetricRequest requests[] = {query("a"), query("b"), query("a")};
  const auto answers = fixture.source->latest(requests, kNow, {});
  BOOST_TEST(answers[0]->samples.at(0).sample.value == 1.0);
  BOOST_TEST(answers[1]->samples.at(0).sample.value == 2.0);
  BOOST_TEST(answers[2]->samples.at(0).sample.value == 1.0);
  BOOST_TEST(server.requests().size() == 2U);
  BOOST_REQUIRE(fixture.latest(query("a")).ok());  // another monitor of the same tick
  BOOST_TEST(server.requests().size() == 2U);
  const MetricRequest again = query("a");
  BOOST_REQUIRE(fixture.source->latest({&again, 1}, kNow + core::Duration(1000), {}).at(0).ok());
  BOOST_TEST(server.requests().size() == 3U);
}

BOOST_AUTO_TEST_CASE(callers_at_the_same_time_share_the_query_in_flight) {
  std::latch release(1);
  HttpServer server([&](const HttpAsked&) {
    release.wait();
    return http_reply(200, vector_answer("1"));
  });
  Fixture fixture(server.url());
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) callers.emplace_back([&] { (void)fixture.latest(query("a")); });
    server.wait_for_requests(1);
    release.count_down();
  }
  BOOST_TEST(server.requests().size() == 1U);
  BOOST_TEST(fixture.source->stats().failures == 0U);
}

BOOST_AUTO_TEST_CASE(queries_run_at_the_same_time_within_the_bound) {
  std::latch both(2);
  HttpServer server([&](const HttpAsked&) {
    both.arrive_and_wait();  // would never pass one by one
    return http_reply(200, vector_answer("1"));
  });
  Fixture fixture(server.url(), {.concurrency = 2});
  const MetricRequest requests[] = {query("a"), query("b")};
  for (const auto& answer : fixture.source->latest(requests, kNow, {})) BOOST_TEST(answer.ok());
}

BOOST_AUTO_TEST_CASE(no_more_requests_are_in_flight_than_allowed) {
  std::mutex mutex;
  int flying = 0;
  int most = 0;
  HttpServer server([&](const HttpAsked&) {
    {
      const std::lock_guard lock(mutex);
      most = std::max(most, ++flying);
    }
    std::this_thread::yield();
    const std::lock_guard lock(mutex);
    --flying;
    return http_reply(200, vector_answer("1"));
  });
  Fixture fixture(server.url(), {.concurrency = 3});
  std::vector<MetricRequest> requests;
  for (int i = 0; i < 60; ++i) requests.push_back(query(std::to_string(i)));
  for (const auto& answer : fixture.source->latest(requests, kNow, {})) BOOST_TEST(answer.ok());
  BOOST_TEST(most <= 3);
}

BOOST_AUTO_TEST_CASE(one_failing_query_leaves_the_others_and_is_not_remembered) {
  std::atomic<int> bad{0};
  HttpServer server([&](const HttpAsked& asked) {
    if (asked.parameter("query") != "bad") return http_reply(200, vector_answer("1"));
    if (++bad > 1) return http_reply(200, vector_answer("9"));
    return http_reply(400, R"({"status":"error","errorType":"bad_data","error":"parse error"})");
  });
  Fixture fixture(server.url());
  const MetricRequest requests[] = {query("a"), query("bad"), query("b")};
  const auto answers = fixture.source->latest(requests, kNow, {});
  BOOST_TEST(answers[0].ok());
  BOOST_REQUIRE(!answers[1].ok());
  BOOST_TEST(answers[1].error().message.find("bad_data: parse error") != std::string::npos);
  BOOST_TEST(answers[2].ok());
  BOOST_TEST(fixture.latest(query("bad"))->samples.at(0).sample.value == 9.0);
  BOOST_TEST(fixture.source->stats().failures == 1U);
  BOOST_TEST(fixture.source->stats().failures_by_reason.at("invalid_argument") == 1U);
}

BOOST_AUTO_TEST_CASE(garbage_is_corrupt_and_counted) {
  HttpServer server({http_reply(200, "<html>login</html>", "text/html"),
                     http_reply(200, R"({"status":"success","data":{"resultType":"vector")")});
  Fixture fixture(server.url());
  for (int i = 0; i < 2; ++i) {
    const auto answer = fixture.latest(query("a"));
    BOOST_REQUIRE(!answer.ok());
    BOOST_CHECK(answer.error().code == ErrorCode::Corrupt);
  }
  BOOST_TEST(fixture.source->stats().failures_by_reason.at("corrupt") == 2U);
}

BOOST_AUTO_TEST_CASE(warnings_and_traffic_are_counted) {
  HttpServer server({http_reply(200, vector_answer("1", R"("warnings":["partial"],)"))});
  Fixture fixture(server.url());
  const auto answer = fixture.latest(query("a"));
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(answer->warnings.at(0) == "partial");
  const SourceStats stats = fixture.source->stats();
  BOOST_TEST(stats.warnings == 1U);
  BOOST_TEST(stats.samples == 1U);
  BOOST_TEST(stats.requests == 1U);
  BOOST_TEST(stats.received_bytes > 100U);
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait_and_the_request) {
  HttpServer server({ScriptedReply{.end = ScriptedReply::End::Hang}});
  Fixture fixture(server.url());
  std::stop_source stop;
  std::jthread stopper([&] {
    server.wait_for_requests(1);
    stop.request_stop();
  });
  const MetricRequest requests[] = {query("a"), query("b")};
  for (const auto& answer : fixture.source->latest(requests, kNow, stop.get_token())) {
    BOOST_REQUIRE(!answer.ok());
    BOOST_TEST(answer.error().message.find("stopped") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_source_can_be_destroyed_while_its_server_hangs) {
  HttpServer server({ScriptedReply{.end = ScriptedReply::End::Hang}});
  std::stop_source stop;
  Fixture fixture(server.url());
  std::jthread caller([&] {
    const MetricRequest request = query("a");
    (void)fixture.source->latest({&request, 1}, kNow, stop.get_token());
  });
  server.wait_for_requests(1);
  stop.request_stop();
  caller.join();
  fixture.source.reset();  // returns although nothing ever answers
  BOOST_TEST(server.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_scrape_interval_comes_from_the_targets) {
  HttpServer server({http_reply(200, R"({"status":"success","data":{"activeTargets":[
      {"labels":{"job":"node","instance":"a"},"scrapeInterval":"15s"},
      {"labels":{"job":"node","instance":"b"},"scrapeInterval":"10s"},
      {"labels":{"job":"db"},"scrapeInterval":"5s"},
      {"labels":{"job":"odd"},"scrapeInterval":"often"}],"droppedTargets":[]}})")});
  Fixture fixture(server.url());
  const auto interval = [&](const std::string& selector) {
    return fixture.source->scrape_interval(selector, kNow, {}).value();
  };
  BOOST_CHECK(interval(R"({job="node"})") == core::Duration(10'000));
  BOOST_CHECK(interval(R"(up{a="b", job="db"})") == core::Duration(5'000));
}

BOOST_AUTO_TEST_CASE(without_a_job_the_interval_is_that_of_the_series_or_of_all_targets) {
  std::string counted, intervals;
  HttpServer server([&](const HttpAsked& asked) {
    if (asked.target.starts_with("/api/v1/targets")) {
      return http_reply(200, R"({"status":"success","data":{"activeTargets":[)" + intervals +
                                 R"(],"droppedTargets":[]}})");
    }
    return counted.empty()
               ? http_reply(200,
                            R"({"status":"success","data":{"resultType":"vector","result":[]}})")
               : http_reply(200, vector_answer(counted));
  });
  Fixture fixture(server.url());
  const auto interval = [&](const std::string& selector) {
    return fixture.source->scrape_interval(selector, kNow, {}).value();
  };
  intervals = R"({"labels":{"job":"prometheus"},"scrapeInterval":"5s"},
                 {"labels":{"job":"node"},"scrapeInterval":"1m"})";
  counted = "5";
  BOOST_CHECK(interval("node_memory_MemFree_bytes") == core::Duration(60'000));
  BOOST_CHECK(interval(R"({otherjob="node"})") == core::Duration(60'000));
  BOOST_CHECK(interval(R"({job=~"node.*"})") == core::Duration(60'000));
  counted = "";  // the history is too short
  BOOST_TEST(!interval("node_memory_MemFree_bytes").has_value());
  intervals = R"({"labels":{"job":"prometheus"},"scrapeInterval":"15s"},
                 {"labels":{"job":"node"},"scrapeInterval":"15s"})";
  BOOST_CHECK(interval("node_memory_MemFree_bytes") == core::Duration(15'000));
}

BOOST_AUTO_TEST_CASE(without_targets_the_samples_are_counted) {
  std::string counted;
  HttpServer server([&](const HttpAsked& asked) {
    if (asked.target.starts_with("/api/v1/targets")) return http_reply(404, "no targets here");
    return counted.empty()
               ? http_reply(200,
                            R"({"status":"success","data":{"resultType":"vector","result":[]}})")
               : http_reply(200, vector_answer(counted));
  });
  Fixture fixture(server.url());
  const auto interval = [&](const std::string& count) {
    counted = count;
    return fixture.source->scrape_interval(R"({job="node"})", kNow, {}).value();
  };
  BOOST_TEST(!interval("").has_value());
  BOOST_TEST(!interval("1").has_value());
  BOOST_TEST(!interval("NaN").has_value());
  BOOST_CHECK(interval("20") == core::Duration(15'000));
  BOOST_CHECK(interval("21") == core::Duration(15'000));
  BOOST_CHECK(interval("5") == core::Duration(60'000));
  BOOST_CHECK(interval("150") == core::Duration(2'000));
  BOOST_CHECK(interval("7") == core::Duration(43'000));
  BOOST_TEST(server.requests().at(1).parameter("query").value_or("").starts_with(
      R"(max(count_over_time({job="node"}[5m])))"));
}

BOOST_AUTO_TEST_CASE(job_names_are_listed) {
  HttpServer server({http_reply(200, R"({"status":"success","data":["db","node"]})")});
  Fixture fixture(server.url());
  const auto names = fixture.source->job_names({});
  BOOST_REQUIRE(names.ok());
  BOOST_TEST(*names == (std::vector<std::string>{"db", "node"}), boost::test_tools::per_element());
  BOOST_TEST(server.requests().at(0).target == "/api/v1/label/job/values");
}

BOOST_AUTO_TEST_CASE(columns_are_not_for_this_source) {
  HttpServer server({http_reply(500, "")});
  Fixture fixture(server.url());
  MetricRequest request = query("cpu");
  request.kind = MetricRequest::Kind::Column;
  BOOST_CHECK(fixture.latest(request).error().code == ErrorCode::Unsupported);
  BOOST_TEST(server.requests().empty());
}

BOOST_AUTO_TEST_CASE(options_are_checked) {
  const auto refused = [](auto spoil) {
    PrometheusSourceOptions options;
    options.url = "http://localhost:9090";
    BOOST_TEST(options.validate().ok());
    spoil(options);
    const auto status = options.validate();
    return status ? std::string() : status.error().message;
  };
  BOOST_TEST(refused([](auto& o) { o.concurrency = 0; }) == "concurrency: 0 is not in 1 to 64");
  BOOST_TEST(refused([](auto& o) { o.concurrency = 65; }) == "concurrency: 65 is not in 1 to 64");
  BOOST_TEST(refused([](auto& o) { o.max_points = 0; }) == "max_points: must be at least 1");
  BOOST_TEST(refused([](auto& o) { o.max_samples = 0; }) == "max_samples: must be at least 1");
  BOOST_TEST(refused([](auto& o) { o.retry.attempts = 0; }) ==
             "retry.attempts: 0 is not in 1 to 100");
  BOOST_TEST(refused([](auto& o) { o.lookback = core::Duration(0); }) ==
             "lookback: must be longer than 0s");
  BOOST_TEST(refused([](auto& o) { o.url = "localhost"; }) ==
             "URL \"localhost\": must start with http:// or https://");
  BOOST_TEST(!refused([](auto& o) { o.http.timeout = core::Duration(0); }).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::sources
