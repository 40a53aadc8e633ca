#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/detectors/forecaster.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "entity_rig.h"

namespace anomaly_exporter::detectors {
namespace {

using std::chrono::minutes;

EntityRig rig(std::size_t metrics, core::Duration step = minutes(5)) {
  auto made = Forecaster::create({}, {.metrics = metrics, .window = 400, .interval = step});
  EntityRig rig(std::move(made).value(), metrics, 1, 400);
  rig.set_times({1'700'000'100'000}, step);
  return rig;
}

/// Metrics that follow one load, in lane 0.
contract::BlockInput row_of(std::size_t metrics, double load, core::Rng& rng) {
  contract::BlockInput input(metrics);
  for (std::size_t m = 0; m < metrics; ++m) {
    const auto slope = static_cast<double>(m + 1);
    input.set(m, 0, static_cast<float>(10 + slope * load + 0.05 * rng.normal()));
  }
  return input;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(forecaster_test)

BOOST_AUTO_TEST_CASE(gives_the_scores_of_the_independent_implementation) {
  std::ifstream file(std::string(AE_SOURCE_DIR) + "/tests/data/reference/forecaster.csv");
  std::string line;
  std::getline(file, line);
  EntityRig entity = rig(3);
  std::size_t rows = 0;
  std::size_t far = 0;
  while (std::getline(file, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream in(line);
    int row = 0;
    contract::BlockInput input(3);
    in >> row;
    for (std::size_t m = 0; m < 3; ++m) {
      float value = 0;
      in >> value;
      input.set(m, 0, value);
    }
    double raw = 0;
    const bool is_scored = static_cast<bool>(in >> raw);
    const VerdictColumns& out = entity.tick(input);
    BOOST_REQUIRE((out.outcome[0] == Outcome::Scored) == is_scored);
    if (is_scored && std::abs(out.raw[0] - raw) > 0.01 * std::max(raw, 1.0)) ++far;
    ++rows;
  }
  BOOST_TEST(rows == 900U);
  BOOST_TEST(far < 9U, far << " of 900 scores differ by more than 1 %");
}

BOOST_AUTO_TEST_CASE(the_metric_that_breaks_away_has_the_share) {
  EntityRig entity = rig(4);
  core::Rng rng(2);
  for (int t = 0; t < 600; ++t) entity.tick(row_of(4, std::sin(t / 20.0), rng));
  contract::BlockInput input = row_of(4, std::sin(30.0), rng);
  input.set(2, 0, input.values[2 * kLanes] + 3);
  const VerdictColumns& out = entity.tick(input);
  BOOST_TEST(out.raw[0] > 2.0);
  BOOST_TEST(out.share[2 * kLanes] > 0.5);
  float sum = 0;
  for (std::size_t m = 0; m < 4; ++m) sum += out.share[m * kLanes];
  BOOST_TEST(sum == 1.0F, boost::test_tools::tolerance(1e-5F));
}

BOOST_AUTO_TEST_CASE(ordinary_rows_bring_little) {
  EntityRig entity = rig(4);
  core::Rng rng(3);
  double sum = 0;
  for (int t = 0; t < 1500; ++t) {
    const VerdictColumns& out = entity.tick(row_of(4, std::sin(t / 20.0), rng));
    if (t >= 1000) sum += out.raw[0];
  }
  BOOST_TEST(sum / 500 < 0.4);
}

BOOST_AUTO_TEST_CASE(absent_metrics_bring_nothing_and_too_few_are_input_missing) {
  EntityRig entity = rig(4);
  core::Rng rng(4);
  for (int t = 0; t < 300; ++t) entity.tick(row_of(4, 0, rng));
  contract::BlockInput input = row_of(4, 0, rng);
  input.present[0] = 0;
  input.values[0] = contract::kNan;
  const VerdictColumns& out = entity.tick(input);
  BOOST_TEST((out.outcome[0] == Outcome::NoData));
  BOOST_TEST((out.outcome[kLanes] == Outcome::Scored));
  for (std::size_t m = 1; m < 3; ++m) input.present[m] = 0;
  BOOST_TEST((entity.tick(input).outcome[3 * kLanes] == Outcome::InputMissing));
}

BOOST_AUTO_TEST_CASE(many_metrics_have_a_regression_each) {
  constexpr std::size_t kMetrics = 60;
  EntityRig entity = rig(kMetrics);
  core::Rng rng(5);
  for (int t = 0; t < 300; ++t) entity.tick(row_of(kMetrics, std::sin(t / 20.0), rng));
  contract::BlockInput input = row_of(kMetrics, std::sin(15.0), rng);
  input.set(7, 0, input.values[7 * kLanes] + 30);
  const VerdictColumns& out = entity.tick(input);
  BOOST_TEST((out.outcome[0] == Outcome::Scored));
  BOOST_TEST(out.share[7 * kLanes] > 0.5);
}

BOOST_AUTO_TEST_CASE(restored_it_continues_to_the_bit) {
  EntityRig a = rig(3);
  EntityRig b = rig(3);
  core::Rng rng(6);
  std::vector<contract::BlockInput> inputs;
  for (int t = 0; t < 500; ++t) inputs.push_back(row_of(3, std::sin(t / 9.0), rng));
  for (int t = 0; t < 200; ++t) {
    a.tick(inputs[static_cast<std::size_t>(t)]);
    b.tick(contract::BlockInput(3));  // only time passes
  }
  core::StateWriter out;
  a.detector().save_entity(0, out);
  core::StateReader in(out.bytes());
  BOOST_REQUIRE(b.detector().restore_entity(0, in).ok());
  for (std::size_t t = 200; t < 500; ++t) {
    const double want = a.tick(inputs[t]).raw[0];
    BOOST_REQUIRE_EQUAL(b.tick(inputs[t]).raw[0], want);
  }
}

BOOST_AUTO_TEST_CASE(damaged_state_is_refused) {
  EntityRig entity = rig(2);
  core::Rng rng(7);
  for (int t = 0; t < 100; ++t) entity.tick(row_of(2, 0, rng));
  core::StateWriter out;
  entity.detector().save_entity(0, out);
  for (std::size_t cut = 0; cut < out.bytes().size(); cut += 101) {
    core::StateReader in(std::string_view(out.bytes()).substr(0, cut));
    BOOST_TEST(!entity.detector().restore_entity(0, in).ok());
  }
  std::string infinite = out.bytes();
  for (std::size_t i = 300; i < 308; ++i) infinite[i] = static_cast<char>(i < 306 ? 0 : 0x7f);
  core::StateReader in(infinite);
  (void)entity.detector().restore_entity(0, in);  // refused or sound, never undefined
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused) {
  BOOST_TEST(!ForecasterOptions{.threshold = 0}.validate().ok());
  BOOST_TEST(!ForecasterOptions{.threshold = 1000}.validate().ok());
}

BOOST_AUTO_TEST_CASE(learns_the_same_whether_or_not_it_was_asked_to_judge) {
  core::Rng rng(31);
  EntityRig judging = rig(3);
  EntityRig silent = rig(3);
  silent.stop_scoring();
  for (int t = 0; t < 300; ++t) {
    const contract::BlockInput input = row_of(3, rng.normal(), rng);
    judging.tick(input);
    silent.tick(input);
  }
  core::StateWriter a, b;
  judging.detector().save(0, a);
  silent.detector().save(0, b);
  BOOST_TEST(a.bytes() == b.bytes());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
