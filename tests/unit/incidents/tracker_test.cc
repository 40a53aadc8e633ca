#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/incidents/tracker.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::incidents {
namespace {

using severity::Level;

constexpr core::Timestamp kStart{1'700'000'000'000};
constexpr core::Duration kTick = std::chrono::seconds(10);

core::Labels labels_of(std::vector<core::Label> labels) {
  return core::Labels::create(std::move(labels)).value();
}

/// Rows with names, labels and values; a tick moves the time on.
struct Fixture {
  struct Row {
    std::string metric;
    core::Labels labels;
    std::vector<float> values;
  };
  std::vector<Row> rows;
  Tracker tracker{"node", {}};
  core::Timestamp now = kStart;
  std::map<std::uint32_t, Sighting> anomalous;

  /// Noise of its own for every row.
  std::uint32_t add_row(std::string metric, core::Labels labels) {
    core::Rng rng(rows.size() + 1);
    Row row{std::move(metric), std::move(labels), {}};
    for (int i = 0; i < 100; ++i) row.values.push_back(static_cast<float>(rng.normal()));
    rows.push_back(std::move(row));
    return static_cast<std::uint32_t>(rows.size() - 1);
  }
  /// A step of ten sigmas that began so many ticks ago.
  void step(std::uint32_t row, std::size_t ticks_ago) {
    auto& values = rows[row].values;
    for (std::size_t i = values.size() - ticks_ago; i < values.size(); ++i) values[i] += 10;
  }
  void opens(std::uint32_t row, Level level = Level::Warning, double score = 0.8) {
    anomalous[row] = {.row = row, .level = level, .score = score, .opened = now};
  }
  void ends(std::uint32_t row) { anomalous.erase(row); }
  bool tick() {
    std::vector<Sighting> sightings;
    for (const auto& [row, sighting] : anomalous) sightings.push_back(sighting);
    const bool is_changed = tracker.update(now, sightings, source());
    now = now + kTick;
    return is_changed;
  }
  RowSource source() {
    return {.metric = [this](std::uint32_t row) { return rows[row].metric; },
            .labels = [this](std::uint32_t row) { return rows[row].labels; },
            .recent =
                [this](std::uint32_t row, std::span<float> out) {
                  const auto& values = rows[row].values;
                  std::copy(values.end() - static_cast<std::ptrdiff_t>(out.size()), values.end(),
                            out.begin());
                }};
  }
  std::uint32_t add_host(int number, const std::string& metric = "us") {
    return add_row(metric,
                   labels_of({{"instance", "h" + std::to_string(number)}, {"job", "node"}}));
  }
};

BOOST_FIXTURE_TEST_SUITE(tracker_test, Fixture)

BOOST_AUTO_TEST_CASE(one_anomaly_is_an_incident_that_stands_for_nothing_else) {
  const auto us = add_host(1);
  BOOST_TEST(!tick());
  opens(us);
  BOOST_TEST(tick());
  BOOST_TEST(!tick());
  BOOST_REQUIRE(tracker.open().size() == 1U);
  const Incident& incident = tracker.open()[0];
  BOOST_TEST(!incident.is_shown());
  BOOST_TEST(to_string(incident.cause) == "alone");
  BOOST_TEST(incident.id.size() == 16U);
  BOOST_TEST(incident.shared.text() == "{instance=\"h1\",job=\"node\"}");
}

BOOST_AUTO_TEST_CASE(metrics_of_one_entity_are_one_incident_even_an_hour_apart) {
  const auto us = add_host(1, "us"), sy = add_host(1, "sy");
  opens(us);
  tick();
  now = now + std::chrono::hours(1);
  opens(sy, Level::Critical, 0.95);
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  const Incident& incident = tracker.open()[0];
  BOOST_TEST(incident.is_shown());
  BOOST_TEST(to_string(incident.cause) == "entity");
  BOOST_TEST(incident.shared.size() == 2U);
  BOOST_TEST((incident.level() == Level::Critical));
  BOOST_TEST(incident.members[0].metric == "sy");  // the worst stands first
  BOOST_TEST(incident.members[incident.first].metric == "us");
}

BOOST_AUTO_TEST_CASE(entities_whose_values_moved_together_are_one_incident_with_the_shift) {
  const auto a = add_host(1), b = add_host(2);
  step(a, 9);
  step(b, 6);  // three ticks later
  opens(a);
  tick();
  opens(b);
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  const Incident& incident = tracker.open()[0];
  BOOST_TEST(to_string(incident.cause) == "correlation");
  BOOST_TEST(incident.shared.text() == "{job=\"node\"}");
  const Member& follower = incident.members[1 - incident.first];
  BOOST_TEST(follower.lag == 3);
  BOOST_TEST(follower.correlation > 0.8);
}

BOOST_AUTO_TEST_CASE(an_incident_of_which_one_host_is_left_has_the_labels_of_that_host) {
  const auto a = add_host(1), b = add_host(2);
  step(a, 9);
  step(b, 9);
  opens(a);
  opens(b);
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  const std::string id = tracker.open()[0].id;
  ends(b);
  BOOST_TEST(tick());
  BOOST_TEST(tracker.open()[0].shared.text() == "{job=\"node\"}");  // it may come back
  now = now + std::chrono::minutes(5);
  BOOST_TEST(tick());
  BOOST_TEST(tracker.open()[0].shared.text() == "{instance=\"h1\",job=\"node\"}");
  BOOST_TEST(tracker.open()[0].id == id);
  BOOST_TEST(!tick());
  // What now opens elsewhere is no part of it.
  opens(b);
  tick();
  BOOST_TEST(tracker.open().size() == 2U);
}

BOOST_AUTO_TEST_CASE(entities_that_do_not_move_together_stay_apart) {
  for (int i = 0; i < 9; ++i) opens(add_host(i));  // one less than a storm
  tick();
  BOOST_TEST(tracker.open().size() == 9U);
}

BOOST_AUTO_TEST_CASE(what_comes_later_than_join_within_is_another_incident) {
  const auto a = add_host(1), b = add_host(2);
  step(a, 9);
  step(b, 9);
  opens(a);
  tick();
  now = now + std::chrono::minutes(6);
  opens(b);
  tick();
  BOOST_TEST(tracker.open().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_storm_of_five_hundred_is_one_incident) {
  for (int i = 0; i < 500; ++i) opens(add_host(i), Level::Critical, 0.9 + i * 1e-5);
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  const Incident& storm = tracker.open()[0];
  BOOST_TEST(to_string(storm.cause) == "storm");
  BOOST_TEST(storm.open_members() == 500U);
  BOOST_TEST(storm.shared.text() == "{job=\"node\"}");
  BOOST_TEST(storm.members[0].labels.value("instance").value() == "h499");
}

BOOST_AUTO_TEST_CASE(a_storm_of_more_entities_than_may_be_open_is_one_incident_at_once) {
  tracker.configure({.most_open = 10});
  for (int i = 0; i < 500; ++i) opens(add_host(i));
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  BOOST_TEST(tracker.open()[0].open_members() == 500U);
  BOOST_TEST(tracker.refused() == 0U);
}

BOOST_AUTO_TEST_CASE(storms_that_have_an_entity_in_common_are_one) {
  // Twelve instances in one zone, twelve in one rack, one of them in both.
  for (int i = 0; i < 23; ++i) {
    std::vector<core::Label> labels{{"instance", "h" + std::to_string(i)}};
    if (i < 12) labels.push_back({"zone", "a"});
    if (i >= 11) labels.push_back({"rack", "7"});
    opens(add_row("us", labels_of(std::move(labels))));
  }
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  BOOST_TEST(tracker.open()[0].open_members() == 23U);
}

BOOST_AUTO_TEST_CASE(those_that_no_label_brings_together_are_a_storm_of_their_own) {
  // Twelve pods of one deployment; thirty of fifteen others, two each.
  for (int i = 0; i < 42; ++i) {
    const int deployment = i < 12 ? 0 : 1 + (i - 12) / 2;
    opens(add_row("errors", labels_of({{"deployment", std::to_string(deployment)},
                                       {"pod", std::to_string(i)}})));
  }
  tick();
  BOOST_REQUIRE(tracker.open().size() == 2U);
  BOOST_TEST(tracker.open()[0].shared.text() == "{deployment=\"0\"}");
  BOOST_TEST(tracker.open()[0].open_members() == 12U);
  BOOST_TEST(tracker.open()[1].shared.empty());
  BOOST_TEST(tracker.open()[1].open_members() == 30U);
}

BOOST_AUTO_TEST_CASE(one_that_comes_after_a_storm_elsewhere_is_not_of_it) {
  for (int i = 0; i < 12; ++i) {
    opens(add_row("errors", labels_of({{"deployment", "a"}, {"pod", std::to_string(i)}})));
  }
  tick();
  opens(add_row("errors", labels_of({{"deployment", "b"}, {"pod", "x"}})));
  tick();
  BOOST_TEST(tracker.open().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_clock_set_back_keeps_old_incidents_from_new_storms) {
  for (int i = 0; i < 9; ++i) opens(add_host(i));
  tick();
  now = now - std::chrono::hours(2);
  opens(add_host(9));
  tick();
  BOOST_TEST(tracker.open().size() == 10U);
}

BOOST_AUTO_TEST_CASE(a_storm_that_grows_takes_in_the_incidents_it_began_with) {
  for (int i = 0; i < 30; ++i) {
    opens(add_host(i));
    tick();
    if (i == 8) BOOST_TEST(tracker.open().size() == 9U);
  }
  BOOST_REQUIRE(tracker.open().size() == 1U);
  BOOST_TEST(tracker.open()[0].open_members() == 30U);
}

BOOST_AUTO_TEST_CASE(storms_of_two_clusters_are_two_incidents) {
  for (const std::string cluster : {"east", "west"}) {
    for (int i = 0; i < 20; ++i) {
      opens(add_row("latency",
                    labels_of({{"cluster", cluster}, {"instance", cluster + std::to_string(i)}})));
    }
  }
  tick();
  BOOST_REQUIRE(tracker.open().size() == 2U);
  BOOST_TEST(tracker.open()[0].shared.size() == 1U);
  BOOST_TEST(tracker.open()[0].shared.text() != tracker.open()[1].shared.text());
}

BOOST_AUTO_TEST_CASE(entities_without_a_common_label_storm_under_the_monitor_alone) {
  for (int i = 0; i < 20; ++i) opens(add_row("p99", labels_of({{"service", std::to_string(i)}})));
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  BOOST_TEST(tracker.open()[0].shared.empty());
}

BOOST_AUTO_TEST_CASE(an_incident_ends_with_its_last_member) {
  const auto us = add_host(1, "us"), sy = add_host(1, "sy");
  opens(us, Level::Critical);
  opens(sy, Level::Warning);
  tick();
  const std::string id = tracker.open()[0].id;
  ends(us);
  BOOST_TEST(tick());
  BOOST_REQUIRE(tracker.open().size() == 1U);
  BOOST_TEST((tracker.open()[0].level() == Level::Warning));  // of those that go on
  BOOST_TEST(tracker.open()[0].open_members() == 1U);
  ends(sy);
  tick();
  BOOST_TEST(tracker.open().empty());
  BOOST_REQUIRE(tracker.resolved().size() == 1U);
  BOOST_TEST(tracker.resolved()[0]->id == id);
  BOOST_TEST((tracker.resolved()[0]->level() == Level::None));
  BOOST_TEST(tracker.resolved()[0]->resolved.ms == (now - kTick).ms);
}

BOOST_AUTO_TEST_CASE(a_tracker_that_starts_anew_finds_the_same_incidents) {
  for (int i = 0; i < 15; ++i) opens(add_host(i));
  tick();
  now = now + std::chrono::hours(1);
  opens(add_row("latency", labels_of({{"instance", "x"}, {"job", "edge"}})));
  tick();
  BOOST_REQUIRE(tracker.open().size() == 2U);
  const std::vector<Incident> before = tracker.open();
  tracker = Tracker("node", {});
  tick();
  BOOST_REQUIRE(tracker.open().size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    BOOST_TEST(tracker.open()[i].id == before[i].id);
    BOOST_TEST(tracker.open()[i].opened.ms == before[i].opened.ms);
    BOOST_TEST(tracker.open()[i].members.size() == before[i].members.size());
  }
}

BOOST_AUTO_TEST_CASE(what_would_be_exported_under_equal_labels_is_one_incident) {
  std::vector<std::uint32_t> pairs;
  for (int i = 0; i < 4; ++i) pairs.push_back(add_host(i));
  for (const auto row : pairs) step(row, row < 2 ? 9 : 40);
  opens(pairs[0]);
  opens(pairs[1]);
  tick();
  const std::string id = tracker.open()[0].id;
  now = now + std::chrono::hours(1);
  opens(pairs[2]);
  opens(pairs[3]);
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  BOOST_TEST(tracker.open()[0].id == id);
  BOOST_TEST(tracker.open()[0].open_members() == 4U);
}

BOOST_AUTO_TEST_CASE(beyond_most_open_an_anomaly_is_refused_and_counted_once) {
  tracker.configure({.most_open = 2});
  for (int i = 0; i < 3; ++i) opens(add_host(i));
  tick();
  tick();
  BOOST_TEST(tracker.open().size() == 2U);
  BOOST_TEST(tracker.refused() == 1U);
}

BOOST_AUTO_TEST_CASE(only_the_newest_resolved_ones_are_kept) {
  tracker.configure({.most_resolved = 2});
  const auto us = add_host(1);
  for (int i = 0; i < 5; ++i) {
    opens(us);
    tick();
    ends(us);
    tick();
  }
  BOOST_REQUIRE(tracker.resolved().size() == 2U);
  BOOST_TEST(tracker.resolved()[0]->opened.ms < tracker.resolved()[1]->opened.ms);
}

BOOST_AUTO_TEST_CASE(an_episode_that_ended_and_began_again_is_a_new_member) {
  const auto us = add_host(1, "us"), sy = add_host(1, "sy");
  opens(us);
  opens(sy);
  tick();
  opens(us);  // with a later opening
  tick();
  BOOST_REQUIRE(tracker.open().size() == 1U);
  BOOST_TEST(tracker.open()[0].members.size() == 3U);
  BOOST_TEST(tracker.open()[0].open_members() == 2U);
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_named) {
  const auto error = [](IncidentOptions options) { return options.validate().error().message; };
  BOOST_TEST(IncidentOptions{}.validate().ok());
  BOOST_TEST(error({.join_within = core::Duration(0)}).starts_with("join_within"));
  BOOST_TEST(error({.correlation = 0}).starts_with("correlation"));
  BOOST_TEST(error({.correlation = std::nan("")}).starts_with("correlation"));
  BOOST_TEST(error({.most_lag = 30}).starts_with("most_lag"));
  BOOST_TEST(error({.correlated_ticks = 5}).starts_with("correlated_ticks"));
  BOOST_TEST(error({.storm = 1}).starts_with("storm"));
  BOOST_TEST(error({.most_open = 0}).starts_with("most_open"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lagged_correlation_test)

BOOST_AUTO_TEST_CASE(the_shift_between_two_copies_is_found_in_both_directions) {
  std::vector<float> a, b;
  core::Rng rng(7);
  for (int i = 0; i < 64; ++i) a.push_back(static_cast<float>(1e6 + rng.normal()));
  b.assign(a.size(), std::numeric_limits<float>::quiet_NaN());
  for (std::size_t i = 4; i < a.size(); ++i) b[i] = -a[i - 4];
  auto found = stats::lagged_correlation(a, b, 5, 20);
  BOOST_TEST(found.is_known);
  BOOST_TEST(found.lag == 4);
  BOOST_TEST(found.r == -1, boost::test_tools::tolerance(1e-9));
  found = stats::lagged_correlation(b, a, 5, 20);
  BOOST_TEST(found.lag == -4);
}

BOOST_AUTO_TEST_CASE(a_constant_series_and_too_few_pairs_tell_nothing) {
  const std::vector<float> constant(64, 1e7F);
  std::vector<float> other(64, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t i = 0; i < 10; ++i) other[i] = static_cast<float>(i);
  BOOST_TEST(!stats::lagged_correlation(constant, constant, 5, 20).is_known);
  BOOST_TEST(!stats::lagged_correlation(other, other, 5, 20).is_known);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::incidents
