#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/alerting/alert_book.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

#include "alerting_support.h"

namespace anomaly_exporter::alerting {
namespace {

const std::string kKey = anomalous("bandwidth", Level::Critical).key;

struct Fixture {
  AlertBook book{push_options(), "http://us:10097"};
  bool silenced = false;

  std::vector<Alert> tick(core::Timestamp time, std::vector<ActiveAlert> active,
                          std::vector<std::string> normal = {},
                          core::Duration interval = seconds(10)) {
    return book.update(tick_of(time, std::move(active), std::move(normal), interval),
                       [&](const core::Labels&) { return silenced; });
  }
  std::vector<Alert> critical(core::Timestamp time) {
    return tick(time, {anomalous("bandwidth", Level::Critical)});
  }
  std::uint64_t suppressed(Suppression reason) const {
    return book.suppressed()[static_cast<std::size_t>(reason)];
  }
};

BOOST_FIXTURE_TEST_SUITE(alert_book_test, Fixture)

BOOST_AUTO_TEST_CASE(a_firing_alert_is_sent_again_and_survives_three_lost_posts) {
  std::vector<core::Timestamp> sent;
  const core::Timestamp start = at("12:00:00");
  for (int i = 0; i < 60; ++i) {
    for (const Alert& alert : critical(start + i * seconds(10))) {
      BOOST_TEST((alert.starts_at == start));
      BOOST_TEST((alert.ends_at == start + i * seconds(10) + minutes(4)));
      BOOST_TEST(alert.generator_url ==
                 "http://us:10097/api/v1/scores?monitor=link&metric=bandwidth");
      sent.push_back(start + i * seconds(10));
    }
  }
  BOOST_TEST_REQUIRE(sent.size() >= 5U);
  for (std::size_t i = 4; i < sent.size(); ++i) {
    // The fourth after any one comes before that one's end.
    BOOST_TEST((sent[i] < sent[i - 4] + minutes(4)));
  }
  BOOST_TEST(sent.size() <= 13U);  // no more often than the delay asks for
}

BOOST_AUTO_TEST_CASE(a_resolved_alert_is_told_for_a_quarter_of_an_hour) {
  (void)critical(at("12:00:00"));
  core::Timestamp time = at("12:00:10");
  int told = 0;
  core::Timestamp last;
  for (int i = 0; i < 200; ++i, time = time + seconds(10)) {
    for (const Alert& alert : tick(time, {}, {kKey})) {
      BOOST_TEST(alert.is_resolved);
      BOOST_TEST((alert.starts_at == at("12:00:00")));
      BOOST_TEST((alert.ends_at == at("12:00:10")));
      last = time;
      ++told;
    }
  }
  BOOST_TEST(told >= 15);
  BOOST_TEST((last < at("12:15:10") && last >= at("12:14:00")));
  BOOST_TEST(book.open_alerts() == 0U);
}

BOOST_AUTO_TEST_CASE(what_fires_again_is_no_longer_told_as_resolved) {
  (void)critical(at("12:00:00"));
  BOOST_TEST(names_of(tick(at("12:00:10"), {}, {kKey})) ==
             std::vector<std::string>{"AnomalyCritical resolved"});
  BOOST_TEST(names_of(critical(at("12:00:20"))) == std::vector<std::string>{"AnomalyCritical"});
  for (int i = 3; i < 30; ++i) {
    for (const Alert& alert : critical(at("12:00:00") + i * seconds(10))) {
      BOOST_TEST(!alert.is_resolved);
      BOOST_TEST((alert.starts_at == at("12:00:20")));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_rise_resolves_the_warning_and_opens_the_critical_one_at_once) {
  (void)tick(at("12:00:00"), {anomalous("bandwidth", Level::Warning)});
  const auto due = critical(at("12:00:10"));
  BOOST_TEST(names_of(due) ==
             (std::vector<std::string>{"AnomalyCritical", "AnomalyWarning resolved"}));
  BOOST_TEST((due[0].starts_at == at("12:00:10")));
  BOOST_TEST((due[1].ends_at == at("12:00:10")));
  BOOST_TEST(book.open_alerts() == 1U);
}

BOOST_AUTO_TEST_CASE(the_announced_opening_is_the_start) {
  ActiveAlert a = anomalous("bandwidth", Level::Warning);
  a.onset = at("11:59:30");
  a.opened = at("11:59:50");
  const auto due = tick(at("12:00:00"), {a});
  BOOST_TEST((due.at(0).starts_at == at("11:59:50")));
}

BOOST_AUTO_TEST_CASE(the_example_of_the_specification_is_counted) {
  AlertingOptions options = push_options();
  options.throttle = minutes(5);
  book.configure(options);
  const auto opens = [&](const char* time, const char* host) {
    const auto due =
        tick(at(time), {anomalous("bandwidth", Level::Critical, host)}, book.open_keys("link"));
    return std::count_if(due.begin(), due.end(), [](const Alert& a) { return !a.is_resolved; });
  };
  BOOST_TEST(opens("12:00:00", "a") == 1);
  BOOST_TEST(opens("12:02:00", "b") == 0);
  BOOST_TEST(suppressed(Suppression::Throttle) == 1U);
  BOOST_TEST(opens("12:04:00", "c") == 0);
  BOOST_TEST(suppressed(Suppression::Throttle) == 2U);
  BOOST_TEST(opens("12:05:01", "d") == 1);
  BOOST_TEST(suppressed(Suppression::Throttle) == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_throttled_and_lasts_opens_when_the_period_is_over) {
  AlertingOptions options = push_options();
  options.throttle = minutes(5);
  book.configure(options);
  const auto a = anomalous("bandwidth", Level::Critical, "a");
  const auto b = anomalous("bandwidth", Level::Critical, "b");
  (void)tick(at("12:00:00"), {a});
  for (int i = 6; i < 30; ++i) {
    for (const Alert& alert : tick(at("12:00:00") + i * seconds(10), {a, b})) {
      BOOST_TEST(alert.labels.value("instance").value() == "a");
    }
  }
  const auto due = tick(at("12:05:00"), {a, b});
  const bool has_b = std::any_of(due.begin(), due.end(), [](const Alert& alert) {
    return alert.labels.value("instance") == "b" && alert.starts_at == at("12:01:00");
  });
  BOOST_TEST(has_b);
  BOOST_TEST(suppressed(Suppression::Throttle) == 1U);
}

BOOST_AUTO_TEST_CASE(the_throttle_does_not_hold_back_a_rise) {
  AlertingOptions options = push_options();
  options.throttle = minutes(5);
  book.configure(options);
  const auto a = anomalous("bandwidth", Level::Critical, "a");
  (void)tick(at("12:00:00"), {a, anomalous("bandwidth", Level::Warning, "b")});
  const auto b = anomalous("bandwidth", Level::Critical, "b");
  BOOST_TEST(names_of(tick(at("12:00:10"), {a, b})) ==
             (std::vector<std::string>{"AnomalyCritical", "AnomalyWarning resolved"}));
  BOOST_TEST(suppressed(Suppression::Throttle) == 0U);
  (void)tick(at("12:00:20"), {a, b, anomalous("bandwidth", Level::Critical, "c")});
  BOOST_TEST(suppressed(Suppression::Throttle) == 1U);
}

BOOST_AUTO_TEST_CASE(incidents_pass_the_throttle_and_go_on_when_they_grow) {
  AlertingOptions options = push_options();
  options.throttle = minutes(5);
  book.configure(options);
  const auto incident = [](const char* id, std::vector<core::Label> labels) {
    ActiveAlert a = anomalous("", Level::Critical);
    a.incident = id;
    a.labels = labels_of(std::move(labels));
    a.key = a.labels.text();
    a.is_incident = true;
    return a;
  };
  const auto of_a = incident("1", {{"monitor", "link"}, {"instance", "a"}});
  const auto of_b = incident("2", {{"monitor", "link"}, {"instance", "b"}});
  (void)tick(at("12:00:00"), {of_a});
  BOOST_TEST(names_of(tick(at("12:00:10"), {of_a, of_b})) ==
             std::vector<std::string>{"AnomalyIncident"});
  // A member of another instance joins the first: its shared labels are fewer.
  silenced = true;
  BOOST_TEST(names_of(tick(at("12:00:20"), {incident("1", {{"monitor", "link"}}), of_b})) ==
             (std::vector<std::string>{"AnomalyIncident", "AnomalyIncident resolved"}));
  BOOST_TEST(book.open_alerts() == 2U);
  BOOST_TEST(suppressed(Suppression::Throttle) == 0U);
}

BOOST_AUTO_TEST_CASE(what_begins_at_one_tick_opens_together) {
  AlertingOptions options = push_options();
  options.throttle = minutes(5);
  book.configure(options);
  BOOST_TEST(tick(at("12:00:00"), {anomalous("bandwidth", Level::Critical, "a"),
                                   anomalous("bandwidth", Level::Critical, "b")})
                 .size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_storm_is_one_alert) {
  std::vector<ActiveAlert> storm;
  for (int i = 0; i < 500; ++i) {
    storm.push_back(anomalous("bandwidth", Level::Critical, "h" + std::to_string(i)));
    storm.back().incident = "0123456789abcdef";
  }
  ActiveAlert incident = anomalous("", Level::Critical);
  incident.key = "monitor=\"link\"";
  incident.labels = labels_of({{"monitor", "link"}});
  incident.is_incident = true;
  incident.summary = "500 series";
  storm.push_back(incident);
  const auto due = tick(at("12:00:00"), storm);
  BOOST_TEST_REQUIRE(due.size() == 1U);
  BOOST_TEST(due[0].labels.text() ==
             R"({alertname="AnomalyIncident",monitor="link",scope="monitor",severity="critical"})");
  BOOST_TEST(due[0].annotations.at("summary") == "500 series");
  BOOST_TEST(suppressed(Suppression::Incident) == 500U);
  // An incident is over when it is not among the active ones.
  BOOST_TEST(names_of(tick(at("12:00:10"), {}, book.open_keys("link"))) ==
             std::vector<std::string>{"AnomalyIncident resolved"});
}

BOOST_AUTO_TEST_CASE(a_member_that_is_open_already_stays_open) {
  (void)critical(at("12:00:00"));
  ActiveAlert a = anomalous("bandwidth", Level::Critical);
  a.incident = "x";
  for (int i = 1; i < 30; ++i) {
    for (const Alert& alert : tick(at("12:00:00") + i * seconds(10), {a})) {
      BOOST_TEST(!alert.is_resolved);
    }
  }
  BOOST_TEST(book.open_alerts() == 1U);
}

BOOST_AUTO_TEST_CASE(a_silence_holds_back_openings_only) {
  silenced = true;
  BOOST_TEST(critical(at("12:00:00")).empty());
  BOOST_TEST(critical(at("12:00:10")).empty());
  BOOST_TEST(suppressed(Suppression::Silence) == 1U);
  silenced = false;
  BOOST_TEST(critical(at("12:00:20")).size() == 1U);
  silenced = true;
  BOOST_TEST(critical(at("12:01:20")).size() == 1U);  // goes on being told
}

BOOST_AUTO_TEST_CASE(a_rise_under_a_silence_goes_on_being_told) {
  (void)tick(at("12:00:00"), {anomalous("bandwidth", Level::Warning)});
  silenced = true;
  BOOST_TEST(names_of(critical(at("12:00:10"))) ==
             (std::vector<std::string>{"AnomalyCritical", "AnomalyWarning resolved"}));
  BOOST_TEST(book.open_alerts() == 1U);
}

BOOST_AUTO_TEST_CASE(silences_pass_when_they_do_not_gate) {
  AlertingOptions options = push_options();
  options.silences.gate_alerts = false;
  book.configure(options);
  silenced = true;
  BOOST_TEST(critical(at("12:00:00")).size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_bound_of_open_alerts_holds) {
  AlertingOptions options = push_options();
  options.open_limit = 2;
  book.configure(options);
  std::vector<ActiveAlert> many;
  for (const char* host : {"a", "b", "c"}) {
    many.push_back(anomalous("bandwidth", Level::Critical, host));
  }
  BOOST_TEST(tick(at("12:00:00"), many).size() == 2U);
  BOOST_TEST(suppressed(Suppression::Limit) == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_not_judged_is_held_and_then_let_go) {
  (void)critical(at("12:00:00"));
  for (int i = 1; i < 90; ++i) {
    for (const Alert& alert : tick(at("12:00:00") + i * seconds(10), {})) {
      BOOST_TEST(!alert.is_resolved);
    }
  }
  BOOST_TEST(names_of(tick(at("12:15:00"), {})) ==
             std::vector<std::string>{"AnomalyCritical resolved"});
}

BOOST_AUTO_TEST_CASE(missing_samples_and_an_incident_of_the_same_labels_are_two_alerts) {
  ActiveAlert missing = anomalous("", Level::Warning);
  missing.labels = labels_of({{"monitor", "link"}, {"instance", "a"}});
  ActiveAlert incident = missing;
  missing.key = "missing x";
  missing.is_missing = true;
  incident.key = "x";
  incident.is_incident = true;
  BOOST_TEST(names_of(tick(at("12:00:00"), {incident, missing})) ==
             (std::vector<std::string>{"AnomalySeriesMissing", "AnomalyIncident"}));
  const auto found = [&](const char* name) {
    const auto* e =
        book.find(labels_of({{"alertname", name}, {"monitor", "link"}, {"instance", "a"}}));
    return e == nullptr ? "" : e->key;
  };
  BOOST_TEST(found("AnomalySeriesMissing") == "missing x");
  BOOST_TEST(found("AnomalyIncident") == "x");
  AlertBook restored{push_options(), ""};
  BOOST_TEST(restored.restore(book.save()).ok());
  BOOST_TEST(names_of(restored.idle(at("12:00:10"))) ==
             (std::vector<std::string>{"AnomalySeriesMissing", "AnomalyIncident"}));
  BOOST_TEST(names_of(tick(at("12:00:10"), {incident}, {"missing x"})) ==
             std::vector<std::string>{"AnomalySeriesMissing resolved"});
}

BOOST_AUTO_TEST_CASE(a_source_that_is_down_resolves_nothing_until_the_hold_is_over) {
  (void)critical(at("12:00:00"));
  std::vector<core::Timestamp> sent{at("12:00:00")};
  for (core::Timestamp now = at("12:00:01"); now < at("12:15:00"); now = now + seconds(1)) {
    for (const Alert& alert : book.idle(now)) {
      BOOST_TEST(!alert.is_resolved);
      BOOST_TEST((now - sent.back() < minutes(2)));
      sent.push_back(now);
    }
  }
  BOOST_TEST(sent.size() >= 13U);
  BOOST_TEST(names_of(book.idle(at("12:15:01"))) ==
             std::vector<std::string>{"AnomalyCritical resolved"});
}

BOOST_AUTO_TEST_CASE(a_monitor_that_ticks_is_left_alone) {
  (void)critical(at("12:00:00"));
  BOOST_TEST(book.idle(at("12:00:15")).empty());
  BOOST_TEST(book.idle(at("12:01:15")).empty());
}

BOOST_AUTO_TEST_CASE(the_same_tick_twice_changes_nothing) {
  (void)critical(at("12:00:00"));
  BOOST_TEST(tick(at("12:00:00"), {}, {kKey}).empty());
  BOOST_TEST(book.open_alerts() == 1U);
}

BOOST_AUTO_TEST_CASE(a_clock_set_back_or_ahead_makes_no_second_alert) {
  const auto identity = critical(at("12:00:00")).at(0).labels;
  for (const char* time : {"11:00:00", "11:00:10", "15:00:00", "15:00:10", "14:59:00"}) {
    for (const Alert& alert : critical(at(time))) {
      BOOST_TEST((alert.labels == identity));
      BOOST_TEST(!alert.is_resolved);
      BOOST_TEST((alert.starts_at <= at(time)));
      BOOST_TEST((alert.ends_at > alert.starts_at));
    }
  }
  BOOST_TEST(book.open_alerts() == 1U);
  const auto due = tick(at("10:00:00"), {}, {kKey});
  BOOST_TEST_REQUIRE(due.size() == 1U);
  BOOST_TEST((due[0].ends_at >= due[0].starts_at));  // Alertmanager refuses the opposite
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_uses_up_no_hold_and_sends_at_once) {
  for (const int hours : {-1, 1}) {
    AlertBook set{push_options(), ""};
    const auto step = std::chrono::hours(hours);
    const auto none = [](const core::Labels&) { return false; };
    (void)set.update(tick_of(at("12:00:00"), {anomalous("bandwidth", Level::Critical)}), none);
    set.clock_stepped(step);
    const auto due = set.idle(at("12:01:30") + step);
    BOOST_TEST_REQUIRE(names_of(due) == std::vector<std::string>{"AnomalyCritical"});
    BOOST_TEST((due[0].starts_at == at("12:00:00") + step));
    BOOST_TEST(names_of(set.idle(at("12:14:59") + step)) ==
               std::vector<std::string>{"AnomalyCritical"});
    BOOST_TEST(names_of(set.idle(at("12:15:01") + step)) ==
               std::vector<std::string>{"AnomalyCritical resolved"});
  }
}

BOOST_AUTO_TEST_CASE(two_exporters_on_the_same_data_send_equal_bytes) {
  AlertBook other{push_options(), "http://us:10097"};
  const auto none = [](const core::Labels&) { return false; };
  for (int i = 0; i < 40; ++i) {
    std::vector<ActiveAlert> active{anomalous("bandwidth", Level::Warning, "b"),
                                    anomalous("bandwidth", Level::Critical, "a")};
    if (i > 20) active.clear();
    const auto now = tick_of(at("12:00:00") + i * seconds(10), active,
                             i > 20 ? book.open_keys("link") : std::vector<std::string>{});
    const auto mine = book.update(now, none);
    BOOST_TEST(alerts_body(mine) == alerts_body(other.update(now, none)));
    for (const Alert& alert : mine) {
      for (const core::Label& label : alert.labels.items()) {
        BOOST_TEST(label.value.find("us:10097") == std::string::npos);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reload_keeps_what_is_open_and_sends_it_to_new_senders) {
  (void)critical(at("12:00:00"));
  book.configure(push_options());
  book.retain({{"link", {"bandwidth"}}}, at("12:00:05"));
  const auto due = book.flush();
  BOOST_TEST(names_of(due) == std::vector<std::string>{"AnomalyCritical"});
  BOOST_TEST((due[0].starts_at == at("12:00:00")));
  BOOST_TEST(critical(at("12:00:10")).empty());
}

BOOST_AUTO_TEST_CASE(a_changed_external_label_moves_the_alert) {
  (void)critical(at("12:00:00"));
  AlertingOptions options = push_options();
  options.external_labels = {{"site", "berlin"}};
  book.configure(options);
  const auto due = book.flush();
  BOOST_TEST(names_of(due) ==
             (std::vector<std::string>{"AnomalyCritical", "AnomalyCritical resolved"}));
  BOOST_TEST(due[0].labels.value("site").value() == "berlin");
  BOOST_TEST((due[0].starts_at == at("12:00:00")));
  BOOST_TEST(book.open_alerts() == 1U);
}

BOOST_AUTO_TEST_CASE(what_a_reload_removes_is_resolved) {
  (void)tick(at("12:00:00"),
             {anomalous("bandwidth", Level::Critical), anomalous("jitter", Level::Warning)});
  book.retain({{"link", {"bandwidth"}}}, at("12:00:05"));
  BOOST_TEST(names_of(critical(at("12:00:10"))) ==
             std::vector<std::string>{"AnomalyWarning resolved"});
  book.retain({}, at("12:00:15"));
  const auto due = book.idle(at("12:00:16"));
  BOOST_TEST(names_of(due) == std::vector<std::string>{"AnomalyCritical resolved"});
}

BOOST_AUTO_TEST_CASE(a_notification_finds_its_episode_by_the_labels_it_has) {
  (void)critical(at("12:00:00"));
  const auto with = [](const char* host) {
    return labels_of({{"monitor", "link"},
                      {"metric", "bandwidth"},
                      {"instance", host},
                      {"alertname", "FromARule"},
                      {"cluster", "prometheus-1"}});
  };
  BOOST_TEST((book.find(with("a")) != nullptr));
  BOOST_TEST((book.find(with("b")) == nullptr));
  BOOST_TEST((book.find(labels_of({{"monitor", "other"}})) == nullptr));
}

BOOST_AUTO_TEST_CASE(a_notification_finds_the_nearest_episode_of_its_level) {
  ActiveAlert wide = anomalous("bandwidth", Level::Critical);
  wide.labels = labels_of({{"monitor", "link"}, {"metric", "bandwidth"}});
  wide.key = "wide";
  (void)tick(at("12:00:00"), {anomalous("bandwidth", Level::Critical), wide});
  const auto key_of = [&](const char* host, const char* severity) -> std::string {
    const auto* e = book.find(labels_of({{"monitor", "link"},
                                         {"metric", "bandwidth"},
                                         {"instance", host},
                                         {"severity", severity}}));
    return e == nullptr ? "" : e->key;
  };
  BOOST_TEST(key_of("a", "critical") == kKey);
  BOOST_TEST(key_of("b", "critical") == "wide");
  BOOST_TEST(key_of("a", "warning") == "");  // a late one, of before its rise
  BOOST_TEST(key_of("a", "page") == kKey);   // of a rule that has severities of its own
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
