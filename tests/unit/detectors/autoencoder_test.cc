#include "anomaly_exporter/detectors/autoencoder.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "course_data.h"
#include "entity_rig.h"
#include "residual_components.h"

namespace anomaly_exporter::detectors {
namespace {

using Form = AutoencoderOptions::Form;

constexpr std::size_t kWindow = 200;
constexpr std::size_t kEntities = 32;

std::unique_ptr<Detector> make(std::size_t metrics, Form form = Form::Linear) {
  auto made = Autoencoder::create({.form = form}, {.metrics = metrics, .window = kWindow});
  BOOST_REQUIRE(made.ok());
  return std::move(made).value();
}

EntityRig trained_rig(std::size_t metrics, Form form, const TrainingSet& set) {
  EntityRig rig(make(metrics, form), metrics, kEntities, kWindow);
  const auto model = rig.detector().fit(set, go_on);
  BOOST_REQUIRE(model.ok());
  rig.detector().adopt(model->model);
  return rig;
}

std::size_t alarms(const EntityRig& rig) {
  std::size_t n = 0;
  for (std::size_t lane = 0; lane < kEntities; ++lane) n += rig.out().raw[lane] >= 3.0 ? 1U : 0U;
  return n;
}

// tests/data/reference/residual_pca.csv: lines by their first cell.
std::map<std::string, std::vector<std::vector<double>>> reference() {
  std::map<std::string, std::vector<std::vector<double>>> lines;
  std::ifstream in(std::string(AE_TEST_DATA) + "/reference/residual_pca.csv");
  for (std::string line; std::getline(in, line);) {
    const std::size_t comma = line.find(',');
    std::vector<double> numbers;
    std::istringstream cells(line.substr(comma + 1) + ",");
    for (std::string cell; std::getline(cells, cell, ',');) {
      numbers.push_back(cell.empty() ? std::nan("") : std::stod(cell));
    }
    lines[line.substr(0, comma)].push_back(numbers);
  }
  return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(autoencoder_test)

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused_by_name) {
  const auto message = [](const AutoencoderOptions& options) {
    const core::Status status = options.validate();
    return status.ok() ? std::string() : status.error().message;
  };
  BOOST_TEST(message({}) == "");
  BOOST_TEST(message({.window = 61}) == "window: 61 is not within 1 to 60");
  BOOST_TEST(message({.hidden = 7}) == "hidden: 7 is not within 8 to 256");
  BOOST_TEST(message({.code = 1}) == "code: 1 is not within 2 to 64");
  BOOST_TEST(message({.variance = 1.0}) == "variance: 1 is not within 0.1 to 0.999");
  BOOST_TEST(message({.threshold = 101}) == "threshold: 101 is not within 1 to 100");
  BOOST_TEST(!Autoencoder::create({}, {.metrics = 1, .window = 15}).ok());
  BOOST_TEST(Autoencoder::create({}, {.metrics = 2, .window = 15}).ok());
}

BOOST_AUTO_TEST_CASE(components_and_errors_are_those_of_numpy) {
  const auto want = reference();
  BOOST_REQUIRE(want.contains("unit"));
  TrainingSet set{.metrics = 4, .interval = {}, .parts = {}, .seed = 1};
  TrainingPart part{.first = {}, .ticks = want.at("x").size(), .values = {}};
  for (const std::vector<double>& row : want.at("x")) {
    for (const double value : row) part.values.push_back(static_cast<float>(value));
  }
  set.parts.push_back(part);
  const TrainingProgress none;
  WorkMeter meter(none);
  const auto vectors = ResidualVectors::of(set, 100, 20'000, meter);
  BOOST_REQUIRE(vectors.ok());
  const auto components = ResidualComponents::of(vectors->values, 4, 0.9, meter);
  BOOST_REQUIRE(components.ok());
  BOOST_TEST(static_cast<double>(components->components) == want.at("components")[0][0]);
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(std::abs(static_cast<double>(components->centre[i]) - want.at("centre")[0][i]) <
               1e-5);
    for (std::size_t k = 0; k < 4; ++k) {
      BOOST_TEST(std::abs(static_cast<double>(components->outside[i * 4 + k]) -
                          want.at("outside")[i][k]) < 1e-4);
    }
  }
  const auto errors = component_errors(*components, *vectors, 4, meter);
  BOOST_REQUIRE(errors.ok());
  const ErrorScales scales = ErrorScales::of(*errors, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(static_cast<double>(scales.sigma[i]) == want.at("sigma")[0][i],
               boost::test_tools::tolerance(1e-3));
  }
  BOOST_TEST(scales.unit == want.at("unit")[0][0], boost::test_tools::tolerance(1e-3));
}

BOOST_AUTO_TEST_CASE(metrics_that_part_from_the_others_are_found_and_blamed) {
  constexpr std::size_t kMetrics = 6;
  EntityRig rig = trained_rig(kMetrics, Form::Linear, healthy_set(kMetrics, 3, 1500, 31));
  core::Rng rng(4);
  std::size_t quiet = 0;
  for (int t = 0; t < 250; ++t) {
    rig.tick(healthy_input(kMetrics, kEntities, rng));
    if (t >= 50) quiet += alarms(rig);
  }
  BOOST_TEST(static_cast<double>(quiet) / (200 * kEntities) < 0.01);
  // Four usual deviations of one metric, which the others do not make.
  contract::BlockInput input = healthy_input(kMetrics, kEntities, rng);
  for (std::size_t lane = 0; lane < kEntities; ++lane) input.values[3 * kLanes + lane] += 4 * 22.0F;
  const VerdictColumns& out = rig.tick(input);
  BOOST_TEST(alarms(rig) >= 24U);
  std::size_t blamed = 0;
  for (std::size_t lane = 0; lane < kEntities; ++lane) {
    blamed += out.share[3 * kLanes + lane] > 0.5F ? 1U : 0U;
  }
  BOOST_TEST(blamed >= 28U);
}

BOOST_AUTO_TEST_CASE(a_lasting_change_is_expected_after_a_while) {
  EntityRig rig = trained_rig(3, Form::Linear, healthy_set(3, 2, 1000, 32));
  core::Rng rng(5);
  for (int t = 0; t < 100; ++t) rig.tick(healthy_input(3, kEntities, rng));
  std::size_t at_first = 0;
  for (int t = 0; t < 80; ++t) {
    contract::BlockInput input = healthy_input(3, kEntities, rng);
    for (std::size_t lane = 0; lane < kEntities; ++lane) input.values[lane] += 80.0F;
    rig.tick(input);
    if (t == 0) at_first = alarms(rig);
  }
  BOOST_TEST(at_first == kEntities);
  BOOST_TEST(alarms(rig) <= 2U);
}

BOOST_AUTO_TEST_CASE(a_single_metric_is_judged_by_its_last_values) {
  EntityRig rig = trained_rig(1, Form::Linear, course_set(1, 2, 1500, 33));
  core::Rng rng(6);
  for (int t = 0; t < 150; ++t) rig.tick(course_input(1, kEntities, t, rng));
  BOOST_TEST(alarms(rig) <= 2U);
  contract::BlockInput input = course_input(1, kEntities, 150, rng);
  for (std::size_t lane = 0; lane < kEntities; ++lane) input.values[lane] += 6.0F;
  const VerdictColumns& out = rig.tick(input);
  BOOST_TEST(alarms(rig) >= 28U);
  BOOST_TEST(out.share[0] == 1.0F);
}

BOOST_AUTO_TEST_CASE(the_dense_form_finds_what_its_code_cannot_express) {
  EntityRig rig = trained_rig(5, Form::Dense, course_set(5, 3, 1200, 34));
  core::Rng rng(7);
  std::size_t quiet = 0;
  for (int t = 0; t < 350; ++t) {
    rig.tick(course_input(5, kEntities, t, rng));
    if (t >= 250) quiet += alarms(rig);
  }
  BOOST_TEST(static_cast<double>(quiet) / (100 * kEntities) < 0.02);
  std::size_t found = 0;
  for (int t = 350; t < 356; ++t) {
    rig.tick(course_input(5, kEntities, t, rng, [](double tick, std::size_t m, std::size_t) {
      return m == 1 ? tick + 20 : tick;
    }));
    found = std::max(found, alarms(rig));
  }
  BOOST_TEST(found >= 16U);
}

BOOST_AUTO_TEST_CASE(a_mean_starts_anew_after_twenty_ticks_without_a_value) {
  EntityRig rig = trained_rig(2, Form::Linear, healthy_set(2, 1, 600, 35));
  core::Rng rng(8);
  for (int t = 0; t < 100; ++t) rig.tick(healthy_input(2, kEntities, rng));
  BOOST_TEST((rig.out().outcome[0] == Outcome::Scored));
  for (int t = 0; t < 20; ++t) rig.tick(contract::BlockInput(2));
  for (int t = 0; t < 20; ++t) {
    rig.tick(healthy_input(2, kEntities, rng));
    BOOST_REQUIRE((rig.out().outcome[0] == Outcome::WarmingUp));
  }
  rig.tick(healthy_input(2, kEntities, rng));
  BOOST_TEST((rig.out().outcome[0] == Outcome::Scored));
}

BOOST_AUTO_TEST_CASE(more_than_half_missing_is_no_verdict) {
  EntityRig rig = trained_rig(4, Form::Linear, healthy_set(4, 1, 600, 36));
  core::Rng rng(9);
  for (int t = 0; t < 60; ++t) rig.tick(healthy_input(4, kEntities, rng));
  contract::BlockInput input = healthy_input(4, kEntities, rng);
  input.present[0] = input.present[1] = 0;
  rig.tick(input);
  BOOST_TEST((rig.out().outcome[2 * kLanes] == Outcome::Scored));
  input.present[2] = 0;
  rig.tick(input);
  BOOST_TEST((rig.out().outcome[2 * kLanes] == Outcome::NoData));
  BOOST_TEST((rig.out().outcome[3 * kLanes] == Outcome::InputMissing));
}

BOOST_AUTO_TEST_CASE(state_and_model_are_restored_to_the_last_bit) {
  for (const Form form : {Form::Linear, Form::Dense}) {
    EntityRig rig = trained_rig(3, form, healthy_set(3, 1, 500, 37));
    const std::string saved = bytes_of(*rig.detector().model());
    const auto copy = make(3, form);
    copy->resize(1);
    core::StateReader model_reader(saved);
    const auto model = copy->read_model(model_reader);
    BOOST_REQUIRE(model.ok());
    BOOST_TEST(bytes_of(**model) == saved);

    core::Rng rng(10);
    for (int t = 0; t < 70; ++t) rig.tick(healthy_input(3, kEntities, rng));
    core::StateWriter state;
    rig.detector().save(0, state);
    core::StateReader state_reader(state.bytes());
    BOOST_REQUIRE(copy->restore(0, state_reader).ok());
    core::StateWriter again;
    copy->save(0, again);
    BOOST_TEST(again.bytes() == state.bytes());

    core::StateReader other(saved);
    BOOST_TEST(!make(3, form == Form::Linear ? Form::Dense : Form::Linear)->read_model(other).ok());
    for (const std::size_t length : {std::size_t{1}, saved.size() / 2, saved.size() - 1}) {
      const std::string cut = saved.substr(0, length);
      core::StateReader short_reader(cut);
      BOOST_TEST(!copy->read_model(short_reader).ok());
      const std::string cut_state = state.bytes().substr(0, std::min(length, std::size_t{900}));
      core::StateReader short_state(cut_state);
      BOOST_TEST(!copy->restore(0, short_state).ok());
    }
  }
}

BOOST_AUTO_TEST_CASE(fitting_stops_when_told_and_refuses_small_sets) {
  const auto detector = make(2);
  const auto stopped = detector->fit(healthy_set(2, 4, 20'000, 38), [](double) { return false; });
  BOOST_REQUIRE(!stopped.ok());
  BOOST_TEST((stopped.error().code == core::ErrorCode::Unavailable));
  const auto refused = detector->fit(healthy_set(2, 1, 120, 39), go_on);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().message ==
             "training set too small: 90 vectors with half of their values, at least 200 needed");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
