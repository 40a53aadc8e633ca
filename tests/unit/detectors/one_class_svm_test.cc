#include "anomaly_exporter/detectors/one_class_svm.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

// Header-only, as in svm_training.cc.
#define DLIB_DISABLE_ASSERTS
#define DLIB_TEST_FOR_ODR_VIOLATIONS_H_
#include <dlib/svm/svm_one_class_trainer.h>

#include "anomaly_exporter/stats/vector_kernels.h"
#include "entity_rig.h"
#include "svm_training.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kMetrics = 7;
constexpr std::size_t kWindow = 200;

std::unique_ptr<Detector> make(const OneClassSvmOptions& options = {},
                               std::size_t metrics = kMetrics) {
  auto made = OneClassSvm::create(options, {.metrics = metrics, .window = kWindow});
  BOOST_REQUIRE(made.ok());
  return std::move(made).value();
}

FittedModel fitted(const Detector& detector, std::size_t metrics = kMetrics) {
  auto model = detector.fit(healthy_set(metrics, 3, 2000, 11), go_on);
  BOOST_REQUIRE(model.ok());
  return std::move(model).value();
}

EntityRig trained_rig(std::size_t entities, core::Rng& rng, std::size_t metrics = kMetrics) {
  EntityRig rig(make({}, metrics), metrics, entities, kWindow);
  rig.detector().adopt(fitted(rig.detector(), metrics).model);
  for (int t = 0; t < 250; ++t) rig.tick(healthy_input(metrics, entities, rng));
  return rig;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(one_class_svm_test)

BOOST_AUTO_TEST_CASE(decisions_are_those_of_dlib) {
  using Vector = dlib::matrix<double, 0, 1>;
  using Kernel = dlib::radial_basis_kernel<Vector>;
  constexpr std::size_t kFeatures = 8;
  constexpr double kGamma = 0.125;
  core::Rng rng(9);
  VectorTable table{.values = {}, .features = kFeatures};
  std::vector<Vector> samples;
  for (int i = 0; i < 1000; ++i) {
    Vector sample(kFeatures);
    for (std::size_t f = 0; f < kFeatures; ++f) {
      table.values.push_back(static_cast<float>(rng.normal()));
      sample(static_cast<long>(f)) = static_cast<double>(table.values.back());
    }
    samples.push_back(sample);
  }
  const auto machine = dlib::svm_one_class_trainer<Kernel>(Kernel(kGamma), 0.1).train(samples);
  const auto found = train_one_class(table, 0.1, kGamma, go_on);
  BOOST_REQUIRE(found.ok());
  BOOST_TEST(found->weights.size() > 100U);

  const auto unit = static_cast<float>(std::sqrt(kGamma * std::numbers::log2e));
  std::vector<float> centres = found->vectors.values;
  for (float& value : centres) value *= unit;
  const stats::RadialView view{centres.data(), found->weights.data(), found->weights.size(),
                               kFeatures};
  for (int round = 0; round < 20; ++round) {
    std::vector<float> batch(kFeatures * kLanes);
    std::vector<Vector> vectors(kLanes, Vector(kFeatures));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const double value = rng.normal() * (1 + 0.1 * round);
      vectors[i % kLanes](static_cast<long>(i / kLanes)) = value;
      batch[i] = static_cast<float>(value) * unit;
    }
    std::array<float, kLanes> sums{};
    stats::vector_kernels().radial_sums(view, batch.data(), kLanes, sums.data());
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double ours = static_cast<double>(sums[lane]) - found->rho;
      BOOST_REQUIRE_SMALL(ours - machine(vectors[lane]), 1e-4);
    }
  }
}

BOOST_AUTO_TEST_CASE(at_most_nu_of_the_vectors_lie_outside) {
  core::Rng rng(10);
  VectorTable table{.values = {}, .features = 2};
  for (int i = 0; i < 2000; ++i) table.values.push_back(static_cast<float>(rng.normal()));
  for (const double nu : {0.01, 0.05, 0.2}) {
    const auto found = train_one_class(table, nu, 0.5, go_on);
    BOOST_REQUIRE(found.ok());
    double sum = 0;
    std::size_t full = 0;
    for (const float weight : found->weights) {
      BOOST_TEST(weight > 0.0F);
      BOOST_TEST(weight <= 1.0F);
      sum += static_cast<double>(weight);
      full += weight == 1.0F ? 1U : 0U;
    }
    BOOST_TEST(sum == nu * 1000, boost::test_tools::tolerance(1e-4));
    BOOST_TEST(static_cast<double>(full) <= nu * 1000);
    BOOST_TEST(static_cast<double>(found->weights.size()) >= nu * 1000);
  }
}

BOOST_AUTO_TEST_CASE(finds_a_spike_and_names_its_metric) {
  core::Rng rng(21);
  EntityRig rig = trained_rig(5, rng);
  contract::BlockInput input = healthy_input(kMetrics, 5, rng);
  input.values[4 * kLanes + 2] = 800.0F;
  const VerdictColumns& out = rig.tick(input);
  double sum = 0;
  for (std::size_t metric = 0; metric < kMetrics; ++metric) {
    const std::size_t at = metric * kLanes + 2;
    BOOST_TEST((out.outcome[at] == Outcome::Scored));
    BOOST_TEST(out.raw[at] == out.raw[2]);
    sum += static_cast<double>(out.share[at]);
  }
  BOOST_TEST(sum == 1.0, boost::test_tools::tolerance(1e-5));
  BOOST_TEST(out.raw[2] > 1.5);
  BOOST_TEST(out.share[4 * kLanes + 2] > 0.8F);
  BOOST_TEST(out.raw[1] < 1.0);
  BOOST_TEST(out.expected[4 * kLanes + 2] == 500.0F, boost::test_tools::tolerance(0.05F));
}

BOOST_AUTO_TEST_CASE(farther_is_more_anomalous_and_always_finite) {
  double before = 0;
  for (const float value : {500.0F, 600.0F, 650.0F, 700.0F, 740.0F}) {
    core::Rng rng(22);
    EntityRig rig = trained_rig(1, rng);
    contract::BlockInput input = healthy_input(kMetrics, 1, rng);
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
      input.values[metric * kLanes] = 100.0F * static_cast<float>(metric + 1);
    }
    input.values[4 * kLanes] = value;
    const double raw = rig.tick(input).raw[0];
    BOOST_TEST(std::isfinite(raw));
    BOOST_TEST((raw > before || value == 500.0F));
    before = raw;
  }
}

BOOST_AUTO_TEST_CASE(about_the_contamination_of_healthy_ticks_is_over_the_threshold) {
  for (const std::size_t metrics : {std::size_t{1}, kMetrics}) {
    core::Rng rng(23);
    EntityRig rig = trained_rig(64, rng, metrics);
    std::size_t over = 0;
    std::size_t all = 0;
    for (int t = 0; t < 200; ++t) {
      const VerdictColumns& out = rig.tick(healthy_input(metrics, 64, rng));
      for (std::size_t lane = 0; lane < 64; ++lane, ++all) over += out.raw[lane] >= 1.0 ? 1U : 0U;
    }
    BOOST_TEST(static_cast<double>(over) > 0.003 * static_cast<double>(all));
    BOOST_TEST(static_cast<double>(over) < 0.03 * static_cast<double>(all));
  }
}

BOOST_AUTO_TEST_CASE(tells_untrained_warming_up_and_input_missing_apart) {
  core::Rng rng(25);
  EntityRig rig(make(), kMetrics, 2, kWindow);
  BOOST_TEST((rig.tick(healthy_input(kMetrics, 2, rng)).outcome[0] == Outcome::Untrained));
  rig.detector().adopt(fitted(rig.detector()).model);
  BOOST_TEST((rig.tick(healthy_input(kMetrics, 2, rng)).outcome[0] == Outcome::WarmingUp));
  for (int t = 2; t < 24; ++t) rig.tick(healthy_input(kMetrics, 2, rng));
  contract::BlockInput input = healthy_input(kMetrics, 2, rng);
  for (std::size_t metric = 0; metric < 4; ++metric) input.present[metric] = 0b01;
  const VerdictColumns& out = rig.tick(input);
  BOOST_TEST((out.outcome[0] == Outcome::Scored));
  BOOST_TEST((out.outcome[1] == Outcome::NoData));
  BOOST_TEST((out.outcome[6 * kLanes + 1] == Outcome::InputMissing));
}

BOOST_AUTO_TEST_CASE(survives_constant_history) {
  TrainingSet set = healthy_set(2, 1, 500, 1);
  std::ranges::fill(set.parts[0].values, 3.0F);
  EntityRig rig(make({}, 2), 2, 1, kWindow);
  const auto model = rig.detector().fit(set, go_on);
  BOOST_REQUIRE(model.ok());
  rig.detector().adopt(model->model);
  contract::BlockInput input(2);
  input.set(0, 0, 3.0F);
  input.set(1, 0, 3.0F);
  for (int t = 0; t < 30; ++t) rig.tick(input);
  BOOST_TEST(rig.out().raw[0] == 0.0);
  input.values[0] = 4.0F;
  BOOST_TEST(rig.tick(input).raw[0] > 1.0);
  BOOST_TEST(std::isfinite(rig.out().raw[0]));
}

BOOST_AUTO_TEST_CASE(a_model_read_back_judges_alike_to_the_bit) {
  core::Rng rng(27);
  EntityRig rig = trained_rig(4, rng);
  const std::string saved = bytes_of(*rig.detector().model());
  core::StateReader reader(saved);
  auto model = make()->read_model(reader);
  BOOST_REQUIRE(model.ok());
  BOOST_TEST(reader.remaining() == 0U);
  BOOST_TEST(bytes_of(**model) == saved);
  core::Rng again(27);
  EntityRig other = trained_rig(4, again);
  other.detector().adopt(*model);
  const contract::BlockInput input = healthy_input(kMetrics, 4, rng);
  BOOST_TEST(rig.tick(input).raw == other.tick(input).raw);
}

BOOST_AUTO_TEST_CASE(a_model_that_is_not_its_own_is_refused) {
  const auto detector = make();
  const std::string saved = bytes_of(*fitted(*detector).model);
  const auto code_for = [](const Detector& reading, std::string_view bytes) {
    core::StateReader reader(bytes);
    const auto model = reading.read_model(reader);
    BOOST_REQUIRE(!model.ok());
    return model.error().code;
  };
  for (std::size_t size = 0; size < saved.size(); size += size < 100 ? 1 : 13) {
    BOOST_TEST(
        (code_for(*detector, std::string_view(saved).substr(0, size)) == core::ErrorCode::Corrupt));
  }
  BOOST_TEST((code_for(*make({}, 6), saved) == core::ErrorCode::Corrupt));
  BOOST_TEST((code_for(*make({.contamination = 0.02}), saved) == core::ErrorCode::Corrupt));
  std::string newer = saved;
  newer[0] = 2;
  BOOST_TEST((code_for(*detector, newer) == core::ErrorCode::Unsupported));
}

BOOST_AUTO_TEST_CASE(fits_alike_from_equal_sets_and_stops_when_told) {
  const auto detector = make();
  BOOST_TEST(bytes_of(*fitted(*detector).model) == bytes_of(*fitted(*detector).model));
  const TrainingSet set = healthy_set(kMetrics, 2, 1000, 3);
  std::size_t calls = 0;
  double last = 0;
  const auto count = [&](double done) {
    BOOST_TEST(done >= last);
    last = done;
    ++calls;
    return true;
  };
  BOOST_REQUIRE(detector->fit(set, count).ok());
  for (std::size_t stop = 1; stop <= calls; stop += 5) {
    std::size_t call = 0;
    const auto stopped = detector->fit(set, [&](double) { return ++call < stop; });
    BOOST_REQUIRE(!stopped.ok());
    BOOST_TEST((stopped.error().code == core::ErrorCode::Unavailable));
    BOOST_TEST(call == stop);
  }
  BOOST_TEST(!detector->fit(healthy_set(kMetrics, 1, 100, 3), go_on).ok());
}

BOOST_AUTO_TEST_CASE(options_have_ranges) {
  const auto message = [](const OneClassSvmOptions& options) {
    const core::Status status = options.validate();
    return status.ok() ? std::string() : status.error().message;
  };
  BOOST_TEST(message({}).empty());
  BOOST_TEST(message({.contamination = 0}) == "contamination: 0 is not within 0.0001 to 0.5");
  BOOST_TEST(message({.gamma = -1}) == "gamma: -1 is not within 0 to 1000");
  BOOST_TEST(message({.sample = 99}) == "sample: 99 is not within 100 to 5000");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
