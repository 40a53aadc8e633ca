#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/ensemble/ensemble.h"

namespace anomaly_exporter::ensemble {
namespace {

using detectors::kLanes;
using detectors::LaneMask;
using detectors::Outcome;
using detectors::Tick;
using detectors::VerdictColumns;

const double kLogP0 = std::log(1e-4);

/// A detector that only has properties; verdicts are made by the test.
class NamedDetector final : public detectors::Detector {
 public:
  NamedDetector(std::string name, detectors::Scope scope) : name_(std::move(name)), scope_(scope) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] detectors::Scope scope() const override { return scope_; }
  [[nodiscard]] double threshold() const override { return 1; }
  [[nodiscard]] std::size_t warmup_samples() const override { return 0; }
  [[nodiscard]] std::size_t look_back() const override { return 100; }
  [[nodiscard]] int expectation_rank() const override { return 40; }
  void resize(std::size_t) override {}
  void score(const Tick&, VerdictColumns&) const override {}
  void learn(const Tick&, const detectors::LearnMask&) override {}
  void forget(std::size_t, LaneMask) override {}
  void save(std::size_t, core::StateWriter&) const override {}
  core::Status restore(std::size_t, core::StateReader&) override { return {}; }
  [[nodiscard]] std::size_t memory_bytes() const override { return 0; }

 private:
  std::string name_;
  detectors::Scope scope_;
};

/// One entity with three metrics under the evidence method, moved on tick by tick.
struct Bench {
  static constexpr std::size_t kMetrics = 3;

  Bench() {
    now.time = {1'700'000'000'000};
    options.weights = EnsembleOptions::evidence_weights({});
    columns.resize(1);
    out.resize(kMetrics, 2);
    for (auto& v : verdicts) v.resize(kMetrics);
    for (std::size_t m = 0; m < kMetrics; ++m) say(m, 0, 0);
  }

  /// What novelty and forecaster say of a metric from now on; values lie above what is expected.
  void say(std::size_t metric, double new_by, double excess) {
    const std::size_t i = metric * kLanes;
    excesses[metric] = excess;
    for (auto& v : verdicts) {
      v.outcome[i] = Outcome::Scored;
      v.expected[i] = 10;
      v.scale[i] = 1;
    }
    values[i] = 15;
    verdicts[0].raw[i] = new_by;
    double sum = 0;
    for (const double e : excesses) sum += e;
    for (std::size_t m = 0; m < kMetrics; ++m) {
      verdicts[1].raw[m * kLanes] = sum / kMetrics;
      verdicts[1].share[m * kLanes] =
          static_cast<float>(sum > 0 ? excesses[m] / sum : 1.0 / kMetrics);
    }
  }

  double tick(int times = 1) {
    for (int i = 0; i < times; ++i) {
      now.time = now.time + std::chrono::minutes(1);
      ++now.index;
      now.metrics = kMetrics;
      now.active = 1;
      now.repeated = repeated;
      now.values = values;
      now.present = present;
      now.sparse = sparse;
      const std::vector<Voter> voters{{&novelty, &calibration, 0.5},
                                      {&forecaster, &calibration, 0.5}};
      const Ensemble ensemble(options, significance);
      ensemble.combine(now, voters, verdicts, kLogP0,
                       {&columns, &map, &rises, of_repeated, silenced}, out);
    }
    return out.entity_score[0];
  }
  double score(std::size_t metric) const { return out.score[metric * kLanes]; }

  NamedDetector novelty{"novelty", detectors::Scope::Series};
  NamedDetector forecaster{"forecaster", detectors::Scope::Entity};
  EnsembleOptions options;
  std::vector<Significance> significance = std::vector<Significance>(kMetrics);
  Calibration calibration{{}, 1};
  EvidenceColumns columns{kMetrics, std::chrono::minutes(1)};
  BudgetMap map{EvidenceColumns::kAnchor, kLogP0};
  RiseHistogram rises;
  std::vector<VerdictColumns> verdicts = std::vector<VerdictColumns>(2);
  std::vector<double> excesses = std::vector<double>(kMetrics);
  std::vector<float> values = std::vector<float>(kMetrics * kLanes);
  std::vector<LaneMask> present = std::vector<LaneMask>(kMetrics, 1);
  std::vector<LaneMask> sparse = std::vector<LaneMask>(kMetrics);
  LaneMask repeated = 0;
  EvidenceColumns* of_repeated = nullptr;
  LaneMask silenced = 0;
  Tick now;
  EnsembleColumns out;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(evidence_ensemble_test)

BOOST_AUTO_TEST_CASE(quiet_detectors_score_nothing) {
  Bench bench;
  BOOST_TEST(bench.tick(100) == 0.0);
  BOOST_TEST(bench.score(0) == 0.0);
  BOOST_TEST((bench.out.outcome[0] == Outcome::Scored));
}

BOOST_AUTO_TEST_CASE(the_metric_most_to_blame_has_the_entitys_score) {
  Bench bench;
  bench.tick(100);
  bench.say(1, 1.0, 30);
  bench.say(2, 0.1, 3);
  const double entity = bench.tick(3);
  BOOST_TEST(entity > 0.6);
  BOOST_TEST(bench.score(1) == entity);
  BOOST_TEST(bench.score(2) < entity / 5);
  BOOST_TEST(bench.score(0) == 0.0);
}

BOOST_AUTO_TEST_CASE(contributions_are_parts_of_the_blame) {
  Bench bench;
  bench.tick(100);
  BOOST_TEST(bench.out.contribution[0] == -1.0F);  // nobody is to blame
  bench.say(1, 1.0, 30);
  bench.say(2, 0.1, 3);
  bench.tick(3);
  BOOST_TEST(bench.out.contribution[0] == 0.0F);
  BOOST_TEST(bench.out.contribution[kLanes] > 0.9F);
  BOOST_TEST(bench.out.contribution[kLanes] + bench.out.contribution[2 * kLanes] == 1.0F,
             boost::test_tools::tolerance(1e-6F));
}

BOOST_AUTO_TEST_CASE(the_state_alone_is_below_the_score_of_an_onset_and_stays_after_it) {
  Bench bench;
  bench.tick(100);
  bench.say(1, 1.0, 30);
  bench.tick();
  BOOST_TEST(bench.score(1) > bench.out.hold[kLanes]);
  BOOST_TEST(bench.out.hold[kLanes] > 0.0);
  bench.say(1, 0, 0);
  bench.tick(3);
  BOOST_TEST(bench.score(1) == bench.out.hold[kLanes]);
  BOOST_TEST(bench.out.hold[0] == 0.0);
}

BOOST_AUTO_TEST_CASE(a_sparse_metric_brings_no_evidence) {
  Bench bench;
  bench.tick(100);
  bench.say(1, 1.0, 30);
  bench.sparse[1] = 1;
  BOOST_TEST(bench.tick(3) < 0.1);
  BOOST_TEST((bench.out.outcome[kLanes] == Outcome::Sparse));
  BOOST_TEST((bench.out.outcome[0] == Outcome::Scored));
}

BOOST_AUTO_TEST_CASE(a_widened_deviation_is_less_evidence) {
  Bench plain, widened;
  widened.significance[1].widen_above = 4;
  for (Bench* bench : {&plain, &widened}) {
    bench->tick(100);
    bench->say(1, 1.0, 30);
    bench->tick();
  }
  BOOST_TEST(widened.score(1) < plain.score(1));
  widened.significance[1] = {.widen_below = 4};  // the value lies above
  plain.tick();
  BOOST_TEST(widened.tick() > 0.1);
}

BOOST_AUTO_TEST_CASE(blame_stays_while_the_state_falls) {
  Bench bench;
  bench.tick(100);
  bench.say(1, 1.0, 30);
  bench.tick(3);
  bench.say(1, 0, 0);
  const double entity = bench.tick(5);
  BOOST_TEST(entity > 0.1);
  BOOST_TEST(bench.score(1) == entity);
  BOOST_TEST(bench.score(0) == 0.0);
}

BOOST_AUTO_TEST_CASE(what_does_not_count_is_no_evidence) {
  Bench bench;
  bench.significance[1].direction = Direction::Below;  // the value lies above
  bench.tick(100);
  bench.say(1, 1.0, 30);
  BOOST_TEST(bench.tick(3) == 0.0);
}

BOOST_AUTO_TEST_CASE(absent_metrics_have_no_score_and_others_go_on) {
  Bench bench;
  bench.tick(100);
  bench.present[0] = 0;
  bench.verdicts[0].outcome[0] = bench.verdicts[1].outcome[0] = Outcome::NoData;
  bench.say(1, 1.0, 30);
  bench.verdicts[0].outcome[0] = bench.verdicts[1].outcome[0] = Outcome::NoData;
  BOOST_TEST(bench.tick(3) > 0.6);
  BOOST_TEST((bench.out.outcome[0] == Outcome::NoData));
  BOOST_TEST(bench.score(0) == 0.0);
}

BOOST_AUTO_TEST_CASE(warming_up_gives_no_score) {
  Bench bench;
  for (auto& verdict : bench.verdicts) {
    std::fill(verdict.outcome.begin(), verdict.outcome.end(), Outcome::WarmingUp);
  }
  BOOST_TEST(bench.tick() < 0.0);
  BOOST_TEST((bench.out.outcome[0] == Outcome::WarmingUp));
}

BOOST_AUTO_TEST_CASE(a_value_outside_its_valid_range_is_wrong_by_itself) {
  Bench bench;
  bench.significance[0].valid_max = 14;
  BOOST_TEST(bench.tick(50) == Ensemble::kInvalidValueScore);
  BOOST_TEST(bench.score(0) == Ensemble::kInvalidValueScore);
  BOOST_TEST(bench.score(1) == 0.0);
}

BOOST_AUTO_TEST_CASE(ticks_from_before_a_restart_are_not_weighed_again) {
  Bench bench;
  bench.tick(100);
  bench.say(1, 1.0, 30);
  const double before = bench.tick(3);
  const auto ticks = bench.rises.ticks();
  bench.repeated = 1;
  bench.say(1, 0, 0);
  BOOST_TEST(bench.tick(50) == before, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(bench.rises.ticks() == ticks);
}

BOOST_AUTO_TEST_CASE(rises_under_a_silence_teach_the_map_nothing) {
  Bench bench;
  bench.tick(2300);  // grown
  const auto ticks = bench.rises.ticks();
  BOOST_REQUIRE(ticks > 0U);
  bench.silenced = 1;
  bench.tick(10);
  BOOST_TEST(bench.rises.ticks() == ticks);
  bench.silenced = 0;
  bench.tick(10);
  BOOST_TEST(bench.rises.ticks() == ticks + 10);
}

BOOST_AUTO_TEST_CASE(ticks_from_before_a_restart_can_be_weighed_on_evidence_of_their_own) {
  Bench bench;
  bench.tick(100);
  bench.say(1, 1.0, 30);
  BOOST_TEST(bench.tick(3) > 0.5);
  const double restored = bench.columns.last_score(0);
  EvidenceColumns of_repeated(Bench::kMetrics, std::chrono::minutes(1));
  of_repeated.resize(1);
  bench.of_repeated = &of_repeated;
  bench.repeated = 1;
  bench.say(1, 0, 0);
  BOOST_TEST(bench.tick(50) == 0.0);  // it was calm then, whatever came later
  bench.say(1, 1.0, 30);
  BOOST_TEST(bench.tick(3) > 0.5);
  BOOST_TEST(bench.columns.last_score(0) == restored);
}

BOOST_AUTO_TEST_CASE(the_two_that_bring_evidence_must_run) {
  EnsembleOptions options;
  BOOST_TEST(options.validate().ok());
  options.weights = {{"novelty", 0.5}, {"zscore", 0.5}};
  const auto status = options.validate();
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message == "weights: the evidence method needs forecaster");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::ensemble
