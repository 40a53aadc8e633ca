#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/state_store.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "anomaly_exporter/app/engine.h"
#include "anomaly_exporter/app/incident_feed.h"
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
