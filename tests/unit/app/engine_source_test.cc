// What the engine makes of a source that answers in part, late or not at all.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "anomaly_exporter/app/engine.h"
#include "app_support.h"

namespace anomaly_exporter::app {
namespace {

using Flag = exposition::MonitorSnapshot::Flag;

core::Timestamp at(std::int64_t tick) {
  return core::Timestamp{1'700'000'000'000} + std::chrono::seconds(10) * tick;
}

std::optional<double> noisy(const std::string& entity, const std::string& metric,
                            core::Timestamp t) {
  return noise(entity, metric, t);
}

struct Fixture {
  support::ManualClock clock;
  Engine engine{1, clock};

  void run(MonitorState& monitor, support::FakeSource& source, std::int64_t from, std::int64_t to) {
    for (std::int64_t k = from; k <= to; ++k) (void)engine.tick(monitor, source, at(k), {});
  }
};

BOOST_FIXTURE_TEST_SUITE(engine_source_test, Fixture)

BOOST_AUTO_TEST_CASE(a_source_that_is_down_leaves_the_monitor_where_it_was) {
  TestMonitor monitor(test_config({"x"}));
  support::FakeSource source({"a"}, noisy);
  run(*monitor, source, 1, 50);
  source.set_up(false);
  const TickReport report = engine.tick(*monitor, source, at(51), {});
  BOOST_TEST(!report.source_up);
  BOOST_TEST(report.errors.at(0) == "connection refused");
  BOOST_TEST(monitor->index == 50);
  BOOST_TEST(monitor->table->entities() == 1U);
}

BOOST_AUTO_TEST_CASE(a_refused_metric_does_not_stop_the_others_and_is_not_called_missing) {
  TestMonitor monitor(test_config({"x", "y"}));
  support::FakeSource source({"a"}, noisy);
  run(*monitor, source, 1, 60);
  source.refuse("y");
  const TickReport report = engine.tick(*monitor, source, at(61), {});
  BOOST_TEST(report.source_up);
  BOOST_TEST(report.errors.at(0).empty());
  BOOST_TEST(report.errors.at(1) == "HTTP 400");
  BOOST_TEST((monitor->results.flags[series::row_of(0, 0, 2)] & Flag::kScored) != 0);
  BOOST_TEST(static_cast<int>(monitor->results.flags[series::row_of(0, 1, 2)]) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_missing_stays_so_while_its_metric_cannot_be_read) {
  TestMonitor monitor(test_config({"x", "y"}));
  bool has_y = true;
  support::FakeSource source(
      {"a"}, [&](const std::string& e, const std::string& m, core::Timestamp t) {
        return m == "x" || has_y ? std::optional<double>(noise(e, m, t)) : std::nullopt;
      });
  const auto flags = [&] { return int{monitor->results.flags[series::row_of(0, 1, 2)]}; };
  run(*monitor, source, 1, 60);
  has_y = false;
  run(*monitor, source, 61, 61);
  BOOST_TEST(flags() == int{Flag::kMissing});
  source.refuse("y");
  run(*monitor, source, 62, 62);
  BOOST_TEST(flags() == int{Flag::kMissing});
  has_y = true;
  source.refuse("");
  run(*monitor, source, 63, 63);
  BOOST_TEST((flags() & Flag::kMissing) == 0);
}

BOOST_AUTO_TEST_CASE(a_sample_as_old_as_the_source_allows_is_used) {
  TestMonitor monitor(test_config({"x"}));
  const auto labels = std::make_shared<const core::Labels>(
      core::Labels::create({{"job", "slow"}, {"instance", "a"}}).value());
  monitor->table->begin(at(100), monitor->values);
  const series::LabelledSample old{labels, {at(100) - std::chrono::minutes(14), 1.0}};
  monitor->table->place(0, {&old, 1}, monitor->values);
  monitor->table->end(at(100), true);
  BOOST_TEST(monitor->table->series() == 1U);
  BOOST_TEST((monitor->values.present[0] & 1U) == 1U);
}

BOOST_AUTO_TEST_CASE(a_series_that_ends_is_missing_and_leaves_no_score) {
  TestMonitor monitor(test_config({"x"}));
  support::FakeSource source({"a", "b"}, noisy);
  run(*monitor, source, 1, 60);
  source.remove("a");
  run(*monitor, source, 61, 61);
  BOOST_TEST(static_cast<int>(monitor->results.flags[0]) == static_cast<int>(Flag::kMissing));
  BOOST_TEST((monitor->results.flags[1] & Flag::kScored) != 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
