#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/alerting/sender.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "alerting_support.h"
#include "support/http_server.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::alerting {
namespace {

using support::http_reply;
using support::HttpAsked;
using support::HttpServer;
using support::ScriptedReply;

constexpr core::Duration kPatience = std::chrono::minutes(1);

class NoLog final : public core::Logger {
 public:
  void log(core::LogLevel /*level*/, std::string_view message, Fields /*fields*/) override {
    const core::MutexLock lock(mutex_);
    lines_.insert(std::string(message));
  }
  std::size_t count(const std::string& message) {
    const core::MutexLock lock(mutex_);
    return lines_.count(message);
  }

 private:
  core::Mutex mutex_;
  std::multiset<std::string> lines_ AE_GUARDED_BY(mutex_);
};

Alert alert_of(const std::string& name, bool is_resolved = false) {
  Alert out;
  out.labels = labels_of({{"alertname", name}});
  out.starts_at = at("12:00:00");
  out.ends_at = at(is_resolved ? "12:01:00" : "12:05:00");
  out.is_resolved = is_resolved;
  return out;
}

std::vector<Alert> alerts_of(std::size_t count) {
  std::vector<Alert> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(alert_of("a" + std::to_string(i)));
  return out;
}

/// Names of the alerts in a request.
std::vector<std::string> names_in(const HttpAsked& asked) {
  std::vector<std::string> out;
  for (const auto& alert : nlohmann::json::parse(asked.body)) {
    out.push_back(alert["labels"]["alertname"]);
  }
  return out;
}

struct Fixture {
  NoLog log;
  support::ManualClock clock{at("12:02:00")};

  std::unique_ptr<Sender> sender(const std::string& url, std::size_t batch = 256,
                                 std::size_t queue_limit = 10'000) {
    SenderOptions options;
    options.alertmanager.url = url;
    options.batch = batch;
    options.queue_limit = queue_limit;
    options.timeout = std::chrono::milliseconds(300);
    options.first_retry = options.last_retry = std::chrono::milliseconds(1);
    auto made = Sender::create(std::move(options), log, clock);
    BOOST_TEST_REQUIRE(made.ok());
    return std::move(*made);
  }
};

std::uint64_t dropped(const Sender& sender, DropReason reason) {
  return sender.stats().dropped[static_cast<std::size_t>(reason)];
}

BOOST_FIXTURE_TEST_SUITE(sender_test, Fixture)

BOOST_AUTO_TEST_CASE(alerts_are_posted_in_batches_to_the_v2_api) {
  HttpServer server({http_reply(200, "")});
  const auto sender = this->sender(server.url() + "/am", 2);
  sender->enqueue(alerts_of(5));
  BOOST_TEST(sender->drain(kPatience));
  std::size_t told = 0;
  for (const HttpAsked& asked : server.requests()) {
    BOOST_TEST(asked.method == "POST");
    BOOST_TEST(asked.target == "/am/api/v2/alerts");
    BOOST_TEST(asked.header("Content-Type").value() == "application/json");
    BOOST_TEST(names_in(asked).size() <= 2U);
    told += names_in(asked).size();
  }
  BOOST_TEST(told == 5U);
  BOOST_TEST(sender->stats().sent == 5U);
  BOOST_TEST(sender->stats().errors == 0U);
}

BOOST_AUTO_TEST_CASE(one_bad_alert_of_a_batch_is_found_and_the_rest_arrives) {
  std::atomic<int> asked{0};
  HttpServer server([&](const HttpAsked& request) {
    ++asked;
    for (const std::string& name : names_in(request)) {
      if (name == "a37") return http_reply(400, R"("label name a-b is bad")");
    }
    return http_reply(200, "");
  });
  const auto sender = this->sender(server.url());
  sender->enqueue(alerts_of(100));
  BOOST_TEST(sender->drain(kPatience));
  std::set<std::string> taken;
  for (const HttpAsked& request : server.requests()) {
    const auto names = names_in(request);
    if (std::find(names.begin(), names.end(), "a37") == names.end()) {
      taken.insert(names.begin(), names.end());
    }
  }
  BOOST_TEST(taken.size() == 99U);
  BOOST_TEST(dropped(*sender, DropReason::Refused) == 1U);
  BOOST_TEST(log.count("alert refused") == 1U);
  // For a while it is left out, so that the next batch is one request again.
  const int before = asked;
  sender->enqueue(alerts_of(100));
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(asked == before + 1);
  BOOST_TEST(dropped(*sender, DropReason::Refused) == 2U);
  clock.advance(Sender::kRefusedFor);
  clock.set(at("12:02:00"));
  sender->enqueue(alerts_of(100));
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(dropped(*sender, DropReason::Refused) == 3U);
}

BOOST_AUTO_TEST_CASE(a_server_that_refuses_everything_costs_a_bounded_number_of_requests) {
  HttpServer server({http_reply(400, "no")});
  const auto sender = this->sender(server.url());
  sender->enqueue(alerts_of(256));
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(server.requests().size() <= Sender::kMostSplits + 10);
  BOOST_TEST(dropped(*sender, DropReason::Refused) == 256U);
}

BOOST_AUTO_TEST_CASE(what_fails_for_a_while_is_tried_again) {
  for (const auto end : {ScriptedReply::End::Reset, ScriptedReply::End::Hang}) {
    HttpServer server({ScriptedReply{}.with_end(end),
                       http_reply(503, "busy", "text/plain", {"Connection: close"}),
                       ScriptedReply{}.with_end(end), http_reply(200, "")});
    const auto sender = this->sender(server.url());
    sender->enqueue(alerts_of(3));
    BOOST_TEST(sender->drain(kPatience));
    BOOST_TEST(server.requests().size() == 4U);
    BOOST_TEST(names_in(server.requests().back()) == (std::vector<std::string>{"a0", "a1", "a2"}));
    BOOST_TEST(sender->stats().sent == 3U);
    BOOST_TEST(sender->stats().errors == 9U);
    BOOST_TEST(sender->stats().failed_posts == 3U);
  }
}

BOOST_AUTO_TEST_CASE(an_answer_that_drips_ends_at_the_time_out) {
  HttpServer server({ScriptedReply{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"}
                         .in_pieces(1)
                         .with_end(ScriptedReply::End::Hang),
                     http_reply(200, "")});
  const auto sender = this->sender(server.url());
  sender->enqueue(alerts_of(1));
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(server.requests().size() == 2U);
  BOOST_TEST(sender->stats().sent == 1U);
}

BOOST_AUTO_TEST_CASE(wrong_credentials_are_not_tried_again) {
  HttpServer server({http_reply(401, "who are you")});
  const auto sender = this->sender(server.url());
  sender->enqueue(alerts_of(3));
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(server.requests().size() == 1U);
  BOOST_TEST(dropped(*sender, DropReason::Failed) == 3U);
  BOOST_TEST(log.count("alerts not taken") == 1U);
}

/// Answers nothing until it is opened; tells when the first request is in.
struct Gate {
  std::atomic<bool> is_open{false};
  ScriptedReply operator()() const {
    is_open.wait(false);
    return http_reply(200, "");
  }
  void open() {
    is_open = true;
    is_open.notify_all();
  }
};

BOOST_AUTO_TEST_CASE(a_newer_version_takes_the_place_of_the_one_that_waits) {
  Gate gate;
  HttpServer server([&](const HttpAsked&) { return gate(); });
  SenderOptions options;
  options.alertmanager.url = server.url();
  const auto sender = std::move(Sender::create(options, log, clock).value());
  sender->enqueue({alert_of("first")});
  server.wait_for_requests(1);
  sender->enqueue({alert_of("x"), alert_of("y")});
  sender->enqueue({alert_of("x", true)});
  gate.open();
  BOOST_TEST(sender->drain(kPatience));
  const auto last = nlohmann::json::parse(server.requests().back().body);
  BOOST_TEST_REQUIRE(last.size() == 2U);
  BOOST_TEST(last[0]["labels"]["alertname"] == "x");
  BOOST_TEST(last[0]["endsAt"] == "2026-03-01T12:01:00.000Z");
  BOOST_TEST(dropped(*sender, DropReason::Superseded) == 1U);
}

BOOST_AUTO_TEST_CASE(a_full_queue_drops_the_oldest) {
  Gate gate;
  HttpServer server([&](const HttpAsked&) { return gate(); });
  SenderOptions options;
  options.alertmanager.url = server.url();
  options.queue_limit = 3;
  const auto sender = std::move(Sender::create(options, log, clock).value());
  sender->enqueue({alert_of("first")});
  server.wait_for_requests(1);
  sender->enqueue(alerts_of(5));
  BOOST_TEST(sender->stats().queue_length == 3U);
  BOOST_TEST(sender->stats().queue_capacity == 3U);
  gate.open();
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(names_in(server.requests().back()) == (std::vector<std::string>{"a2", "a3", "a4"}));
  BOOST_TEST(dropped(*sender, DropReason::QueueFull) == 2U);
}

BOOST_AUTO_TEST_CASE(a_firing_alert_that_waited_past_its_end_is_not_sent) {
  HttpServer server({http_reply(200, "")});
  const auto sender = this->sender(server.url());
  clock.set(at("12:10:00"));
  sender->enqueue({alert_of("late"), alert_of("over", true)});
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST_REQUIRE(server.requests().size() == 1U);
  BOOST_TEST(names_in(server.requests()[0]) == std::vector<std::string>{"over"});
  BOOST_TEST(dropped(*sender, DropReason::Stale) == 1U);
}

BOOST_AUTO_TEST_CASE(an_alertmanager_with_another_clock_is_told_in_its_time) {
  HttpServer server([](const HttpAsked&) {
    return http_reply(200, "", "text/plain", {"Date: Sun, 01 Mar 2026 13:10:00 GMT"});
  });
  const auto sender = this->sender(server.url());
  sender->enqueue({alert_of("x")});
  BOOST_TEST(sender->drain(kPatience));
  // Our 12:02:00 is its 13:10:00: what was sent first looked resolved there, hence once more.
  const auto times = [&] {
    const auto alert = nlohmann::json::parse(server.requests().back().body)[0];
    return alert["startsAt"].get<std::string>() + " " + alert["endsAt"].get<std::string>();
  };
  BOOST_TEST(server.requests().size() == 2U);
  BOOST_TEST(times() == "2026-03-01T13:08:00.500Z 2026-03-01T13:13:00.500Z");
  BOOST_TEST(log.count("clocks differ; alerts are told in the Alertmanager's time") == 1U);
  BOOST_TEST(core::to_seconds(sender->stats().clock_skew.value_or(core::Duration(0))) == 4080.5);

  clock.set(at("13:10:00"));  // ours is set right
  Alert late = alert_of("x");
  late.ends_at = at("13:13:00");
  sender->enqueue({late});
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(server.requests().size() == 3U);
  BOOST_TEST(times() == "2026-03-01T12:00:00.000Z 2026-03-01T13:13:00.000Z");
}

BOOST_AUTO_TEST_CASE(an_alertmanager_whose_clock_changes_with_each_answer_costs_no_more_requests) {
  std::atomic<int> minute{10};
  HttpServer server([&](const HttpAsked&) {
    minute += 7;
    return http_reply(200, "", "text/plain",
                      {"Date: Sun, 01 Mar 2026 13:" + std::to_string(minute.load()) + ":00 GMT"});
  });
  const auto sender = this->sender(server.url());
  for (int i = 0; i < 4; ++i) {
    sender->enqueue({alert_of("x")});
    BOOST_TEST(sender->drain(kPatience));
  }
  BOOST_TEST(server.requests().size() == 5U);  // only the first was told twice
}

BOOST_AUTO_TEST_CASE(stopping_does_not_wait_for_a_server_that_hangs) {
  HttpServer server({ScriptedReply{}.with_end(ScriptedReply::End::Hang)});
  SenderOptions options;
  options.alertmanager.url = server.url();
  options.timeout = std::chrono::minutes(5);
  const auto sender = std::move(Sender::create(options, log, clock).value());
  sender->enqueue(alerts_of(2));
  server.wait_for_requests(1);
  BOOST_TEST(!sender->drain(std::chrono::milliseconds(1)));
  sender->stop();
  BOOST_TEST(dropped(*sender, DropReason::Shutdown) == 2U);
}

BOOST_AUTO_TEST_CASE(many_threads_may_queue_at_once) {
  HttpServer server({http_reply(200, "")});
  const auto sender = this->sender(server.url(), 16);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 25; ++i) {
          sender->enqueue({alert_of("t" + std::to_string(t) + "-" + std::to_string(i))});
          (void)sender->stats();
        }
      });
    }
  }
  BOOST_TEST(sender->drain(kPatience));
  BOOST_TEST(sender->stats().sent == 100U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
