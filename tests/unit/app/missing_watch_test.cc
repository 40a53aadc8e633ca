#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/missing_watch.h"

#include <boost/test/unit_test.hpp>

#include "anomaly_exporter/exposition/label_text.h"

namespace anomaly_exporter::app {
namespace {

using exposition::MonitorSnapshot;

constexpr auto kHold = std::chrono::seconds(20);

/// Hosts a and b with the metrics cpu and mem (rows 0 to 3), a tick every 10 s.
struct Fixture {
  MonitorSnapshot s;
  MissingWatch watch;

  Fixture() {
    auto labels = std::make_shared<exposition::OutputLabels>();
    const auto end = [&] { return static_cast<std::uint32_t>(labels->text.size()); };
    for (std::uint32_t i = 0; i < 4; ++i) {
      labels->row.push_back(i);
      labels->row_begin.push_back(0);
      labels->entity_of_row.push_back(i / 2);
      labels->metric_of_row.push_back(static_cast<std::uint16_t>(i % 2));
    }
    for (const char* host : {"a", "b"}) {
      labels->entity_begin.push_back(end());
      const auto entity = core::Labels::create({{"instance", host}}).value();
      exposition::append_label_text(labels->text, "m", "", entity);
    }
    labels->entity_begin.push_back(end());
    labels->row_begin.push_back(0);
    s.labels = labels;
    s.monitor = "m";
    s.interval = std::chrono::seconds(10);
    s.metrics.resize(2);
    s.metrics[0].name = "cpu";
    s.metrics[1].name = "mem";
    s.flags.assign(4, MonitorSnapshot::kHasValue);
  }
  void lose(std::size_t row) { s.flags[row] = MonitorSnapshot::kMissing; }
  void find(std::size_t row) { s.flags[row] = MonitorSnapshot::kHasValue; }
  alerting::TickAlerts tick(const std::vector<std::string>& open = {}) {
    alerting::TickAlerts out;
    watch.update(s, kHold, open, out);
    return out;
  }
};

BOOST_FIXTURE_TEST_SUITE(missing_watch_test, Fixture)

BOOST_AUTO_TEST_CASE(what_stays_away_is_told_once_per_entity_with_what_is_gone) {
  BOOST_TEST(tick().active.empty());
  lose(0);
  BOOST_TEST(tick().active.empty());
  BOOST_TEST(tick().active.empty());
  const auto found = tick().active;  // away for 20 s
  BOOST_TEST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found[0].is_missing);
  BOOST_TEST(found[0].metric.empty());
  BOOST_TEST((found[0].level == severity::Level::Warning));
  BOOST_TEST(found[0].labels.value("instance").value() == "a");
  BOOST_TEST(!found[0].labels.value("metric"));
  BOOST_TEST(found[0].summary == "{instance=\"a\"} of monitor m no longer reports 1 metric");
  BOOST_TEST(found[0].description.find("Missing: cpu. Still there: mem.") != std::string::npos);
  lose(1);
  const auto both = tick({found[0].key}).active;
  BOOST_TEST_REQUIRE(both.size() == 1U);
  BOOST_TEST(both[0].key == found[0].key);
  BOOST_TEST(both[0].summary == "{instance=\"a\"} of monitor m no longer reports 2 metrics");
  BOOST_TEST(both[0].description.find("Nothing of it is left") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_comes_back_in_time_is_not_told) {
  for (int i = 0; i < 5; ++i) {
    lose(2);
    BOOST_TEST(tick().active.empty());
    BOOST_TEST(tick().active.empty());
    find(2);
    BOOST_TEST(tick().active.empty());
  }
}

BOOST_AUTO_TEST_CASE(it_ends_when_all_is_back_and_not_while_a_metric_cannot_be_read) {
  lose(3);
  for (int i = 0; i < 3; ++i) (void)tick();
  const std::string key = tick().active.at(0).key;
  s.flags[3] = 0;  // its query failed
  const auto unknown = tick({key});
  BOOST_TEST(unknown.active.empty());
  BOOST_TEST(unknown.normal.empty());
  lose(3);
  BOOST_TEST(tick({key}).active.size() == 1U);
  find(3);
  BOOST_TEST(tick({key}).normal == std::vector<std::string>{key});
  BOOST_TEST(tick({"monitor=\"m\",instance=\"b\""}).normal.empty());  // not one of ours
}

BOOST_AUTO_TEST_CASE(an_open_one_goes_on_after_a_restart_without_a_new_wait) {
  lose(0);
  for (int i = 0; i < 2; ++i) (void)tick();
  const std::string key = tick().active.at(0).key;
  watch = {};
  BOOST_TEST(tick({key}).active.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
