#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "alerting_support.h"

namespace anomaly_exporter::alerting {
namespace {

const std::string kKey = anomalous("bandwidth", Level::Critical).key;
bool never(const core::Labels& /*identity*/) { return false; }

struct Fixture {
  AlertBook before{push_options(), ""};
  AlertBook after{push_options(), ""};

  Fixture() {
    (void)before.update(tick_of(at("12:00:00"), {anomalous("bandwidth", Level::Critical),
                                                 anomalous("jitter", Level::Warning)}),
                        never);
    (void)before.update(tick_of(at("12:00:10"), {anomalous("bandwidth", Level::Critical)},
                                {anomalous("jitter", Level::Warning).key}),
                        never);
  }
  void restart() { BOOST_TEST_REQUIRE(after.restore(before.save()).ok()); }
};

BOOST_FIXTURE_TEST_SUITE(alert_book_state_test, Fixture)

BOOST_AUTO_TEST_CASE(a_restart_goes_on_with_the_same_identity_and_start) {
  restart();
  BOOST_TEST(after.open_alerts() == 1U);
  const auto due = after.idle(at("12:00:45"));  // before any monitor has ticked
  BOOST_TEST(names_of(due) ==
             (std::vector<std::string>{"AnomalyCritical", "AnomalyWarning resolved"}));
  BOOST_TEST((due[0].starts_at == at("12:00:00")));
  BOOST_TEST((due[0].ends_at == at("12:04:40")));
  BOOST_TEST((due[1].ends_at == at("12:00:10")));
  BOOST_TEST(!due[0].annotations.at("description").empty());
}

BOOST_AUTO_TEST_CASE(an_episode_that_needs_ticks_to_open_again_is_not_resolved) {
  restart();
  const auto resolved = [](const std::vector<Alert>& due) {
    for (const Alert& alert : due) {
      if (name_of(alert) == "AnomalyCritical resolved") return true;
    }
    return false;
  };
  BOOST_TEST(!resolved(after.update(tick_of(at("12:01:00"), {}, {kKey}), never)));
  BOOST_TEST(!resolved(after.update(tick_of(at("12:01:10"), {}, {kKey}), never)));
  const auto due =
      after.update(tick_of(at("12:01:20"), {anomalous("bandwidth", Level::Critical)}), never);
  for (const Alert& alert : due) {
    if (!alert.is_resolved) BOOST_TEST((alert.starts_at == at("12:00:00")));
  }
  // Seen once, it ends like any other.
  BOOST_TEST(resolved(after.update(tick_of(at("12:01:30"), {}, {kKey}), never)));
}

BOOST_AUTO_TEST_CASE(what_ended_during_the_restart_is_resolved_when_it_has_settled) {
  restart();
  bool is_resolved = false;
  core::Timestamp time = at("12:01:00");
  for (; !is_resolved && time < at("12:05:00"); time = time + seconds(10)) {
    for (const Alert& alert : after.update(tick_of(time, {}, {kKey}), never)) {
      is_resolved = is_resolved || name_of(alert) == "AnomalyCritical resolved";
    }
  }
  BOOST_TEST(is_resolved);
  BOOST_TEST((time - seconds(10) == at("12:03:00")));
}

BOOST_AUTO_TEST_CASE(an_incident_that_needs_ticks_to_form_again_is_not_resolved) {
  ActiveAlert incident = anomalous("", Level::Critical);
  incident.key = "incident";
  incident.labels = labels_of({{"monitor", "link"}});
  incident.is_incident = true;
  const auto bandwidth = anomalous("bandwidth", Level::Critical);
  (void)before.update(tick_of(at("12:00:20"), {incident, bandwidth}), never);
  restart();
  bool is_resolved = false;
  core::Timestamp time = at("12:01:00");
  for (; !is_resolved && time < at("12:05:00"); time = time + seconds(10)) {
    for (const Alert& alert : after.update(tick_of(time, {bandwidth}), never)) {
      is_resolved = is_resolved || name_of(alert) == "AnomalyIncident resolved";
    }
  }
  BOOST_TEST(is_resolved);
  BOOST_TEST((time - seconds(10) == at("12:03:00")));
}

BOOST_AUTO_TEST_CASE(after_a_restart_with_the_clock_set_back_no_alert_starts_after_its_tick) {
  restart();
  const auto due = after.idle(at("11:00:00"));
  BOOST_TEST_REQUIRE(!due.empty());
  for (const Alert& alert : due) {
    if (!alert.is_resolved) BOOST_TEST((alert.starts_at <= at("11:00:00")));
    BOOST_TEST((alert.ends_at >= alert.starts_at));
  }
}

BOOST_AUTO_TEST_CASE(the_throttle_goes_on) {
  AlertingOptions options = push_options();
  options.throttle = minutes(5);
  before.configure(options);
  (void)before.update(tick_of(at("12:00:20"), {anomalous("loss", Level::Info, "a")}), never);
  restart();
  after.configure(options);
  for (const Alert& alert :
       after.update(tick_of(at("12:01:00"), {anomalous("loss", Level::Info, "b")}), never)) {
    BOOST_TEST(alert.labels.value("instance").value() == "a");
  }
  BOOST_TEST(after.suppressed()[static_cast<std::size_t>(Suppression::Throttle)] == 1U);
}

BOOST_AUTO_TEST_CASE(saving_twice_gives_equal_bytes) {
  restart();
  BOOST_TEST(after.save() == before.save());
}

BOOST_AUTO_TEST_CASE(no_part_of_a_file_is_taken_when_it_is_damaged) {
  const std::string whole = before.save();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    AlertBook book{push_options(), ""};
    BOOST_TEST_REQUIRE(!book.restore(whole.substr(0, length)).ok());
    BOOST_TEST(book.open().empty());
    BOOST_TEST(book.open_alerts() == 0U);
  }
  AlertBook book{push_options(), ""};
  BOOST_TEST((book.restore(whole + "x").error().code == core::ErrorCode::Corrupt));
  std::string newer = whole;
  newer[0] = 9;
  BOOST_TEST((book.restore(newer).error().code == core::ErrorCode::Unsupported));
  for (std::size_t i = 4; i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x80);
    AlertBook any{push_options(), ""};
    (void)any.restore(flipped);  // some flips make other valid books; none may crash
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
