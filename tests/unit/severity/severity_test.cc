#include "anomaly_exporter/severity/severity.h"

#include "anomaly_exporter/severity/policy.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <ostream>
#include <string>

namespace anomaly_exporter::severity {

inline std::ostream& operator<<(std::ostream& out, Level level) { return out << to_string(level); }

namespace {

using detectors::kLanes;
using detectors::LaneMask;
using detectors::Outcome;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// One block of one metric; every row expects 0 with a scale of 1, so its value is its sigmas.
struct Bench {
  Bench() {
    values.resize(kLanes);
    present.assign(1, ~LaneMask{0});
    tick.active = ~LaneMask{0};
    scores.resize(1, 1);
    out.resize(1);
  }

  void row(std::size_t lane, double score, float value) {
    values[lane] = value;
    scores.outcome[lane] = Outcome::Scored;
    scores.score[lane] = score;
    scores.has_expectation[lane] = 1;
    scores.expected[lane] = 0;
    scores.scale[lane] = 1;
  }

  void judge() {
    tick.values = values;
    tick.present = present;
    Policy policy;
    policy.threshold = alarm_threshold;
    policy.level = level;
    const Policies policies("m", policy, {{"x", limits}}, {}, {});
    const std::vector<std::uint32_t> numbers(kLanes);
    Judge({significance}).judge(tick, scores, policies, numbers, log_p0, out);
  }

  double alarm_threshold = 0.6;
  double log_p0 = -1e-9;  // no score is rare, so only deviations count
  std::optional<Level> level;
  CriticalLimits limits;
  ensemble::Significance significance;
  std::vector<float> values;
  std::vector<LaneMask> present;
  detectors::Tick tick;
  ensemble::EnsembleColumns scores;
  SeverityColumns out;
};

BOOST_AUTO_TEST_SUITE(severity_test)

BOOST_AUTO_TEST_CASE(levels_are_those_of_the_specification_and_their_bounds_belong_as_stated) {
  struct Case {
    double score;
    float sigmas;
    Level want;
  };
  const float below_3 = std::nextafter(3.0F, 0.0F);
  const float above_5 = std::nextafter(5.0F, 6.0F);
  const double above_09 = std::nextafter(0.9, 1.0);
  const Case cases[] = {
      {0, 0, Level::None},
      {0, 100, Level::None},
      {std::nextafter(0.6, 0.0), 100, Level::None},
      {0.6, 0, Level::Info},
      {0.6, 100, Level::Info},
      {std::nextafter(0.7, 0.0), 3, Level::Info},
      {0.7, 3, Level::Warning},
      {0.7, below_3, Level::Info},
      {0.95, below_3, Level::Info},
      {0.9, 100, Level::Warning},
      {above_09, 5, Level::Warning},
      {above_09, above_5, Level::Critical},
      {0.99, 5, Level::Warning},
      {0.99, -above_5, Level::Critical},
  };
  Bench bench;
  std::size_t lane = 0;
  for (const Case& c : cases) bench.row(lane++, c.score, c.sigmas);
  bench.judge();
  lane = 0;
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT("score " << c.score << " at " << c.sigmas << " sigmas") {
      BOOST_TEST(bench.out.level[lane] == c.want);
      BOOST_TEST(bench.out.sigmas[lane] == std::abs(c.sigmas));
    }
    ++lane;
  }
}

BOOST_AUTO_TEST_CASE(below_a_raised_alarm_threshold_there_is_no_level) {
  Bench bench;
  bench.alarm_threshold = 0.95;
  bench.row(0, 0.94, 10);
  bench.row(1, 0.95, 10);
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::None);
  BOOST_TEST(bench.out.level[1] == Level::Critical);
}

BOOST_AUTO_TEST_CASE(a_crossed_critical_limit_needs_no_warm_up) {
  Bench bench;
  bench.limits = {.below = 50, .above = 200};
  const float values[] = {49, 50, 120, 200, 201};
  const Level want[] = {Level::Critical, Level::None, Level::None, Level::None, Level::Critical};
  for (std::size_t lane = 0; lane < std::size(values); ++lane) {
    bench.values[lane] = values[lane];
    bench.scores.outcome[lane] = Outcome::WarmingUp;
  }
  bench.judge();
  for (std::size_t lane = 0; lane < std::size(values); ++lane) {
    BOOST_TEST(bench.out.level[lane] == want[lane]);
    BOOST_TEST(bench.out.sigmas[lane] == 0.0F);
  }
}

BOOST_AUTO_TEST_CASE(leaving_the_valid_range_alone_is_a_warning) {
  Bench bench;
  bench.significance = {.valid_min = 0, .valid_max = 100};
  bench.row(0, ensemble::Ensemble::kInvalidValueScore, 101);
  bench.scores.expected[0] = 101;  // not even unexpected
  bench.values[1] = -1;
  bench.scores.outcome[1] = Outcome::WarmingUp;
  bench.row(2, 0.99, 1000);
  bench.row(3, 0, 100);
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::Warning);
  BOOST_TEST(bench.out.level[1] == Level::Warning);
  BOOST_TEST(bench.out.level[2] == Level::Critical);
  BOOST_TEST(bench.out.level[3] == Level::None);
}

BOOST_AUTO_TEST_CASE(a_score_without_an_expected_value_is_at_most_info) {
  Bench bench;
  bench.row(0, 0.99, 1000);
  bench.scores.has_expectation[0] = 0;
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::Info);
  BOOST_TEST(bench.out.sigmas[0] == 0.0F);
}

BOOST_AUTO_TEST_CASE(a_rare_score_is_significant_where_the_value_is_near_its_expectation) {
  Bench bench;
  bench.log_p0 = std::log(1.0 / 60480);  // one a week at ticks of 10 s
  bench.row(0, 0.95, 0);                 // a broken correlation
  bench.row(1, 0.75, 0);
  bench.row(2, 0.65, 0);
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::Critical);
  BOOST_TEST(bench.out.level[1] == Level::Warning);
  BOOST_TEST(bench.out.level[2] == Level::Info);
  BOOST_TEST(bench.out.sigmas[0] == 0.0F);  // |value - expected| / scale, as the name says
  // Where a tick is an hour and the budget one a week, 0.91 is 4.7 sigmas only.
  bench.row(0, 0.91, 0);
  bench.log_p0 = std::log(1.0 / 168);
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::Warning);
}

BOOST_AUTO_TEST_CASE(a_level_that_is_set_holds_whatever_the_score_but_not_against_limits) {
  Bench bench;
  bench.level = Level::Info;
  bench.limits = {.above = 1000};
  bench.row(0, 0.99, 100);
  bench.row(1, 0.5, 100);
  bench.row(2, 0.99, 1001);
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::Info);
  BOOST_TEST(bench.out.level[1] == Level::None);
  BOOST_TEST(bench.out.level[2] == Level::Critical);
  BOOST_TEST(int{bench.out.is_limit[1]} == 0);
  BOOST_TEST(int{bench.out.is_limit[2]} == 1);
}

BOOST_AUTO_TEST_CASE(an_absent_value_has_no_level) {
  Bench bench;
  bench.limits = {.below = 50};
  bench.row(0, 0.99, 10);
  bench.present[0] = ~series::bit(0);
  bench.out.level[0] = Level::Critical;
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::None);
}

BOOST_AUTO_TEST_CASE(lanes_that_are_not_active_keep_their_level) {
  Bench bench;
  bench.row(0, 0.99, 10);
  bench.tick.active = ~series::bit(0);
  bench.out.level[0] = Level::Warning;
  bench.judge();
  BOOST_TEST(bench.out.level[0] == Level::Warning);
}

BOOST_AUTO_TEST_CASE(a_deviation_beyond_float_stays_finite) {
  Bench bench;
  bench.row(0, 0.99, std::numeric_limits<float>::max());
  bench.scores.expected[0] = -std::numeric_limits<float>::max();
  bench.scores.scale[0] = std::numeric_limits<float>::min();
  bench.judge();
  BOOST_TEST(bench.out.sigmas[0] == std::numeric_limits<float>::max());
  BOOST_TEST(bench.out.level[0] == Level::Critical);
}

BOOST_AUTO_TEST_CASE(names_of_levels) {
  BOOST_TEST(to_string(Level::None) == "none");
  BOOST_TEST(to_string(Level::Info) == "info");
  BOOST_TEST(to_string(Level::Warning) == "warning");
  BOOST_TEST(to_string(Level::Critical) == "critical");
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused_by_name) {
  BOOST_TEST(SeverityOptions{}.validate().ok());
  BOOST_TEST(CriticalLimits{}.validate().ok());
  const auto message = [](const SeverityOptions& o) { return o.validate().error().message; };
  BOOST_TEST(message({.warning_score = -0.1}) == "warning_score: -0.1 is not from 0 to 1");
  BOOST_TEST(message({.critical_score = 1.1}) == "critical_score: 1.1 is not from 0 to 1");
  BOOST_TEST(SeverityOptions{.warning_score = 0}.validate().ok());
  BOOST_TEST(SeverityOptions{.critical_score = 1}.validate().ok());  // never by the score
  BOOST_TEST(message({.warning_sigmas = -1}) == "warning_sigmas: -1 is not a finite number >= 0");
  BOOST_TEST(message({.critical_sigmas = kInfinity}) ==
             "critical_sigmas: +Inf is not a finite number >= 0");
  BOOST_TEST(message({.warning_score = 0.95}) == "warning_score 0.95 is above critical_score 0.9");
  BOOST_TEST(message({.warning_sigmas = 6}) == "warning_sigmas 6 is above critical_sigmas 5");
  const CriticalLimits crossed{.below = 80, .above = 50};
  BOOST_TEST(crossed.validate().error().message == "critical: below 80 is not less than above 50");
  BOOST_TEST(!CriticalLimits{.below = NAN}.validate().ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::severity
