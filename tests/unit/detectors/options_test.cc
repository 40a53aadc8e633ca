#include "anomaly_exporter/detectors/options.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>

namespace anomaly_exporter::detectors {
namespace {

std::string message(const core::Status& status) {
  return status.ok() ? "" : status.error().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options_test)

BOOST_AUTO_TEST_CASE(defaults_are_valid_for_the_default_window) {
  BOOST_TEST(message(ZScoreOptions{}.validate(1000)).empty());
  BOOST_TEST(message(MadOptions{}.validate(1000)).empty());
  BOOST_TEST(message(IqrOptions{}.validate(1000)).empty());
  BOOST_TEST(message(MovingAverageOptions{}.validate(1000)).empty());
  BOOST_TEST(message(RegressionOptions{}.validate(1000)).empty());
}

BOOST_AUTO_TEST_CASE(windows_end_at_ten_and_at_the_monitors_window) {
  BOOST_TEST(message(ZScoreOptions{.window = 10}.validate(10)).empty());
  BOOST_TEST(message(ZScoreOptions{.window = 9}.validate(50)) ==
             "window: 9 is not within 10 to 50");
  BOOST_TEST(message(ZScoreOptions{.window = 51}.validate(50)) ==
             "window: 51 is not within 10 to 50");
  BOOST_TEST(message(RegressionOptions{.window = 9}.validate(50)) ==
             "window: 9 is not within 10 to 50");
  BOOST_TEST(message(MovingAverageOptions{.window = 51}.validate(50)) ==
             "window: 51 is not within 10 to 50");
  BOOST_TEST(message(MovingAverageOptions{.spread_window = 19}.validate(50)) ==
             "spread_window: 19 is not within 20 to 50");
  BOOST_TEST(message(MovingAverageOptions{.spread_window = 51}.validate(50)) ==
             "spread_window: 51 is not within 20 to 50");
}

BOOST_AUTO_TEST_CASE(sorted_windows_end_at_a_thousand) {
  BOOST_TEST(message(MadOptions{.window = 1000}.validate(5000)).empty());
  BOOST_TEST(message(MadOptions{.window = 1001}.validate(5000)) ==
             "window: 1001 is not within 10 to 1000");
  BOOST_TEST(message(IqrOptions{.window = 1001}.validate(5000)) ==
             "window: 1001 is not within 10 to 1000");
}

BOOST_AUTO_TEST_CASE(thresholds_are_finite_and_between_one_and_a_hundred) {
  BOOST_TEST(message(ZScoreOptions{.threshold = 100.0}.validate(1000)).empty());
  BOOST_TEST(message(ZScoreOptions{.threshold = 0.5}.validate(1000)) ==
             "threshold: 0.5 is not within 1 to 100");
  BOOST_TEST(message(MadOptions{.threshold = 100.5}.validate(1000)) ==
             "threshold: 100.5 is not within 1 to 100");
  BOOST_TEST(message(IqrOptions{.threshold = 0.5}.validate(1000)).empty());
  BOOST_TEST(message(IqrOptions{.threshold = 0.25}.validate(1000)) ==
             "threshold: 0.25 is not within 0.5 to 100");
  BOOST_TEST(
      message(RegressionOptions{.threshold = std::numeric_limits<double>::quiet_NaN()}.validate(
          1000)) == "threshold: NaN is not within 1 to 100");
  BOOST_TEST(message(MovingAverageOptions{.threshold = -1.0}.validate(1000)) ==
             "threshold: -1 is not within 1 to 100");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
