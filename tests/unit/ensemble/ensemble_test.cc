#include "anomaly_exporter/ensemble/ensemble.h"

#define BOOST_TEST_DYN_LINK
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <memory>

#include "noise.h"

namespace anomaly_exporter::ensemble {
namespace {

using detectors::kLanes;
using detectors::LaneMask;
using detectors::Outcome;
using detectors::Tick;
using detectors::VerdictColumns;

constexpr double kThreshold = 3;
const double kLogP0 = std::log(1e-4);

/// A detector that only has properties; verdicts are made by the test.
class FakeDetector final : public detectors::Detector {
 public:
  FakeDetector(detectors::Scope scope, int rank) : scope_(scope), rank_(rank) {}

  [[nodiscard]] std::string_view name() const override { return "fake"; }
  [[nodiscard]] detectors::Scope scope() const override { return scope_; }
  [[nodiscard]] double threshold() const override { return kThreshold; }
  [[nodiscard]] std::size_t warmup_samples() const override { return 0; }
  [[nodiscard]] std::size_t look_back() const override { return 100; }
  [[nodiscard]] int expectation_rank() const override { return rank_; }
  void resize(std::size_t) override {}
  void score(const Tick&, VerdictColumns&) const override {}
  void learn(const Tick&, const detectors::LearnMask&) override {}
  void forget(std::size_t, LaneMask) override {}
  void save(std::size_t, core::StateWriter&) const override {}
  core::Status restore(std::size_t, core::StateReader&) override { return {}; }
  [[nodiscard]] std::size_t memory_bytes() const override { return 0; }

 private:
  detectors::Scope scope_;
  int rank_;
};

/// A block of `metrics` metrics, all 64 lanes active and present, and an ensemble over it.
struct Bench {
  explicit Bench(std::size_t metrics, std::vector<Weight> weights = {{"a", 0.5}, {"b", 0.5}}) {
    options.method = Method::Vote;
    options.weights = std::move(weights);
    significance.resize(metrics);
    values.resize(metrics * kLanes);
    present.assign(metrics, ~LaneMask{0});
    tick.metrics = metrics;
    tick.active = ~LaneMask{0};
    const int rank = 20;
    for (std::size_t d = 0; d < options.weights.size(); ++d) {
      detectors.push_back(std::make_unique<FakeDetector>(detectors::Scope::Series, rank));
      verdicts.emplace_back().resize(metrics);
    }
    out.resize(metrics, options.weights.size());
  }

  /// One univariate verdict as zscore gives it.
  void judge(std::size_t d, std::size_t i, float value, float expected, float scale) {
    values[i] = value;
    verdicts[d].outcome[i] = Outcome::Scored;
    verdicts[d].expected[i] = expected;
    verdicts[d].scale[i] = scale;
    verdicts[d].raw[i] = std::abs(static_cast<double>(value) - static_cast<double>(expected)) /
                         static_cast<double>(scale);
  }

  void combine() {
    tick.values = values;
    tick.present = present;
    std::vector<Voter> voters;
    for (std::size_t d = 0; d < detectors.size(); ++d) {
      voters.push_back({detectors[d].get(), &calibration, options.weights[d].weight});
    }
    const Ensemble ensemble(options, significance);
    ensemble.combine(tick, voters, verdicts, kLogP0, {}, out);
  }

  EnsembleOptions options;
  std::vector<Significance> significance;
  std::vector<float> values;
  std::vector<LaneMask> present;
  std::vector<std::unique_ptr<FakeDetector>> detectors;
  std::vector<VerdictColumns> verdicts;
  Calibration calibration{{}, kThreshold};
  Tick tick;
  EnsembleColumns out;
};

/// Raw score whose confidence is `c` in an empty map.
double raw_for(double c) { return Calibration({}, kThreshold).raw_at(c, kLogP0); }

BOOST_AUTO_TEST_SUITE(ensemble_test, *boost::unit_test::tolerance(1e-12))

BOOST_AUTO_TEST_CASE(specification_example_gives_0_525_and_no_alarm) {
  Bench bench(7, {{"isolation_forest", 0.3},
                  {"lstm_autoencoder", 0.3},
                  {"zscore", 0.2},
                  {"seasonal_esd", 0.2}});
  for (std::size_t d = 0; d < 4; ++d) {
    bench.judge(d, 0, 100, 100, 1);  // bandwidth, ready and silent
  }
  bench.verdicts[0].raw[0] = raw_for(0.85);
  bench.verdicts[1].raw[0] = raw_for(0.90);
  bench.combine();
  BOOST_TEST(bench.out.score[0] == 0.525, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(bench.out.score[0] < bench.options.threshold);
  BOOST_TEST((bench.out.outcome[0] == Outcome::Scored));
}

BOOST_AUTO_TEST_CASE(outside_the_band_is_the_same_as_the_detector_at_or_above_the_threshold) {
  const std::array<Significance, 8> kinds = {
      Significance{},
      Significance{.direction = Direction::Above},
      Significance{.direction = Direction::Below},
      Significance{.min_deviation_absolute = 12.5},
      Significance{.min_deviation_relative = 0.25, .valid_min = -50, .valid_max = 150},
      Significance{.direction = Direction::Above, .min_deviation_absolute = 3, .valid_max = 120},
      Significance{.widen_above = 1.5},
      Significance{.valid_min = -50, .valid_max = 150, .widen_above = 0.7, .widen_below = 1.3},
  };
  core::Rng rng(11);
  Bench bench(kinds.size());
  std::copy(kinds.begin(), kinds.end(), bench.significance.begin());
  const double reach = bench.calibration.raw_at(0.6, kLogP0);
  int outside = 0;
  int inside = 0;
  for (int round = 0; round < 500; ++round) {
    for (std::size_t i = 0; i < bench.values.size(); ++i) {
      const auto expected = static_cast<float>(100 * rng.normal());
      const auto scale = static_cast<float>(std::exp(2 * rng.normal()));
      // Mostly right at the bound, where rounding decides.
      const double at = rng.uniform() < 0.8 ? reach : 2 * reach * rng.uniform();
      const double side = rng.uniform() < 0.5 ? -1 : 1;
      const Significance& kind = kinds[i / kLanes];
      const double widened = at * (side < 0 ? kind.widen_below : kind.widen_above);
      const double exact =
          static_cast<double>(expected) + side * widened * static_cast<double>(scale);
      bench.judge(0, i, static_cast<float>(exact), expected, scale);
    }
    bench.combine();
    for (std::size_t i = 0; i < bench.values.size(); ++i) {
      const float value = bench.values[i];
      if (!bench.significance[i / kLanes].is_valid(value)) continue;
      BOOST_REQUIRE(bench.out.has_expectation[i] == 1);
      const bool is_outside = value < bench.out.lower[i] || value > bench.out.upper[i];
      const bool is_alarm = bench.out.confidence[0][i] >= 0.6;
      if (is_outside != is_alarm) BOOST_ERROR("round " << round << " row " << i);
      (is_outside ? outside : inside) += 1;
    }
  }
  BOOST_TEST(outside > 20'000);
  BOOST_TEST(inside > 20'000);
}

BOOST_AUTO_TEST_CASE(a_widened_side_judges_as_if_the_value_lay_nearer) {
  Bench bench(1);
  bench.significance[0].widen_above = 2;
  for (const std::size_t d : {0U, 1U}) {
    bench.judge(d, 0, 110, 100, 1);
    bench.judge(d, 1, 90, 100, 1);
    bench.judge(d, 2, 105, 100, 1);
  }
  bench.combine();
  const double below = bench.out.score[1];
  BOOST_TEST(bench.out.score[0] < below);
  bench.significance[0].widen_above = 1;
  bench.combine();
  BOOST_TEST(bench.out.score[0] == below);
  const double half = bench.out.score[2];
  bench.significance[0].widen_above = 2;
  bench.combine();
  BOOST_TEST(bench.out.score[0] == half);
}

BOOST_AUTO_TEST_CASE(a_sparse_row_is_not_judged) {
  Bench bench(2);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, kLanes}) {
    for (const std::size_t d : {0U, 1U}) bench.judge(d, i, 200, 100, 1);
  }
  const std::vector<LaneMask> sparse{1, 0};
  bench.tick.sparse = sparse;
  bench.combine();
  BOOST_TEST((bench.out.outcome[0] == Outcome::Sparse));
  BOOST_TEST(bench.out.score[0] == 0.0);
  BOOST_TEST(int{bench.out.has_expectation[0]} == 0);
  BOOST_TEST(bench.out.score[1] > 0.6);
  BOOST_TEST(bench.out.entity_score[0] == bench.out.score[kLanes]);
}

BOOST_AUTO_TEST_CASE(in_a_vote_the_state_is_the_score) {
  Bench bench(1);
  for (const std::size_t d : {0U, 1U}) bench.judge(d, 0, 104, 100, 1);
  bench.combine();
  BOOST_TEST(bench.out.score[0] > 0);
  BOOST_TEST(bench.out.hold[0] == bench.out.score[0]);
}

BOOST_AUTO_TEST_CASE(contributions_are_the_votes_of_multivariate_detectors_in_parts) {
  Bench bench(2, {{"shared", 0.5}, {"own", 0.5}});
  bench.detectors[0] = std::make_unique<FakeDetector>(detectors::Scope::Entity, 20);
  for (const std::size_t m : {0U, 1U}) {
    for (const std::size_t d : {0U, 1U}) bench.judge(d, m * kLanes, 200, 100, 1);
  }
  bench.verdicts[0].share[0] = 0.8F;
  bench.verdicts[0].share[kLanes] = 0.2F;
  bench.combine();
  const auto parts = [&](std::size_t m) {
    return static_cast<double>(bench.out.contribution[m * kLanes]);
  };
  BOOST_TEST(parts(0) == 0.8, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(parts(1) == 0.2, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(bench.out.contribution[1] == -1.0F);  // nobody judged lane 1
}

BOOST_AUTO_TEST_CASE(the_band_lies_where_the_next_value_would_cross_the_threshold) {
  // Not only the value of the tick: values anywhere are told apart by the published band.
  Bench bench(1);
  bench.judge(0, 0, 100.5F, 100, 2);
  bench.combine();
  const float lower = bench.out.lower[0];
  const float upper = bench.out.upper[0];
  int disagreements = 0;
  for (float value = 60; value < 140; value += 0.01F) {
    bench.judge(0, 0, value, 100, 2);
    bench.combine();
    const bool is_alarm = bench.out.confidence[0][0] >= 0.6;
    disagreements += (value < lower || value > upper) != is_alarm ? 1 : 0;
  }
  BOOST_TEST(disagreements == 0);
}

BOOST_AUTO_TEST_CASE(a_deviation_that_does_not_count_is_a_vote_of_0) {
  Bench bench(3);
  bench.significance[0].direction = Direction::Above;
  bench.significance[1].direction = Direction::Below;
  bench.significance[2].min_deviation_absolute = 60;
  for (std::size_t metric = 0; metric < 3; ++metric) {
    bench.judge(0, metric * kLanes, 50, 100, 1);
    bench.judge(0, metric * kLanes + 1, 150, 100, 1);
  }
  bench.combine();
  BOOST_TEST(bench.out.score[0] == 0.0);
  BOOST_TEST(bench.out.score[1] > 0.6);
  BOOST_TEST(bench.out.score[kLanes] > 0.6);
  BOOST_TEST(bench.out.score[kLanes + 1] == 0.0);
  BOOST_TEST(bench.out.score[2 * kLanes] == 0.0);
  BOOST_TEST(bench.out.confidence[0][2 * kLanes + 1] == 0.0);
}

BOOST_AUTO_TEST_CASE(a_value_outside_its_valid_range_scores_at_least_0_7) {
  Bench bench(1);
  bench.significance[0].valid_max = 100;
  bench.judge(0, 0, 101, 100.5F, 10);
  bench.judge(0, 1, 99, 100.5F, 10);
  bench.judge(0, 2, 1e6F, 100.5F, 10);
  bench.combine();
  BOOST_TEST(bench.out.score[0] == Ensemble::kInvalidValueScore);
  BOOST_TEST(bench.out.score[1] < 0.1);
  BOOST_TEST(bench.out.score[2] > 0.9);
  BOOST_TEST(bench.out.upper[0] == 100.0F);
}

BOOST_AUTO_TEST_CASE(a_detector_without_a_verdict_shares_its_weight) {
  Bench bench(1);
  bench.judge(0, 0, 106, 100, 1);
  bench.verdicts[1].outcome[0] = Outcome::WarmingUp;
  bench.judge(0, 1, 106, 100, 1);
  bench.judge(1, 1, 106, 106, 1);
  bench.combine();
  const double alone = bench.calibration.confidence(6, kLogP0);
  BOOST_TEST(bench.out.score[0] == alone);
  BOOST_TEST(bench.out.confidence[1][0] < 0.0);
  BOOST_TEST(bench.out.score[1] == alone / 2);
}

BOOST_AUTO_TEST_CASE(without_a_verdict_the_state_most_worth_telling_is_the_outcome) {
  struct Case {
    Outcome first, second, want;
  };
  const Case cases[] = {
      {Outcome::WarmingUp, Outcome::Untrained, Outcome::WarmingUp},
      {Outcome::Untrained, Outcome::InputMissing, Outcome::InputMissing},
      {Outcome::Failed, Outcome::WarmingUp, Outcome::Failed},
      {Outcome::Untrained, Outcome::Untrained, Outcome::Untrained},
      {Outcome::Failed, Outcome::Scored, Outcome::Scored},
  };
  Bench bench(1);
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    bench.judge(0, i, 100, 100, 1);
    bench.judge(1, i, 100, 100, 1);
    bench.verdicts[0].outcome[i] = cases[i].first;
    bench.verdicts[1].outcome[i] = cases[i].second;
  }
  bench.combine();
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    BOOST_TEST((bench.out.outcome[i] == cases[i].want));
    BOOST_TEST(bench.out.score[i] == 0.0);
    BOOST_TEST(bench.out.has_expectation[i] == (cases[i].want == Outcome::Scored ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(an_absent_value_is_never_read) {
  Bench bench(1);
  bench.judge(0, 5, std::numeric_limits<float>::quiet_NaN(), 100, 1);
  bench.present[0] &= ~series::bit(5);
  bench.combine();
  BOOST_TEST((bench.out.outcome[5] == Outcome::NoData));
  BOOST_TEST(bench.out.score[5] == 0.0);
  BOOST_TEST(bench.out.has_expectation[5] == 0);
  BOOST_TEST(bench.out.confidence[0][5] < 0.0);
}

BOOST_AUTO_TEST_CASE(lanes_that_are_not_active_keep_what_was_there) {
  Bench bench(1);
  bench.judge(0, 3, 130, 100, 1);
  bench.judge(0, 4, 130, 100, 1);
  bench.combine();
  const double score = bench.out.score[4];
  const double entity_score = bench.out.entity_score[4];
  bench.judge(0, 3, 100, 100, 1);
  bench.judge(0, 4, 100, 100, 1);
  bench.tick.active = series::bit(3);
  bench.combine();
  BOOST_TEST(bench.out.score[3] == 0.0);
  BOOST_TEST(bench.out.score[4] == score);
  BOOST_TEST(bench.out.entity_score[4] == entity_score);
  BOOST_TEST(score > 0.6);
}

BOOST_AUTO_TEST_CASE(expected_value_comes_from_the_lowest_rank_that_scored) {
  Bench bench(1);
  bench.detectors[0] = std::make_unique<FakeDetector>(detectors::Scope::Series, 21);
  bench.detectors[1] = std::make_unique<FakeDetector>(detectors::Scope::Series, 10);
  bench.judge(0, 0, 100, 90, 2);
  bench.judge(1, 0, 100, 80, 3);
  bench.judge(0, 1, 100, 90, 2);
  bench.verdicts[1].outcome[1] = Outcome::WarmingUp;
  bench.combine();
  BOOST_TEST(bench.out.expected[0] == 80.0F);
  BOOST_TEST(bench.out.scale[0] == 3.0F);
  BOOST_TEST(bench.out.expected[1] == 90.0F);
}

BOOST_AUTO_TEST_CASE(a_multivariate_detector_votes_by_share) {
  Bench bench(3, {{"forest", 1.0}});
  bench.detectors[0] = std::make_unique<FakeDetector>(detectors::Scope::Entity, 90);
  const std::array<float, 3> shares = {0.6F, 0.3F, 0.1F};
  for (std::size_t metric = 0; metric < 3; ++metric) {
    const std::size_t i = metric * kLanes;
    bench.judge(0, i, 100, 100, 1);
    bench.verdicts[0].raw[i] = 20;
    bench.verdicts[0].share[i] = shares[metric];
  }
  bench.combine();
  const double confidence = bench.calibration.confidence(20, kLogP0);
  BOOST_TEST(bench.out.score[0] == confidence);
  BOOST_TEST(bench.out.score[kLanes] == confidence / 2, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(bench.out.score[2 * kLanes] == confidence / 6, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(bench.out.entity_score[0] == confidence);
}

BOOST_AUTO_TEST_CASE(entity_score_is_the_highest_metric_score_or_negative) {
  Bench bench(2);
  bench.judge(0, 0, 103, 100, 1);
  bench.judge(0, kLanes, 109, 100, 1);
  bench.combine();
  BOOST_TEST(bench.out.entity_score[0] == bench.out.score[kLanes]);
  BOOST_TEST(bench.out.score[kLanes] > bench.out.score[0]);
  BOOST_TEST(bench.out.entity_score[1] < 0.0);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused_by_name) {
  BOOST_TEST(EnsembleOptions{}.validate().ok());
  struct Case {
    const char* want;
    EnsembleOptions options;
  };
  using std::chrono::hours;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Case cases[] = {
      {"threshold: 0 is not between 0 and 1", {.threshold = 0}},
      {"threshold: 1 is not between 0 and 1", {.threshold = 1}},
      {"threshold: NaN is not between 0 and 1", {.threshold = nan}},
      {"alarm_budget: 0 alarms is not a positive number", {.alarm_budget = {0, hours(1)}}},
      {"alarm_budget: the period must be longer than 0", {.alarm_budget = {1, hours(0)}}},
      {"weights: at least one detector must vote", {.method = Method::Vote, .weights = {}}},
      {"weights.a: 0 is not above 0 and at most 1",
       {.method = Method::Vote, .weights = {{"a", 0}}}},
      {"weights.a: 1.5 is not above 0 and at most 1",
       {.method = Method::Vote, .weights = {{"a", 1.5}}}},
      {"weights.a: named twice", {.method = Method::Vote, .weights = {{"a", 0.5}, {"a", 0.5}}}},
      {"weights: they sum to 1.5, more than 1",
       {.method = Method::Vote, .weights = {{"a", 0.75}, {"b", 0.75}}}},
      {"weights: they sum to 0.5, so that no vote can reach the threshold 0.6",
       {.method = Method::Vote, .weights = {{"a", 0.25}, {"b", 0.25}}}},
      {"weights: at most 32 detectors can vote",
       {.method = Method::Vote, .weights = std::vector<Weight>(33)}},
  };
  for (const Case& c : cases) {
    const auto status = c.options.validate();
    BOOST_REQUIRE(!status.ok());
    BOOST_TEST(status.error().message == c.want);
  }
  const std::vector<Weight> specification = {{"a", 0.3}, {"b", 0.3}, {"c", 0.2}, {"d", 0.2}};
  const EnsembleOptions options{.method = Method::Vote, .weights = specification};
  BOOST_TEST(options.validate().ok());
}

BOOST_AUTO_TEST_CASE(significance_that_makes_no_sense_is_refused_by_name) {
  BOOST_TEST(Significance{}.validate().ok());
  const auto message = [](const Significance& s) { return s.validate().error().message; };
  BOOST_TEST(message({.min_deviation_absolute = -1}) ==
             "min_deviation: -1 is not a finite number >= 0");
  BOOST_TEST(message({.min_deviation_relative = INFINITY}) ==
             "min_relative_deviation: +Inf is not a finite number >= 0");
  BOOST_TEST(message({.valid_min = 5, .valid_max = 5}) ==
             "valid_range: minimum 5 is not below maximum 5");
  BOOST_TEST(!Significance{.valid_min = NAN}.validate().ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::ensemble
