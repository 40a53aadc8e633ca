#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/alert_feed.h"

#include <boost/test/unit_test.hpp>

#include "anomaly_exporter/exposition/label_text.h"

namespace anomaly_exporter::app {
namespace {

using exposition::MonitorSnapshot;

/// Three hosts of one metric, all normal.
struct Fixture {
  MonitorSnapshot s;

  Fixture() {
    auto labels = std::make_shared<exposition::OutputLabels>();
    for (const char* host : {"a", "b \"x\"\n", "c"}) {
      const auto entity = core::Labels::create({{"instance", host}}).value();
      labels->row_begin.push_back(static_cast<std::uint32_t>(labels->text.size()));
      exposition::append_label_text(labels->text, "m", "load", entity);
      labels->row.push_back(static_cast<std::uint32_t>(labels->row.size() + 10));
      labels->entity_of_row.push_back(0);
      labels->metric_of_row.push_back(0);
    }
    labels->row_begin.push_back(static_cast<std::uint32_t>(labels->text.size()));
    s.labels = labels;
    s.monitor = "m";
    s.evaluated = {1'700'000'000'000};
    s.interval = std::chrono::seconds(10);
    s.metrics.push_back({.name = "load", .request = {}, .last_error = {}, .hint = {}});
    s.detectors = {"zscore", "mad"};
    s.flags.assign(3, MonitorSnapshot::kScored | MonitorSnapshot::kHasValue);
    s.outcome.assign(3, detectors::Outcome::Scored);
    for (auto* column : {&s.score, &s.value, &s.expected, &s.lower, &s.upper, &s.sigmas}) {
      column->assign(3, 0.5F);
    }
    s.severity.assign(3, 0);
    s.onset.assign(3, {});
    s.opened.assign(3, {});
    s.confidence = {{0.9F, 0.9F, 0.9F}, {-1, -1, -1}};
  }
  std::string key(std::size_t i) const { return std::string(s.labels->row_text(i)); }
  alerting::TickAlerts tick(const std::vector<std::string>& open = {}) const {
    return tick_alerts(s, std::chrono::seconds(2), {1'699'999'999'000}, open);
  }
};

BOOST_FIXTURE_TEST_SUITE(alert_feed_test, Fixture)

BOOST_AUTO_TEST_CASE(label_text_is_read_back) {
  const auto labels = parse_label_text(key(1));
  BOOST_TEST(labels.size() == 3U);
  BOOST_TEST(labels.value("instance").value() == "b \"x\"\n");
  BOOST_TEST(labels.value("metric").value() == "load");
  BOOST_TEST(parse_label_text("").empty());
}

BOOST_AUTO_TEST_CASE(anomalous_rows_are_active_and_open_ones_that_are_not_are_normal) {
  s.severity[1] = 3;
  s.onset[1] = {1'699'999'990'000};
  s.opened[1] = s.evaluated;
  const auto found = tick({key(0), key(1), "gone"});
  BOOST_TEST_REQUIRE(found.active.size() == 1U);
  const auto& a = found.active[0];
  BOOST_TEST(a.key == key(1));
  BOOST_TEST(a.metric == "load");
  BOOST_TEST((a.level == severity::Level::Critical));
  BOOST_TEST((a.onset == s.onset[1] && a.opened == s.opened[1]));
  BOOST_TEST(a.votes.size() == 1U);  // the one that gave a verdict
  BOOST_TEST(found.normal == std::vector<std::string>{key(0)});
  BOOST_TEST((found.offset == std::chrono::seconds(2)));
}

BOOST_AUTO_TEST_CASE(a_row_that_warms_up_is_not_called_normal) {
  s.outcome[0] = detectors::Outcome::WarmingUp;
  BOOST_TEST(tick({key(0)}).normal.empty());
}

BOOST_AUTO_TEST_CASE(a_row_without_a_sample_is_not_called_normal) {
  s.outcome[0] = detectors::Outcome::NoData;
  BOOST_TEST(tick({key(0)}).normal.empty());
}

BOOST_AUTO_TEST_CASE(an_alert_names_the_other_metrics_of_its_entity_that_are_unusual) {
  auto labels = std::make_shared<exposition::OutputLabels>(*s.labels);
  labels->entity_of_row = {0, 0, 1};
  labels->metric_of_row = {0, 1, 0};
  s.labels = labels;
  s.metrics.push_back({.name = "heat", .request = {}, .last_error = {}, .hint = {}});
  s.severity.assign(3, 2);
  const auto found = tick();
  BOOST_TEST_REQUIRE(found.active.size() == 3U);
  BOOST_TEST(found.active[0].company == std::vector<std::string>{"heat"});
  BOOST_TEST(found.active[1].company == std::vector<std::string>{"load"});
  BOOST_TEST(found.active[2].company.empty());
}

BOOST_AUTO_TEST_CASE(an_incident_stands_for_its_members) {
  incidents::Incident incident;
  incident.id = "0123456789abcdef";
  incident.opened = s.evaluated;
  for (const std::uint32_t row : {10U, 12U}) {
    incidents::Member member;
    member.row = row;
    member.metric = "load";
    member.labels = core::Labels::create({{"instance", row == 10 ? "a" : "c"}}).value();
    member.level = severity::Level::Warning;
    member.opened = s.evaluated;
    incident.members.push_back(std::move(member));
  }
  auto list = std::make_shared<incidents::IncidentList>();
  list->open.push_back(incident);
  s.incidents = list;
  s.severity.assign(3, 2);
  const auto found = tick();
  BOOST_TEST_REQUIRE(found.active.size() == 4U);
  BOOST_TEST(found.active[0].is_incident);
  BOOST_TEST(found.active[0].key == "monitor=\"m\"");
  BOOST_TEST((found.active[0].level == severity::Level::Warning));
  BOOST_TEST(found.active[0].summary == "2 series of m are unusual together");
  BOOST_TEST(found.active[0].description.find("Top contributors: load of {instance=\"a\"}") !=
             std::string::npos);
  BOOST_TEST(found.active[1].incident == incident.id);
  BOOST_TEST(found.active[2].incident.empty());
  BOOST_TEST(found.active[3].incident == incident.id);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
