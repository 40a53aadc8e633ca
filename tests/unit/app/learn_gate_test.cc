#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <memory>

#include "app_support.h"

namespace anomaly_exporter::app {
namespace {

BOOST_AUTO_TEST_SUITE(learn_gate_test)

/// Raw scores of a quiet metric that calibration takes in over 20 ticks.
double learned(std::shared_ptr<const LearnGate> gate) {
  support::ManualClock clock;
  Engine engine(1, clock);
  TestMonitor monitor(test_config({"x"}));
  support::FakeSource source(
      {"a", "b"}, [](const std::string& entity, const std::string& metric, core::Timestamp t) {
        return std::optional<double>(100 + noise(entity, metric, t));
      });
  core::Timestamp time{1'700'000'000'000};
  const auto run = [&](int ticks) {
    for (int i = 0; i < ticks; ++i, time = time + std::chrono::seconds(10)) {
      (void)engine.tick(*monitor, source, time, {});
    }
  };
  run(200);
  const double before = monitor->calibrations.front().samples();
  monitor->learn_gate = std::move(gate);
  run(20);
  return monitor->calibrations.front().samples() - before;
}

BOOST_AUTO_TEST_CASE(a_gated_row_teaches_nothing_and_the_others_go_on) {
  const double all = learned(nullptr);
  BOOST_TEST(all > 0);
  BOOST_TEST(learned(std::make_shared<LearnGate>(64, std::uint8_t{1})) == 0);
  const double one = learned(std::make_shared<LearnGate>(LearnGate{1}));  // the first row alone
  BOOST_TEST(one > 0);
  BOOST_TEST(one < all);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
