#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/state_store.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <latch>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/incident_feed.h"
#include "anomaly_exporter/app/replay.h"
#include "app_support.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::app {
namespace {

constexpr core::Timestamp kStart{1'700'000'000'000};

struct Fixture {
  support::TempDir dir;
  support::ManualClock clock;
  Engine engine{1, clock};
  support::FakeSource source{{"a", "b"},
                             [](const std::string& e, const std::string& m, core::Timestamp t) {
                               return std::optional<double>(50 + noise(e, m, t));
                             }};
  TestMonitor monitor{test_config({"x", "y"})};
  int failures = 0;
  StateStore store{dir.path().string(),
                   [this](bool ok, const std::string&) { failures += ok ? 0 : 1; }};

  void run(std::int64_t ticks) {
    for (std::int64_t k = 1; k <= ticks; ++k) {
      (void)engine.tick(*monitor, source, kStart + std::chrono::seconds(10) * k, {});
    }
  }
  void save() {
    BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*monitor, 0, kStart)));
    BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
    BOOST_REQUIRE(failures == 0);
  }
  std::string path() const { return (dir.path() / "m.0.state").string(); }
};

BOOST_FIXTURE_TEST_SUITE(state_store_test, Fixture)

BOOST_AUTO_TEST_CASE(profiles_entities_and_calibration_come_back) {
  run(800);
  save();
  TestMonitor restored(test_config({"x", "y"}));
  const RestoreReport report = store.restore(*restored);
  BOOST_TEST(report.problems.empty());
  BOOST_TEST(report.entities == 2U);
  BOOST_TEST(report.has_calibration);
  BOOST_TEST(report.saved.ms == kStart.ms);
  BOOST_TEST((report.newest == kStart + std::chrono::seconds(10) * 800));
  BOOST_TEST(restored->calibrations[0].samples() == monitor->calibrations[0].samples());
  BOOST_TEST((restored->table->key(0) == monitor->table->key(0)));
  const core::Timestamp half_hour{kStart.ms / 1'800'000 * 1'800'000};
  for (series::Entity e = 0; e < 2; ++e) {
    const auto row = series::row_of(e, 1, 2);
    float before = 0, after = 0;
    BOOST_REQUIRE(monitor->profiles.step(row, half_hour, before));
    BOOST_REQUIRE(restored->profiles.step(row, half_hour, after));
    BOOST_TEST(before == after);
  }
}

BOOST_AUTO_TEST_CASE(an_alarm_that_stands_goes_on_after_a_restart_and_does_not_open_anew) {
  auto config = test_config({"x", "y"});
  config.metrics[0].critical.above = 40;  // every value
  TestMonitor before(config);
  const auto tick = [&](TestMonitor& m, std::int64_t k) {
    (void)engine.tick(*m, source, kStart + std::chrono::seconds(10) * k, {});
  };
  for (std::int64_t k = 1; k <= 30; ++k) tick(before, k);
  BOOST_REQUIRE(before->results.level[0] == 3);
  const std::size_t critical = 3 * (before->detectors.size() + 1) + before->detectors.size();
  BOOST_TEST(before->totals.episodes[critical] == 2U);  // one per entity
  BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*before, 0, kStart)));
  BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);

  TestMonitor after(config);
  BOOST_TEST(store.restore(*after).problems.empty());
  BOOST_TEST(int{after->results.level[0]} == 3);  // before anything is evaluated
  BOOST_TEST(int{after->results.level[series::row_of(0, 1, 2)]} == 0);
  BOOST_TEST((after->episodes.opened(0) == before->episodes.opened(0)));
  for (std::int64_t k = 1; k <= 31; ++k) tick(after, k);  // the history again, and one tick more
  BOOST_TEST(int{after->results.level[0]} == 3);
  BOOST_TEST((after->episodes.opened(0) == kStart + std::chrono::seconds(10)));
  BOOST_TEST(after->totals.episodes[critical] == 0U);
}

BOOST_AUTO_TEST_CASE(a_restored_alarm_whose_metric_is_gone_is_part_of_no_incident) {
  auto config = test_config({"x", "y"});
  for (auto& metric : config.metrics) metric.critical.above = 40;  // every value
  bool has_y = true;
  support::FakeSource one({"a"}, [&](const std::string&, const std::string& m, core::Timestamp) {
    return m == "x" || has_y ? std::optional<double>(50) : std::nullopt;
  });
  const auto open_members = [&](TestMonitor& m, std::int64_t k) {
    (void)engine.tick(*m, one, kStart + std::chrono::seconds(10) * k, {});
    return IncidentFeed(config).update(*m)->open.at(0).open_members();
  };
  TestMonitor before(config);
  BOOST_TEST(open_members(before, 1) == 2U);
  BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*before, 0, kStart)));
  BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
  TestMonitor after(config);
  BOOST_TEST(store.restore(*after).problems.empty());
  BOOST_TEST(int{after->results.level[series::row_of(0, 1, 2)]} == 3);
  has_y = false;
  BOOST_TEST(open_members(after, 2) == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_without_episodes_loads_and_its_rows_are_at_rest) {
  run(30);
  save();
  TestMonitor restored(test_config({"x", "y"}));
  BOOST_TEST(store.restore(*restored).problems.empty());
  BOOST_TEST(restored->episodes.is_at_rest(0));
  BOOST_TEST(restored->episodes_until[0] == monitor->time.ms);
}

BOOST_AUTO_TEST_CASE(state_of_a_monitor_configured_differently_is_ignored_but_kept) {
  run(10);
  save();
  TestMonitor other(test_config({"x", "z"}));
  const RestoreReport report = store.restore(*other);
  BOOST_TEST(report.entities == 0U);
  BOOST_REQUIRE(report.problems.size() == 1U);
  BOOST_TEST(report.problems[0].find("configured differently") != std::string::npos);
  BOOST_TEST(std::filesystem::exists(path()));
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_set_aside) {
  run(10);
  save();
  std::string bytes;
  {
    std::ifstream in(path(), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(path(), std::ios::binary) << bytes;
  TestMonitor restored(test_config({"x", "y"}));
  const RestoreReport report = store.restore(*restored);
  BOOST_TEST(report.problems.size() == 1U);
  BOOST_TEST(report.entities == 0U);
  BOOST_TEST(!std::filesystem::exists(path()));
  BOOST_TEST(std::filesystem::exists(path() + ".damaged"));
}

BOOST_AUTO_TEST_CASE(
    an_anomaly_of_before_a_restart_does_not_make_the_series_coarse_when_it_is_replayed) {
  const auto config = test_config({"x"});
  support::FakeSource one({"a"}, [](const std::string&, const std::string&, core::Timestamp t) {
    const auto k = (t - kStart) / std::chrono::seconds(10);
    return std::optional<double>(k >= 200 && k < 210 ? 5 : 0);
  });
  double in_burst = 0;
  const auto tick_all = [&](TestMonitor& m) {
    for (std::int64_t k = 1; k <= 300; ++k) {
      (void)engine.tick(*m, one, kStart + std::chrono::seconds(10) * k, {});
      if (k == 201) in_burst = m->results.score[0];
    }
  };
  TestMonitor before(config);
  tick_all(before);
  BOOST_REQUIRE(before->smallest_step[0] == 0.0F);  // the burst was no step of the series' own
  BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*before, 0, kStart)));
  BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);

  for (const bool is_weighed : {true, false}) {  // a step counts once, whatever its score
    TestMonitor after(config);
    BOOST_TEST(store.restore(*after).problems.empty());
    if (is_weighed) after->begin_replay();
    tick_all(after);
    after->end_replay();
    BOOST_TEST(after->smallest_step[0] == 0.0F);
    if (is_weighed) BOOST_TEST(in_burst >= 0.3);  // and so it is not learned
  }
}

BOOST_AUTO_TEST_CASE(the_smallest_step_comes_back) {
  run(100);
  BOOST_REQUIRE(monitor->smallest_step[0] > 0.0F);
  save();
  TestMonitor restored(test_config({"x", "y"}));
  (void)store.restore(*restored);
  BOOST_TEST(restored->smallest_step[0] == monitor->smallest_step[0]);
}

BOOST_AUTO_TEST_CASE(what_was_learned_before_a_failure_is_not_learned_again) {
  run(100);
  const auto learned = [&] {
    core::StateWriter out;
    for (const auto& detector : monitor->detectors) {
      if (detector->remembers()) detector->save_entity(0, out);
    }
    return out.take();
  };
  const auto read_again = [&] {
    BOOST_REQUIRE(replay(engine, *monitor, source, kStart + std::chrono::seconds(10),
                         kStart + std::chrono::seconds(1000), monitor->index + 1,
                         Engine::all_lanes(*monitor), {})
                      .ok());
  };
  const std::string once = learned();
  read_again();
  const std::string twice = learned();
  BOOST_REQUIRE((twice != once));
  monitor->teach_no_more_until(monitor->time);
  read_again();
  BOOST_TEST((learned() == twice));
}

BOOST_AUTO_TEST_CASE(of_two_copies_of_an_entity_the_newer_one_counts) {
  run(300);
  TestMonitor earlier(test_config({"x", "y"}));
  for (std::int64_t k = 1; k <= 100; ++k) {
    (void)engine.tick(*earlier, source, kStart + std::chrono::seconds(10) * k, {});
  }
  // Part 1 is from a time when the monitor had more entities.
  BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*monitor, 0, kStart)));
  BOOST_REQUIRE(
      store.enqueue("m", 1, StateStore::encode(*earlier, 0, kStart - std::chrono::hours(1))));
  BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
  TestMonitor restored(test_config({"x", "y"}));
  BOOST_TEST(store.restore(*restored).entities == 2U);
  BOOST_TEST(restored->known_until[0] == monitor->time.ms);
}

BOOST_AUTO_TEST_CASE(files_of_parts_that_are_no_more_are_removed_with_the_last_part) {
  run(10);
  const auto exists = [&](int part) {
    return std::filesystem::exists(dir.path() / ("m." + std::to_string(part) + ".state"));
  };
  for (std::size_t part = 0; part < 4; ++part) {
    BOOST_REQUIRE(store.enqueue("m", part, "older"));
    BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
  }
  BOOST_REQUIRE(store.enqueue("m", 0, StateStore::encode(*monitor, 0, kStart), 2));
  BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
  BOOST_TEST(exists(3));  // not before all that is left has been written
  BOOST_REQUIRE(store.enqueue("m", 1, StateStore::encode(*monitor, 0, kStart), 2));
  BOOST_REQUIRE(store.drain(std::chrono::seconds(10)) == 0U);
  BOOST_TEST((exists(0) && exists(1)));
  BOOST_TEST(!exists(2));
  BOOST_TEST(!exists(3));
}

BOOST_AUTO_TEST_CASE(a_full_queue_can_be_waited_for) {
  std::latch is_under_way(1), is_released(1);
  StateStore slow(dir.path().string(), [&](bool, const std::string&) {
    if (!is_under_way.try_wait()) is_under_way.count_down();
    is_released.wait();
  });
  BOOST_REQUIRE(slow.enqueue("m", 0, "bytes"));
  is_under_way.wait();
  for (std::size_t part = 1; part <= StateStore::kQueue; ++part) {
    BOOST_REQUIRE(slow.enqueue("m", part, "bytes"));
  }
  BOOST_TEST(!slow.enqueue("m", 9, "bytes"));
  BOOST_TEST(!slow.wait_for_room(std::chrono::milliseconds(10)));
  is_released.count_down();
  BOOST_TEST(slow.wait_for_room(std::chrono::seconds(10)));
  BOOST_TEST(slow.drain(std::chrono::seconds(10)) == 0U);
}

BOOST_AUTO_TEST_CASE(nothing_is_restored_from_nothing) {
  TestMonitor restored(test_config({"x", "y"}));
  const RestoreReport report = store.restore(*restored);
  BOOST_TEST(report.problems.empty());
  BOOST_TEST(report.entities == 0U);
  BOOST_TEST(report.saved.ms == 0);
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_written_is_reported) {
  const std::string blocked = (dir.path() / "file").string();
  std::ofstream(blocked) << "not a folder";
  std::string error;
  StateStore broken(blocked, [&](bool ok, const std::string& text) {
    if (!ok) error = text;
  });
  BOOST_TEST(broken.enqueue("m", 0, "bytes"));
  BOOST_TEST(broken.drain(std::chrono::seconds(10)) == 0U);
  BOOST_TEST(error.find(blocked) != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
