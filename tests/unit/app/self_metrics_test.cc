#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/self_metrics.h"

#include <boost/test/unit_test.hpp>
#include <optional>

#include "app_support.h"

namespace anomaly_exporter::app {
namespace {

constexpr core::Timestamp kStart{1'700'000'000'000};

struct Fixture {
  support::ManualClock clock;
  Engine engine{1, clock};
  support::FakeSource source{{"b", "a"},
                             [](const std::string& e, const std::string& m, core::Timestamp t) {
                               return std::optional<double>(noise(e, m, t));
                             }};
  SelfMetrics self;
  RunnerStatus status;

  /// A monitor's whole life: `ticks` ticks of two entities with two metrics, one dropped sample.
  void live(int ticks) {
    TestMonitor monitor{test_config({"x", "y"})};
    self.add_monitor(*monitor, monitor.drops);
    for (int i = 1; i <= ticks; ++i) {
      const auto report = engine.tick(*monitor, source, kStart + std::chrono::seconds(10) * i, {});
      self.observe_tick(*monitor, report, status, 0);
    }
    monitor.drops.add(series::DropReason::NotANumber, 1);
    self.observe_incidents("m", 5);
    self.remove_monitor("m");
  }
  /// Nothing without the family, or without metrics in it that have the label.
  std::optional<double> sum(const std::string& family, const std::string& label_value) {
    std::optional<double> out;
    for (const auto& found : self.collect()) {
      if (found.name != "anomaly_exporter_" + family) continue;
      for (const auto& metric : found.metric) {
        for (const auto& label : metric.label) {
          if (label.value != label_value) continue;
          out = out.value_or(0) + metric.counter.value + metric.gauge.value;
        }
      }
    }
    return out;
  }
};

BOOST_FIXTURE_TEST_SUITE(self_metrics_test, Fixture)

BOOST_AUTO_TEST_CASE(counters_go_on_when_a_monitor_is_built_anew) {
  live(3);
  BOOST_TEST(sum("samples_processed_total", "m").value() == 12);
  BOOST_TEST(sum("samples_dropped_total", "not_a_number").value() == 1);
  BOOST_TEST(!sum("monitor_entities", "m").has_value());

  live(2);  // fewer than before
  BOOST_TEST(sum("samples_processed_total", "m").value() == 20);
  BOOST_TEST(sum("samples_dropped_total", "not_a_number").value() == 2);
  BOOST_TEST(sum("incidents_refused_total", "m").value() == 10);
}

BOOST_AUTO_TEST_CASE(counters_of_a_monitor_that_no_configuration_names_go) {
  live(3);
  self.retain_monitors({"other"});
  BOOST_TEST(!sum("samples_processed_total", "m").has_value());
  BOOST_TEST(!sum("anomalies_total", "m").has_value());
  live(1);
  BOOST_TEST(sum("samples_processed_total", "m").value() == 4);
}

BOOST_AUTO_TEST_CASE(a_source_is_up_when_one_of_its_monitors_is_answered) {
  using std::chrono::seconds;
  auto& sources = self.sources();
  const auto tries = [&](const char* monitor, bool is_answered, int at, int interval) {
    sources.observe("prom", source,
                    {.monitor = monitor,
                     .is_answered = is_answered,
                     .now = seconds(at),
                     .interval = seconds(interval)});
    return sum("source_up", "prom").value() == 1;
  };
  sources.add("prom", source);
  BOOST_TEST(sum("source_up", "prom").value() == 0);
  BOOST_TEST(!tries("refused", false, 0, 10));
  BOOST_TEST(tries("served", true, 1, 60));
  for (int at = 10; at <= 110; at += 10) BOOST_TEST(tries("refused", false, at, 10), at);
  BOOST_TEST(!tries("refused", false, 130, 10));  // the other's answer is too old to count
  BOOST_TEST(tries("served", true, 131, 60));
  BOOST_TEST(!tries("served", false, 132, 60));
  BOOST_TEST(tries("served", true, 133, 60));
  sources.remove_monitor("served");
  BOOST_TEST(sum("source_up", "prom").value() == 0);
}

BOOST_AUTO_TEST_CASE(a_source_tells_how_much_of_its_room_is_taken) {
  self.sources().observe_series("prom", 90, 100);
  BOOST_TEST(!sum("source_series", "prom").has_value());  // nobody reads it
  self.sources().add("prom", source);
  self.sources().observe_series("prom", 90, 100);
  BOOST_TEST(sum("source_series", "prom").value() == 90);
  BOOST_TEST(sum("source_series_limit", "prom").value() == 100);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
