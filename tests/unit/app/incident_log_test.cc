#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/incident_log.h"

#include <boost/test/unit_test.hpp>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/state_store.h"
#include "app_support.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::app {
namespace {

constexpr core::Duration kStep = std::chrono::seconds(10);
constexpr core::Timestamp kStart{1'700'000'000'000};

struct Fixture {
  support::TempDir dir;
  support::ManualClock clock;
  Engine engine{1, clock};
  int fault = -1;  ///< tick at which metric y of entity b goes far off
  support::FakeSource source{{"a", "b"},
                             [this](const std::string& e, const std::string& m, core::Timestamp t) {
                               const bool is_off = t == time(fault) && e == "b" && m == "y";
                               return std::optional<double>(is_off ? 1e6 : 50 + noise(e, m, t));
                             }};
  TestMonitor monitor{test_config({"x", "y"})};
  StateStore store{dir.path().string(), [](bool, const std::string&) {}};

  static core::Timestamp time(int tick) { return kStart + kStep * tick; }
  void run(int from, int to) {
    for (int k = from; k < to; ++k) {
      (void)engine.tick(*monitor, source, time(k), {});
      monitor->untaught.observe(*monitor);
    }
  }
  /// Episodes of the faulty row that hold the fault.
  static std::size_t seen(const IncidentLog& log, core::Timestamp at) {
    const auto all = log.episodes();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& e) {
      return e.row == series::row_of(1, 1, 2) && e.first <= at && at <= e.last;
    }));
  }
};

BOOST_FIXTURE_TEST_SUITE(incident_log_test, Fixture)

BOOST_AUTO_TEST_CASE(a_restart_does_not_forget_what_must_not_be_taught) {
  fault = 250;
  run(0, 300);
  BOOST_REQUIRE(seen(monitor->untaught, time(fault)) == 1U);
  BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*monitor, 0, time(300))));
  BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);

  TestMonitor restored(test_config({"x", "y"}));
  BOOST_TEST(store.restore(*restored).problems.empty());
  BOOST_TEST(seen(restored->untaught, time(fault)) == 1U);
  BOOST_TEST(restored->untaught.since().ms == 0);  // nobody looked at what lies before yet

  auto other_detectors = test_config({"x", "y"});
  other_detectors.ensemble.method = ensemble::Method::Vote;
  other_detectors.ensemble.weights = {{"mad", 1}};
  TestMonitor changed(other_detectors);
  (void)store.restore(*changed);
  BOOST_TEST(seen(changed->untaught, time(fault)) == 1U);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_within_an_anomaly_makes_no_impossible_one) {
  fault = 250;
  run(0, fault + 1);
  BOOST_REQUIRE(seen(monitor->untaught, time(fault)) == 1U);
  monitor->time = time(fault - 100);
  monitor->untaught.observe(*monitor);
  BOOST_TEST(seen(monitor->untaught, time(fault)) == 1U);
  core::StateWriter out;
  BOOST_REQUIRE(monitor->untaught.save(1, 2, out));
  IncidentLog restored;
  core::StateReader in(out.bytes());
  BOOST_TEST(restored.restore(1, 2, in).ok());
}

BOOST_AUTO_TEST_CASE(what_is_saved_of_an_entity_is_restored_to_its_number) {
  fault = 250;
  run(0, 300);
  core::StateWriter none;
  BOOST_TEST(!monitor->untaught.save(7, 2, none));
  BOOST_TEST(none.bytes().empty());
  core::StateWriter out;
  BOOST_REQUIRE(monitor->untaught.save(1, 2, out));
  IncidentLog other;
  core::StateReader in(out.bytes());
  BOOST_REQUIRE(other.restore(66, 2, in).ok());
  const auto all = other.episodes();
  BOOST_TEST(std::any_of(all.begin(), all.end(), [&](const auto& e) {
    return e.row == series::row_of(66, 1, 2) && e.first <= time(fault) && time(fault) <= e.last;
  }));
}

BOOST_AUTO_TEST_CASE(bytes_that_make_no_sense_add_nothing) {
  const auto refuses = [](std::uint32_t version, std::uint32_t metric, std::int64_t last) {
    core::StateWriter out;
    out.u32(version);
    out.u32(1);
    out.u32(metric);
    out.i64(1000);
    out.i64(last);
    IncidentLog log;
    core::StateReader in(out.bytes());
    const bool is_refused = !log.restore(0, 2, in).ok();
    return is_refused && log.episodes().empty();
  };
  BOOST_TEST(refuses(2, 0, 2000));
  BOOST_TEST(refuses(1, 2, 2000));
  BOOST_TEST(refuses(1, 0, 999));
  BOOST_TEST(!refuses(1, 1, 1000));
  core::StateWriter cut;
  cut.u32(1);
  cut.u32(1'000'000'000);
  IncidentLog log;
  core::StateReader in(cut.bytes());
  BOOST_TEST(!log.restore(0, 2, in).ok());
}

BOOST_AUTO_TEST_CASE(an_entity_that_left_takes_its_episodes_with_it) {
  fault = 250;
  run(0, 300);
  monitor->forget(1);
  BOOST_TEST(seen(monitor->untaught, time(fault)) == 0U);
}

BOOST_AUTO_TEST_CASE(the_newest_are_kept_at_the_bound) {
  core::StateWriter out;
  out.u32(1);
  out.u32(IncidentLog::kMost + 5);
  for (std::size_t k = 0; k < IncidentLog::kMost + 5; ++k) {
    out.u32(0);
    out.i64(static_cast<std::int64_t>(k));
    out.i64(static_cast<std::int64_t>(k));
  }
  IncidentLog log;
  core::StateReader in(out.bytes());
  BOOST_REQUIRE(log.restore(0, 2, in).ok());
  const auto all = log.episodes();
  BOOST_TEST(all.size() == IncidentLog::kMost);
  BOOST_TEST(all.front().first.ms == 5);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
