#include "anomaly_exporter/detectors/isolation_forest.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "entity_rig.h"
#include "forest.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kMetrics = 7;
constexpr std::size_t kWindow = 200;

std::unique_ptr<Detector> make(const IsolationForestOptions& options = {},
                               std::size_t metrics = kMetrics) {
  auto made = IsolationForest::create(options, {.metrics = metrics, .window = kWindow});
  BOOST_REQUIRE(made.ok());
  return std::move(made).value();
}

FittedModel fitted(const Detector& detector, std::size_t metrics = kMetrics) {
  auto model = detector.fit(healthy_set(metrics, 3, 3000, 11), go_on);
  BOOST_REQUIRE(model.ok());
  return std::move(model).value();
}

/// A trained detector whose scales are known.
EntityRig trained_rig(std::size_t entities, core::Rng& rng) {
  EntityRig rig(make(), kMetrics, entities, kWindow);
  rig.detector().adopt(fitted(rig.detector()).model);
  for (int t = 0; t < 250; ++t) rig.tick(healthy_input(kMetrics, entities, rng));
  return rig;
}

struct Reference {
  std::vector<std::array<double, 3>> paths;  // n, exact, scikit-learn
  VectorTable train, test;
  std::vector<double> scores;

  Reference() {
    std::ifstream in(std::string(AE_TEST_DATA) + "/reference/isolation_forest.csv");
    train.features = test.features = 4;
    for (std::string line; std::getline(in, line);) {
      std::istringstream cells(line);
      std::string kind, cell;
      std::getline(cells, kind, ',');
      std::vector<double> numbers;
      while (std::getline(cells, cell, ',')) numbers.push_back(std::stod(cell));
      if (kind == "path") paths.push_back({numbers[0], numbers[1], numbers[2]});
      if (kind == "path") continue;
      VectorTable& table = kind == "train" ? train : test;
      for (std::size_t i = 0; i < 4; ++i) table.values.push_back(static_cast<float>(numbers[i]));
      if (kind == "test") scores.push_back(numbers[4]);
    }
  }
};

std::vector<double> scores_of(const Forest& forest, const VectorTable& table) {
  std::vector<double> scores(table.rows());
  std::vector<float> batch(table.features * kLanes);
  for (std::size_t first = 0; first < table.rows(); first += kLanes) {
    const std::size_t lanes = std::min(kLanes, table.rows() - first);
    table.copy_batch(first, lanes, batch.data());
    forest.score(batch.data(), lanes, std::span(scores).subspan(first, lanes));
  }
  return scores;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> out(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) out[order[i]] = static_cast<double>(i);
  return out;
}

double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = ranks(a);
  const std::vector<double> y = ranks(b);
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  const auto n = static_cast<double>(x.size());
  return 1.0 - 6.0 * squares / (n * (n * n - 1.0));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(isolation_forest_test)

BOOST_AUTO_TEST_CASE(average_path_lengths_are_exact) {
  const Reference reference;
  BOOST_TEST(average_path_length(0) == 0.0);
  BOOST_REQUIRE_EQUAL(reference.paths.size(), 11U);
  for (const auto& [n, exact, approximated] : reference.paths) {
    const double c = average_path_length(static_cast<std::size_t>(n));
    BOOST_TEST(std::abs(c - exact) < 1e-12);
    if (n >= 100) BOOST_TEST(std::abs(c - approximated) < 0.011);
  }
}

BOOST_AUTO_TEST_CASE(scores_agree_with_scikit_learn) {
  const Reference reference;
  BOOST_REQUIRE_EQUAL(reference.scores.size(), 300U);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    core::Rng rng(seed);
    const auto forest = Forest::grow(reference.train, {.trees = 100, .sample = 256}, rng, go_on);
    BOOST_REQUIRE(forest.ok());
    const std::vector<double> scores = scores_of(*forest, reference.test);
    double mean = 0;
    double mean_distance = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      mean += (scores[i] - reference.scores[i]) / 300;
      mean_distance += std::abs(scores[i] - reference.scores[i]) / 300;
    }
    BOOST_TEST(rank_correlation(scores, reference.scores) > 0.97);
    BOOST_TEST(std::abs(mean) < 0.01);
    BOOST_TEST(mean_distance < 0.02);
  }
}

BOOST_AUTO_TEST_CASE(a_margin_isolates_what_lies_far_outside) {
  const Reference reference;
  VectorTable probes{.values = {}, .features = 4};
  for (const float stray : {0.0F, 8.0F})
    probes.values.insert(probes.values.end(), {stray, 0, 1, 1});
  std::vector<double> ratio;
  for (const double margin : {0.0, 0.5}) {
    core::Rng rng(2);
    const auto forest =
        Forest::grow(reference.train, {.trees = 100, .sample = 256, .margin = margin}, rng, go_on);
    BOOST_REQUIRE(forest.ok());
    const std::vector<double> scores = scores_of(*forest, probes);
    ratio.push_back(scores[1] / scores[0]);
  }
  BOOST_TEST(ratio[1] > 1.1 * ratio[0]);
}

BOOST_AUTO_TEST_CASE(a_forest_of_equal_vectors_isolates_nothing) {
  VectorTable table{.values = std::vector<float>(400, 2.5F), .features = 4};
  core::Rng rng(1);
  const auto forest = Forest::grow(table, {.trees = 10, .sample = 64}, rng, go_on);
  BOOST_REQUIRE(forest.ok());
  for (const double score : scores_of(*forest, table)) {
    BOOST_TEST(score == 0.5, boost::test_tools::tolerance(1e-4));  // E(h) = c(n)
  }
}

BOOST_AUTO_TEST_CASE(finds_two_odd_metrics_and_names_them) {
  core::Rng rng(21);
  EntityRig rig = trained_rig(5, rng);
  contract::BlockInput input = healthy_input(kMetrics, 5, rng);
  input.values[4 * kLanes + 2] = 800.0F;  // 12 sigmas
  input.values[1 * kLanes + 2] = 20.0F;   // 18 sigmas below
  const VerdictColumns& out = rig.tick(input);
  for (std::size_t metric = 0; metric < kMetrics; ++metric) {
    const std::size_t at = metric * kLanes + 2;
    BOOST_TEST((out.outcome[at] == Outcome::Scored));
    BOOST_TEST(out.raw[at] == out.raw[2]);
    if (metric != 1 && metric != 4) BOOST_TEST(out.share[at] < 0.15F);
  }
  BOOST_TEST(out.raw[2] > 1.0);
  BOOST_TEST(out.share[4 * kLanes + 2] + out.share[1 * kLanes + 2] > 0.7F);
  BOOST_TEST(out.raw[1] < 1.0);
  BOOST_TEST(out.raw[3] < 1.0);
  BOOST_TEST(out.expected[4 * kLanes + 2] == 500.0F, boost::test_tools::tolerance(0.05F));
  BOOST_TEST(out.scale[4 * kLanes + 2] == 28.0F, boost::test_tools::tolerance(0.3F));
}

BOOST_AUTO_TEST_CASE(about_the_contamination_of_healthy_ticks_is_over_the_threshold) {
  core::Rng rng(23);
  EntityRig rig = trained_rig(64, rng);
  std::size_t over = 0;
  std::size_t all = 0;
  for (int t = 0; t < 200; ++t) {
    const VerdictColumns& out = rig.tick(healthy_input(kMetrics, 64, rng));
    for (std::size_t lane = 0; lane < 64; ++lane, ++all) over += out.raw[lane] >= 1.0 ? 1U : 0U;
  }
  BOOST_TEST(static_cast<double>(over) > 0.003 * static_cast<double>(all));
  BOOST_TEST(static_cast<double>(over) < 0.03 * static_cast<double>(all));
}

BOOST_AUTO_TEST_CASE(shares_sum_to_one_over_what_is_present) {
  core::Rng rng(24);
  EntityRig rig = trained_rig(8, rng);
  for (std::size_t t = 0; t < 40; ++t) {
    contract::BlockInput input = healthy_input(kMetrics, 8, rng);
    input.values[t % 7 * kLanes + t % 8] *= 1.0F + static_cast<float>(t % 5);
    input.present[2] &= ~LaneMask{0b1010};
    const VerdictColumns& out = rig.tick(input);
    for (std::size_t lane = 0; lane < 8; ++lane) {
      double sum = 0;
      for (std::size_t metric = 0; metric < kMetrics; ++metric) {
        const std::size_t at = metric * kLanes + lane;
        const bool is_absent = metric == 2 && (0b1010 >> lane & 1) != 0;
        BOOST_TEST((out.outcome[at] == (is_absent ? Outcome::NoData : Outcome::Scored)));
        if (!is_absent) sum += static_cast<double>(out.share[at]);
      }
      BOOST_TEST(sum == 1.0, boost::test_tools::tolerance(1e-5));
    }
  }
}

BOOST_AUTO_TEST_CASE(tells_untrained_warming_up_and_input_missing_apart) {
  core::Rng rng(25);
  EntityRig rig(make(), kMetrics, 2, kWindow);
  BOOST_TEST((rig.tick(healthy_input(kMetrics, 2, rng)).outcome[0] == Outcome::Untrained));
  rig.detector().adopt(fitted(rig.detector()).model);
  BOOST_TEST(rig.detector().is_trainable());
  for (std::size_t t = 1; t < rig.detector().warmup_samples(); ++t) {
    const Outcome outcome = rig.tick(healthy_input(kMetrics, 2, rng)).outcome[0];
    if (t < 16) BOOST_TEST((outcome == Outcome::WarmingUp));
  }
  BOOST_TEST((rig.tick(healthy_input(kMetrics, 2, rng)).outcome[0] == Outcome::Scored));
  contract::BlockInput input = healthy_input(kMetrics, 2, rng);
  for (std::size_t metric = 0; metric < 4; ++metric) input.present[metric] = 0b01;
  const VerdictColumns& out = rig.tick(input);
  BOOST_TEST((out.outcome[0] == Outcome::Scored));
  BOOST_TEST((out.outcome[1] == Outcome::NoData));
  BOOST_TEST((out.outcome[6 * kLanes + 1] == Outcome::InputMissing));
  rig.detector().adopt(nullptr);
  BOOST_TEST((rig.tick(healthy_input(kMetrics, 2, rng)).outcome[0] == Outcome::Untrained));
}

BOOST_AUTO_TEST_CASE(judges_a_single_metric_by_its_recent_course) {
  core::Rng rng(26);
  EntityRig rig(make({}, 1), 1, 3, kWindow);
  rig.detector().adopt(fitted(rig.detector(), 1).model);
  for (int t = 0; t < 250; ++t) rig.tick(healthy_input(1, 3, rng));
  contract::BlockInput input = healthy_input(1, 3, rng);
  input.values[1] = 160.0F;
  const VerdictColumns& out = rig.tick(input);
  BOOST_TEST(out.raw[1] > 1.0);
  BOOST_TEST(out.raw[0] < out.raw[1]);
  BOOST_TEST(out.share[1] == 1.0F);
}

BOOST_AUTO_TEST_CASE(a_model_read_back_judges_alike_to_the_bit) {
  core::Rng rng(27);
  EntityRig rig = trained_rig(4, rng);
  const auto detector = make();
  const std::string saved = bytes_of(*rig.detector().model());
  core::StateReader reader(saved);
  auto model = detector->read_model(reader);
  BOOST_REQUIRE(model.ok());
  BOOST_TEST(reader.remaining() == 0U);
  BOOST_TEST(bytes_of(**model) == saved);
  EntityRig other = [&] {
    core::Rng again(27);
    return trained_rig(4, again);
  }();
  other.detector().adopt(*model);
  const contract::BlockInput input = healthy_input(kMetrics, 4, rng);
  BOOST_TEST(rig.tick(input).raw == other.tick(input).raw);
}

BOOST_AUTO_TEST_CASE(a_model_that_is_not_its_own_is_refused) {
  const auto detector = make();
  const std::string saved = bytes_of(*fitted(*detector).model);
  for (std::size_t size = 0; size < saved.size(); size += size < 500 ? 1 : 997) {
    core::StateReader reader(std::string_view(saved).substr(0, size));
    const auto model = detector->read_model(reader);
    BOOST_REQUIRE(!model.ok());
    BOOST_REQUIRE((model.error().code == core::ErrorCode::Corrupt));
  }
  const auto code_for = [&](const Detector& reading, const std::string& bytes) {
    core::StateReader reader(bytes);
    const auto model = reading.read_model(reader);
    BOOST_REQUIRE(!model.ok());
    return model.error().code;
  };
  BOOST_TEST((code_for(*make({}, 6), saved) == core::ErrorCode::Corrupt));
  BOOST_TEST((code_for(*make({.trees = 50}), saved) == core::ErrorCode::Corrupt));
  BOOST_TEST((code_for(*make({.contamination = 0.02}), saved) == core::ErrorCode::Corrupt));
  std::string newer = saved;
  newer[0] = 3;
  BOOST_TEST((code_for(*detector, newer) == core::ErrorCode::Unsupported));
}

// Version 1 ended with the monitor's forest.
BOOST_AUTO_TEST_CASE(a_model_of_the_first_version_is_still_read) {
  const auto detector = make();
  const std::string saved =
      bytes_of(*detector->fit(healthy_set(kMetrics, 1, 500, 3), go_on)->model);
  std::string older = saved.substr(0, saved.size() - sizeof(std::uint32_t));
  older[0] = 1;
  core::StateReader reader(older);
  const auto model = detector->read_model(reader);
  BOOST_REQUIRE(model.ok());
  BOOST_TEST((bytes_of(**model) == saved));
}

BOOST_AUTO_TEST_CASE(fits_alike_from_equal_sets_and_stops_when_told) {
  const auto detector = make();
  BOOST_TEST(bytes_of(*fitted(*detector).model) == bytes_of(*fitted(*detector).model));
  const TrainingSet set = healthy_set(kMetrics, 2, 1000, 3);
  double last = 0;
  std::size_t calls = 0;
  BOOST_REQUIRE(detector
                    ->fit(set,
                          [&](double done) {
                            BOOST_TEST(done >= last);
                            last = done;
                            ++calls;
                            return true;
                          })
                    .ok());
  BOOST_TEST(last <= 1.0);
  for (std::size_t stop = 1; stop <= calls; stop += 20) {
    std::size_t call = 0;
    const auto stopped = detector->fit(set, [&](double) { return ++call < stop; });
    BOOST_REQUIRE(!stopped.ok());
    BOOST_TEST((stopped.error().code == core::ErrorCode::Unavailable));
    BOOST_TEST(call == stop);
  }
}

BOOST_AUTO_TEST_CASE(says_how_much_history_it_needs) {
  const auto refused = make()->fit(healthy_set(kMetrics, 2, 60, 3), go_on);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST((refused.error().code == core::ErrorCode::InvalidArgument));
  BOOST_TEST(refused.error().message ==
             "isolation_forest needs 100 ticks with at least half of the metrics, behind the first "
             "24 of each history; there are 72");
  BOOST_TEST(make()->fit(healthy_set(kMetrics, 2, 74, 3), go_on).ok());
}

// What is a burst to one is every day to the other.
BOOST_AUTO_TEST_CASE(with_scope_entity_everybody_is_judged_by_its_own_past) {
  constexpr std::size_t kOne = 1;
  constexpr std::uint64_t kCalm = 22, kBursting = 11, kStranger = 33;
  core::Rng rng(8);
  const auto value = [](bool bursts, core::Rng& source) {
    const bool is_burst = bursts && source.below(15) == 0;
    return static_cast<float>(100 + (is_burst ? 8 : 1) * source.normal());
  };
  TrainingSet set{.metrics = kOne, .interval = std::chrono::seconds(10), .parts = {}, .seed = 5};
  for (const std::uint64_t entity : {kCalm, kBursting}) {
    TrainingPart part{.first = {1'600'000'000'000}, .ticks = 3000, .values = {}, .entity = entity};
    for (std::size_t t = 0; t < part.ticks; ++t)
      part.values.push_back(value(entity == kBursting, rng));
    set.parts.push_back(std::move(part));
  }
  const auto raw_of_burst = [&](const IsolationForestOptions& options, std::uint64_t entity) {
    EntityRig rig(make(options, kOne), kOne, 1, kWindow);
    auto model = rig.detector().fit(set, go_on);
    BOOST_REQUIRE(model.ok());
    rig.detector().name_entity(0, entity);
    rig.detector().adopt(model->model);
    core::Rng quiet(9);
    for (int t = 0; t < 300; ++t) {
      contract::BlockInput input(kOne);
      input.set(0, 0, value(false, quiet));
      rig.tick(input);
    }
    contract::BlockInput burst(kOne);
    burst.set(0, 0, 108);
    return rig.tick(burst).raw[0];
  };
  IsolationForestOptions monitor;
  monitor.scope = IsolationForestOptions::Scope::Monitor;
  const double shared = raw_of_burst(monitor, kCalm);
  BOOST_TEST(raw_of_burst(monitor, kBursting) == shared);
  BOOST_TEST(raw_of_burst({}, kCalm) > 1.2 * raw_of_burst({}, kBursting));
  BOOST_TEST(raw_of_burst({}, kStranger) == shared);

  IsolationForestOptions small;
  small.entity_bytes = Forest::bytes_of({.trees = 25, .sample = 256});  // the first part's only
  BOOST_TEST(raw_of_burst(small, kCalm) == raw_of_burst({}, kCalm));
  BOOST_TEST(raw_of_burst(small, kBursting) == shared);
  const auto detector = make(small, kOne);
  const FittedModel model = detector->fit(set, go_on).value();
  const std::vector<std::pair<std::string, double>> want{{"entity_forests", 1},
                                                         {"entities_without", 1}};
  BOOST_TEST((std::vector(model.figures.end() - 2, model.figures.end()) == want));

  const std::string bytes = bytes_of(*model.model);
  core::StateReader reader(bytes);
  const auto again = detector->read_model(reader);
  BOOST_REQUIRE(again.ok());
  BOOST_TEST((bytes_of(**again) == bytes));
  core::StateReader other(bytes);
  BOOST_TEST(!make(monitor, kOne)->read_model(other).ok());
}

BOOST_AUTO_TEST_CASE(options_have_ranges) {
  const auto message = [](const IsolationForestOptions& options) {
    const core::Status status = options.validate();
    return status.ok() ? std::string() : status.error().message;
  };
  BOOST_TEST(message({}).empty());
  BOOST_TEST(message({.trees = 7}) == "trees: 7 is not within 8 to 1000");
  BOOST_TEST(message({.trees = 1001}) == "trees: 1001 is not within 8 to 1000");
  BOOST_TEST(message({.sample = 15}) == "sample: 15 is not within 16 to 4096");
  BOOST_TEST(message({.sample = 4097}) == "sample: 4097 is not within 16 to 4096");
  BOOST_TEST(message({.contamination = 0.6}) == "contamination: 0.6 is not within 0.0001 to 0.5");
  BOOST_TEST(!message({.contamination = std::nan("")}).empty());
  BOOST_TEST(message({.entity_trees = 7}) == "entity_trees: 7 is not within 8 to 1000");
  BOOST_TEST(message({.entity_bytes = std::size_t{2} << 30}) ==
             "entity_bytes: 2147483648 is not within 0 to 1073741824");
  BOOST_TEST(!IsolationForest::create({}, {.metrics = 2000}).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
