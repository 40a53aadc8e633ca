#include "lstm_training.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "course_data.h"
#include "dense_network.h"

namespace anomaly_exporter::detectors {
namespace {

template <class Real>
WindowPanel<Real> random_panel(std::size_t metrics, std::size_t window, core::Rng& rng) {
  WindowPanel<Real> panel(metrics, window);
  for (Real& x : panel.inputs) x = static_cast<Real>(rng.normal());
  for (Real& x : panel.targets) x = static_cast<Real>(2 * rng.normal());  // both sides of the bend
  for (Real& x : panel.weights) x = rng.below(4) == 0 ? 0 : 1;
  return panel;
}

// Largest difference between a gradient and central differences, relative to the larger of both.
template <class Gradient, class Shape>
double worst_difference(const Shape& shape, std::vector<double> parameters, std::size_t metrics,
                        std::size_t window) {
  core::Rng rng(3);
  for (double& p : parameters) p += 0.1 * rng.normal();
  const WindowPanel<double> panel = random_panel<double>(metrics, window, rng);
  const TrainingProgress none;
  WorkMeter meter(none);
  Gradient network(shape);
  std::vector<double> gradient(parameters.size());
  network.loss(parameters, panel, gradient, meter);
  double worst = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    constexpr double kStep = 1e-5;
    const double at = parameters[i];
    parameters[i] = at + kStep;
    const PanelLoss above = network.loss(parameters, panel, {}, meter);
    parameters[i] = at - kStep;
    const PanelLoss below = network.loss(parameters, panel, {}, meter);
    parameters[i] = at;
    const double slope = (above.sum / above.weight - below.sum / below.weight) / (2 * kStep);
    worst = std::max(worst, std::abs(slope - gradient[i]) / (std::abs(slope) + 1e-4));
  }
  return worst;
}

core::Result<TrainedParameters> trained(const LstmShape& shape, const TrainingSet& set,
                                        std::size_t epochs, const TrainingProgress& progress = {}) {
  WorkMeter meter(progress);
  auto windows = TrainingWindows::create(set, 200, shape.window, kMostTrainingWindows, meter);
  if (!windows) return windows.error();
  core::Rng rng(set.seed);
  LstmGradientSource network(shape);
  return train_network(network, initial_lstm_parameters<float>(shape, rng), *windows, epochs,
                       set.seed, meter);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lstm_training_test)

BOOST_AUTO_TEST_CASE(the_gradient_is_that_of_finite_differences) {
  for (const LstmShape shape : {LstmShape{.metrics = 2, .window = 3, .hidden = 4},
                                LstmShape{.metrics = 1, .window = 9, .hidden = 3}}) {
    core::Rng rng(1);
    BOOST_TEST(worst_difference<LstmGradient<double>>(shape,
                                                      initial_lstm_parameters<double>(shape, rng),
                                                      shape.metrics, shape.window) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(the_gradient_of_the_dense_form_is_that_of_finite_differences) {
  const DenseShape shape{.metrics = 2, .window = 3, .hidden = 8, .code = 3};
  core::Rng rng(2);
  BOOST_TEST(worst_difference<DenseGradient<double>>(shape,
                                                     initial_dense_parameters<double>(shape, rng),
                                                     shape.metrics, shape.window) < 1e-4);
}

BOOST_AUTO_TEST_CASE(float_kernels_and_double_loops_give_the_same_loss) {
  const LstmShape shape{.metrics = 3, .window = 10, .hidden = 16};
  core::Rng rng(4);
  const std::vector<float> parameters = initial_lstm_parameters<float>(shape, rng);
  const WindowPanel<float> panel = random_panel<float>(3, 10, rng);
  WindowPanel<double> twice(3, 10);
  twice.inputs.assign(panel.inputs.begin(), panel.inputs.end());
  twice.targets.assign(panel.targets.begin(), panel.targets.end());
  twice.weights.assign(panel.weights.begin(), panel.weights.end());
  const TrainingProgress none;
  WorkMeter meter(none);
  LstmGradient<float> single(shape);
  LstmGradient<double> full(shape);
  std::vector<float> d_single(parameters.size());
  std::vector<double> d_full(parameters.size());
  const std::vector<double> wide(parameters.begin(), parameters.end());
  const PanelLoss a = single.loss(parameters, panel, d_single, meter);
  const PanelLoss b = full.loss(wide, twice, d_full, meter);
  BOOST_TEST(a.weight == b.weight);
  BOOST_TEST(a.sum == b.sum, boost::test_tools::tolerance(1e-5));
  for (std::size_t i = 0; i < d_full.size(); ++i) {
    BOOST_REQUIRE_SMALL(static_cast<double>(d_single[i]) - d_full[i], 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(scoring_reconstructs_the_newest_tick_as_training_does) {
  const LstmShape shape{.metrics = 3, .window = 7, .hidden = 16};
  core::Rng rng(5);
  const std::vector<float> parameters = initial_lstm_parameters<float>(shape, rng);
  const WindowPanel<float> panel = random_panel<float>(3, 7, rng);
  const TrainingProgress none;
  WorkMeter meter(none);
  LstmGradient<float> gradient(shape);
  gradient.loss(parameters, panel, {}, meter);
  const LstmNetwork network(shape, parameters);
  std::vector<float> inputs(panel.inputs.size());
  for (std::size_t row = 0; row < 6; ++row) {
    for (std::size_t tick = 0; tick < 7; ++tick) {
      std::copy_n(panel.inputs.data() + row * panel.row() + tick * 64, 64,
                  inputs.data() + (tick * 6 + row) * 64);
    }
  }
  std::vector<float> scratch(network.scratch_floats(), 3.0F);
  std::vector<float> newest(3 * 64);
  network.reconstruct(stats::lstm_kernels(), inputs.data(), scratch.data(), newest.data());
  for (std::size_t metric = 0; metric < 3; ++metric) {
    for (std::size_t lane = 0; lane < 64; ++lane) {
      const float want = gradient.reconstruction()[metric * panel.row() + 6 * 64 + lane];
      BOOST_REQUIRE_SMALL(newest[metric * 64 + lane] - want, 1e-5F);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_loss_falls_to_the_noise) {
  const LstmShape shape{.metrics = 2, .window = 10, .hidden = 16};
  const TrainingSet set = course_set(2, 1, 1000, 8);
  const auto after_one = trained(shape, set, 1);
  const auto after_many = trained(shape, set, 40);
  BOOST_REQUIRE((after_one.ok() && after_many.ok()));
  BOOST_TEST(after_one->epochs == 1U);
  BOOST_TEST(after_many->validation_loss < 0.15 * after_one->validation_loss);
  // The noise is 0.4 of a swing of 10: squared and halved, in scaled units, about 0.001.
  BOOST_TEST(after_many->validation_loss < 0.01);
}

BOOST_AUTO_TEST_CASE(training_is_deterministic_and_depends_on_the_seed) {
  const LstmShape shape{.metrics = 1, .window = 6, .hidden = 16};
  TrainingSet set = course_set(1, 2, 300, 9);
  const auto a = trained(shape, set, 3);
  const auto b = trained(shape, set, 3);
  set.seed = 10;
  const auto c = trained(shape, set, 3);
  BOOST_REQUIRE((a.ok() && b.ok() && c.ok()));
  BOOST_TEST((a->parameters == b->parameters));
  BOOST_TEST((a->parameters != c->parameters));
}

BOOST_AUTO_TEST_CASE(training_stops_when_told_and_asks_often) {
  const LstmShape shape{.metrics = 7, .window = 10, .hidden = 32};
  const TrainingSet set = course_set(7, 1, 600, 11);
  std::size_t calls = 0;
  double last = 0;
  BOOST_REQUIRE(trained(shape, set, 2, [&](double share) {
                  ++calls;
                  BOOST_TEST((share >= last && share <= 1.0));
                  last = share;
                  return true;
                }).ok());
  BOOST_TEST(calls > 40U);  // two passes over ten panels, some 20 million multiply-adds each

  std::size_t left = calls / 2;
  const auto stopped = trained(shape, set, 2, [&](double) { return left-- > 1; });
  BOOST_REQUIRE(!stopped.ok());
  BOOST_TEST((stopped.error().code == core::ErrorCode::Unavailable));
}

BOOST_AUTO_TEST_CASE(windows_are_sampled_evenly_and_the_tail_is_held_back) {
  const TrainingSet set = course_set(2, 3, 500, 12);
  const TrainingProgress none;
  WorkMeter meter(none);
  const auto all = TrainingWindows::create(set, 100, 10, 100'000, meter);
  BOOST_REQUIRE(all.ok());
  BOOST_TEST(all->training().size() == 900U);
  BOOST_TEST(all->held_back().size() == 300U);
  const auto some = TrainingWindows::create(set, 100, 10, 300, meter);
  BOOST_REQUIRE(some.ok());
  BOOST_TEST(some->training().size() + some->held_back().size() <= 300U);
  BOOST_TEST(some->held_back().size() >= 50U);
}

BOOST_AUTO_TEST_CASE(too_small_a_set_is_refused_with_what_is_needed) {
  const auto refused =
      trained({.metrics = 1, .window = 10, .hidden = 16}, course_set(1, 1, 150, 13), 1);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST((refused.error().code == core::ErrorCode::InvalidArgument));
  BOOST_TEST(refused.error().message ==
             "training set too small: 113 windows of 10 ticks with half of their values, at least "
             "200 needed");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
