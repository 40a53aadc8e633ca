#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/alerting/notifier.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "alerting_support.h"
#include "support/http_server.h"
#include "support/stepped_clock.h"

namespace anomaly_exporter::alerting {
namespace {

using support::http_reply;
using support::HttpAsked;
using support::HttpServer;
using support::ScriptedReply;
using support::SteppedClock;

class NoLog final : public core::Logger {
 public:
  void log(core::LogLevel /*level*/, std::string_view message, Fields /*fields*/) override {
    if (message == "anomaly") ++infos;
  }
  std::atomic<int> infos{0};
};

/// What an Alertmanager holds after the alerts posted to it, and the silences it tells.
struct FakeAlertmanager {
  core::Mutex mutex;
  std::map<std::string, std::string> ends AE_GUARDED_BY(mutex);  ///< instance -> endsAt
  std::map<std::string, std::string> starts AE_GUARDED_BY(mutex);
  std::string silences AE_GUARDED_BY(mutex) = "[]";
  std::atomic<int> silence_status{200};
  HttpServer server{[this](const HttpAsked& asked) { return answer(asked); }};

  ScriptedReply answer(const HttpAsked& asked) {
    const core::MutexLock lock(mutex);
    if (asked.method == "GET") return http_reply(silence_status, silences);
    for (const auto& alert : nlohmann::json::parse(asked.body)) {
      ends[alert["labels"]["instance"]] = alert["endsAt"];
      starts[alert["labels"]["instance"]] = alert["startsAt"];
    }
    return http_reply(200, "");
  }
  std::string end_of(const std::string& instance) {
    const core::MutexLock lock(mutex);
    return ends.contains(instance) ? ends[instance] : "";
  }
  std::string start_of(const std::string& instance) {
    const core::MutexLock lock(mutex);
    return starts.contains(instance) ? starts[instance] : "";
  }
  void tell(const std::string& text) {
    const core::MutexLock lock(mutex);
    silences = text;
  }
};

const std::map<std::string, std::vector<std::string>> kMonitors{{"link", {"bandwidth"}}};
constexpr const char* kSilence =
    R"([{"id":"s","status":{"state":"active"},"startsAt":"2026-03-01T11:00:00Z",)"
    R"("endsAt":"2027-03-01T12:30:00Z","matchers":[{"name":"instance","value":"a","isRegex":false,)"
    R"("isEqual":true}]}])";

struct Fixture {
  NoLog log;
  SteppedClock clock{at("12:00:00")};
  FakeAlertmanager first, second;
  core::Mutex mutex;
  std::string saved AE_GUARDED_BY(mutex);
  std::map<std::string, double> latency AE_GUARDED_BY(mutex);

  AlertingOptions options() {
    AlertingOptions out = push_options();
    out.alertmanagers = {{.url = first.server.url(), .http = {}},
                         {.url = second.server.url(), .http = {}}};
    return out;
  }
  std::unique_ptr<Notifier> start(const AlertingOptions& with) {
    NotifierDependencies deps;
    deps.log = &log;
    deps.clock = &clock;
    deps.save = [this](const std::string& bytes) {
      const core::MutexLock lock(mutex);
      saved = bytes;
      return core::Status();
    };
    deps.observe_latency = [this](const char* origin, double seconds) {
      const core::MutexLock lock(mutex);
      latency[origin] = seconds;
    };
    auto made = std::make_unique<Notifier>(std::move(deps), saved_bytes());
    BOOST_TEST(Notifier::check(with, clock).ok());
    made->configure(with, kMonitors);
    return made;
  }
  std::string saved_bytes() {
    const core::MutexLock lock(mutex);
    return saved;
  }
  TickAlerts now(std::vector<ActiveAlert> active, std::vector<std::string> normal = {}) {
    return tick_of(clock.now(), std::move(active), std::move(normal));
  }
};

/// Waits for what another thread brings about.
template <class Condition>
void until(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}

BOOST_FIXTURE_TEST_SUITE(notifier_test, Fixture)

BOOST_AUTO_TEST_CASE(every_alertmanager_is_told) {
  const auto notifier = start(options());
  notifier->observe(now({anomalous("bandwidth", Level::Critical)}));
  for (FakeAlertmanager* one : {&first, &second}) {
    until([&] { return one->end_of("a") == "2026-03-01T12:04:00.000Z"; });
  }
  clock.advance(seconds(10));
  notifier->observe(now({}, {anomalous("bandwidth", Level::Critical).key}));
  until([&] { return second.end_of("a") == "2026-03-01T12:00:10.000Z"; });
  BOOST_TEST(second.start_of("a") == "2026-03-01T12:00:00.000Z");
  until([&] { return notifier->stats().senders.at(first.server.url()).sent == 2; });
}

BOOST_AUTO_TEST_CASE(in_rules_mode_nothing_is_sent) {
  AlertingOptions rules = options();
  rules.mode = Mode::Rules;
  rules.silences.poll = core::Duration(0);
  const auto notifier = start(rules);
  notifier->observe(now({anomalous("bandwidth", Level::Critical)}));
  BOOST_TEST(notifier->open().size() == 1U);
  notifier->stop(seconds(1));
  BOOST_TEST(first.server.requests().empty());
  BOOST_TEST(notifier->stats().senders.empty());
}

BOOST_AUTO_TEST_CASE(a_killed_exporter_goes_on_where_it_was) {
  {
    const auto notifier = start(options());
    notifier->observe(now({anomalous("bandwidth", Level::Critical)}));
    clock.advance(seconds(1));
    until([&] { return !saved_bytes().empty() && first.end_of("a") != ""; });
  }  // no resolve is sent when it ends
  BOOST_TEST(first.end_of("a") == "2026-03-01T12:04:00.000Z");
  clock.advance(seconds(90));
  const auto notifier = start(options());
  until([&] {
    clock.advance(std::chrono::milliseconds(1));
    return first.end_of("a") > "2026-03-01T12:05";
  });
  BOOST_TEST(first.start_of("a") == "2026-03-01T12:00:00.000Z");
}

BOOST_AUTO_TEST_CASE(a_reload_while_firing_resolves_nothing) {
  const auto notifier = start(options());
  notifier->observe(now({anomalous("bandwidth", Level::Critical)}));
  AlertingOptions other = options();
  other.alertmanagers.pop_back();
  other.batch = 7;
  notifier->configure(other, kMonitors);
  until([&] { return first.end_of("a") != ""; });
  BOOST_TEST(notifier->stats().senders.size() == 1U);
  clock.advance(minutes(1));
  notifier->observe(now({anomalous("bandwidth", Level::Critical)}));
  until([&] { return first.end_of("a") == "2026-03-01T12:05:00.000Z"; });
  BOOST_TEST(first.start_of("a") == "2026-03-01T12:00:00.000Z");
}

BOOST_AUTO_TEST_CASE(a_silenced_series_opens_nothing_while_the_silence_lasts) {
  first.tell(kSilence);
  const auto notifier = start(options());
  until([&] { return !notifier->silences().empty(); });
  notifier->observe(now({anomalous("bandwidth", Level::Critical, "a"),
                         anomalous("bandwidth", Level::Critical, "b")}));
  until([&] { return first.end_of("b") != ""; });
  BOOST_TEST(first.end_of("a") == "");
  BOOST_TEST(notifier->stats().suppressed[static_cast<std::size_t>(Suppression::Silence)] == 1U);
  // An Alertmanager out of reach keeps its silences until they end.
  first.silence_status = 500;
  until([&] {
    clock.advance(seconds(1));
    return notifier->stats().silence_polls.at(first.server.url()).failures > 0;
  });
  BOOST_TEST(!notifier->silences().empty());
  clock.advance(std::chrono::hours(24 * 400));
  BOOST_TEST(notifier->silences().empty());
  notifier->observe(now({anomalous("bandwidth", Level::Critical, "a")}));
  until([&] { return first.end_of("a") != ""; });
}

BOOST_AUTO_TEST_CASE(a_notification_closes_the_loop) {
  const auto notifier = start(options());
  ActiveAlert a = anomalous("bandwidth", Level::Critical);
  a.sample = clock.now() - seconds(2);
  notifier->observe(now({a}));
  clock.advance(seconds(7));
  WebhookMessage message;
  message.receiver = "hook";
  message.malformed = 1;
  const auto add = [&](std::vector<core::Label> labels, bool is_firing = true) {
    message.alerts.push_back(
        {.labels = labels_of(std::move(labels)), .is_firing = is_firing, .starts_at = {}});
  };
  const std::vector<core::Label> ours{
      {"monitor", "link"}, {"metric", "bandwidth"}, {"instance", "a"}, {"severity", "critical"}};
  add(ours);
  add(ours);
  add(ours, false);
  add({{"alertname", "Watchdog"}});
  add({{"monitor", "link"}, {"metric", "jitter"}, {"severity", "info"}});
  notifier->receive(message);
  const auto counts = notifier->stats().receipts;
  const auto count = [&](Receipt r) { return counts[static_cast<std::size_t>(r)]; };
  BOOST_TEST(count(Receipt::Known) == 2U);
  BOOST_TEST(count(Receipt::Resolved) == 1U);
  BOOST_TEST(count(Receipt::NotOurs) == 1U);
  BOOST_TEST(count(Receipt::NotOpen) == 1U);
  BOOST_TEST(count(Receipt::Malformed) == 1U);
  BOOST_TEST(log.infos == 1);
  BOOST_TEST((notifier->open().at(0).notified == clock.now()));
  BOOST_TEST(notifier->notified().size() == 5U);
  const core::MutexLock lock(mutex);
  BOOST_TEST(latency.at("tick") == 7.0);
  BOOST_TEST(latency.at("sample") == 9.0);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_resolves_nothing) {
  const auto notifier = start(options());
  notifier->observe(now({anomalous("bandwidth", Level::Critical)}));
  until([&] { return first.end_of("a") != ""; });
  for (const auto& [hours, start] : {std::pair{5, "17:00:00"}, std::pair{-8, "09:00:00"}}) {
    clock.jump(std::chrono::hours(hours));
    clock.advance(minutes(2));  // sent anew without a tick, which is two minutes late
    until([&] { return first.start_of("a") == std::string("2026-03-01T") + start + ".000Z"; });
    BOOST_TEST(notifier->stats().open_alerts == 1U);
    BOOST_TEST(first.end_of("a") > first.start_of("a"));
  }
}

BOOST_AUTO_TEST_CASE(one_of_two_that_hangs_delays_nobody) {
  HttpServer hanging({ScriptedReply{}.with_end(ScriptedReply::End::Hang)});
  AlertingOptions with = options();
  with.alertmanagers[0].url = hanging.url();
  with.timeout = minutes(5);
  with.silences.poll = core::Duration(0);
  const auto notifier = start(with);
  notifier->observe(now({anomalous("bandwidth", Level::Critical)}));
  hanging.wait_for_requests(1);
  until([&] { return second.end_of("a") != ""; });
  notifier->stop(core::Duration(1));
}

BOOST_AUTO_TEST_CASE(monitors_reloads_and_readers_at_once) {
  const auto notifier = start(options());
  std::map<std::string, std::vector<std::string>> monitors;
  for (const char* name : {"a", "b", "c"}) monitors[name] = {"bandwidth"};
  std::vector<std::jthread> threads;
  for (const char* host : {"a", "b", "c"}) {
    threads.emplace_back([&, host] {
      for (int i = 0; i < 20; ++i) {
        TickAlerts tick = now({anomalous("bandwidth", Level::Critical, host)});
        tick.monitor = host;
        notifier->observe(tick);
        (void)notifier->open_keys(host);
        clock.advance(seconds(1));
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 5; ++i) notifier->configure(options(), monitors);
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 50; ++i) {
      (void)notifier->stats();
      (void)notifier->open();
      notifier->receive({});
    }
  });
  threads.clear();
  BOOST_TEST(notifier->stats().open_alerts == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
