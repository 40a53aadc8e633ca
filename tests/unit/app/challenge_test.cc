#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/challenge.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "anomaly_exporter/app/drift.h"
#include "anomaly_exporter/app/training_run.h"
#include "app_support.h"
#include "fake_trainable.h"

namespace anomaly_exporter::app {
namespace {

struct Fixture {
  detectors::Shape shape{.metrics = 2, .window = 64, .interval = std::chrono::seconds(10)};
  DetectorFactory factory = [this] { return FakeTrainable::create("", {}, shape); };
  detectors::TrainingSet set = noise_set(4, 1500, 2);
  support::ManualClock clock{{42}};

  std::shared_ptr<const detectors::Model> fitted() const {
    return FakeTrainable(2).fit(set, nullptr).value().model;
  }
  /// A model that judges by nothing that matters.
  static std::shared_ptr<const detectors::Model> blind() {
    auto model = std::make_shared<FakeModel>();
    model->centre = {0, 0};
    model->spread = {1e30F, 1e30F};
    return model;
  }
  ExamResult exam(const std::shared_ptr<const detectors::Model>& model,
                  const ExamOptions& options = {}) const {
    return examine(factory, shape, model, set, options, nullptr).value();
  }
  static TrainingData data_of(detectors::TrainingSet set) {
    TrainingData data;
    data.set = std::move(set);
    cut_incidents(data, {}, {});
    return data;
  }
  TrainingTask task() const {
    return {.factory = factory, .shape = shape, .parameters = "p", .champion = nullptr};
  }
};

BOOST_FIXTURE_TEST_SUITE(challenge_test, Fixture)

BOOST_AUTO_TEST_CASE(a_model_that_fits_finds_the_spikes_and_shifts) {
  const ExamResult result = exam(fitted());
  BOOST_TEST(result.faults >= 20U);
  // Two of three kinds stand out in sigmas; a broken correlation does not for this detector.
  BOOST_TEST(result.recall > 0.6);
  BOOST_TEST(result.recall < 0.95);
  BOOST_TEST(result.raw_threshold > 2.0);
  BOOST_TEST(result.raw_threshold < 4.0);
  BOOST_TEST(result.clean_share < 0.02);
}

BOOST_AUTO_TEST_CASE(every_kind_of_fault_is_injected_and_found_by_what_can_see_it) {
  const ExamResult result = exam(fitted());
  std::size_t faults = 0;
  for (const auto& kind : result.by_kind) {
    BOOST_TEST(kind.faults >= result.faults / 4);
    faults += kind.faults;
  }
  BOOST_TEST(faults == result.faults);
  const auto recall = [&](ExamFault kind) {
    const auto& count = result.by_kind[kind];
    return static_cast<double>(count.found) / static_cast<double>(count.faults);
  };
  BOOST_TEST(recall(kSpike) > 0.95);
  BOOST_TEST(recall(kLevelShift) > 0.95);
  BOOST_TEST(recall(kBrokenCorrelation) < 0.4);  // by chance: 8 ticks, one in a hundred above
}

BOOST_AUTO_TEST_CASE(a_challenger_better_by_broken_correlations_only_is_seen_to_be) {
  // Two metrics that follow each other: their difference tells, their values do not.
  for (auto& part : set.parts) {
    for (std::size_t k = 0; k < part.ticks; ++k) part.values[2 * k + 1] = part.values[2 * k];
  }
  const auto champion = exam(fitted());
  factory = [this] { return FakeTrainable::create("difference", {}, shape); };
  const auto challenger = exam(fitted());
  BOOST_TEST(challenger.by_kind[kBrokenCorrelation].found ==
             challenger.by_kind[kBrokenCorrelation].faults);
  BOOST_TEST(challenger.recall > champion.recall);
}

BOOST_AUTO_TEST_CASE(a_model_that_knows_nothing_fails) {
  // All scores alike: the threshold lies among them.
  auto wrong = std::make_shared<FakeModel>();
  wrong->centre = {50, 50};
  wrong->spread = {10, 10};
  wrong->factor = 0;
  BOOST_TEST(exam(wrong).recall == 0.0);
  BOOST_TEST(exam(nullptr).faults == 0U);  // untrained: nothing was judged
}

BOOST_AUTO_TEST_CASE(an_exam_is_the_same_every_time_and_another_by_another_seed) {
  const ExamResult a = exam(fitted());
  const ExamResult b = exam(fitted());
  BOOST_TEST(a.recall == b.recall);
  BOOST_TEST(a.raw_threshold == b.raw_threshold);
  const ExamResult c = exam(fitted(), {.seed = 2});
  BOOST_TEST((a.faults != c.faults || a.recall != c.recall));
}

BOOST_AUTO_TEST_CASE(the_scale_of_scores_does_not_matter) {
  auto louder = std::make_shared<FakeModel>(dynamic_cast<const FakeModel&>(*fitted()));
  louder->factor = 1000;
  BOOST_TEST(exam(louder).recall == exam(fitted()).recall);
}

BOOST_AUTO_TEST_CASE(too_few_data_give_no_verdict_and_no_crash) {
  for (const std::size_t ticks : {0U, 1U, 9U, 30U, 100U}) {
    set = noise_set(1, ticks, 2);
    BOOST_TEST(exam(fitted()).recall >= 0.0);
  }
  set.parts.clear();
  BOOST_TEST(exam(fitted()).faults == 0U);
}

BOOST_AUTO_TEST_CASE(absent_values_and_parts_of_unequal_length_are_fine) {
  for (std::size_t k = 0; k < set.parts[0].values.size(); k += 3) {
    set.parts[0].values[k] = std::nanf("");
  }
  set.parts[1].ticks = 700;
  set.parts[1].values.resize(1400);
  BOOST_TEST(exam(fitted()).faults > 10U);
}

BOOST_AUTO_TEST_CASE(more_parts_than_half_a_block_are_not_all_used) {
  set = noise_set(40, 300, 2);
  BOOST_TEST(exam(fitted()).faults > 0U);
}

BOOST_AUTO_TEST_CASE(an_exam_stops_when_it_is_told) {
  const auto stopped = examine(factory, shape, fitted(), set, {}, [](double) { return false; });
  BOOST_REQUIRE(!stopped.ok());
  BOOST_TEST((stopped.error().code == core::ErrorCode::Unavailable));
}

BOOST_AUTO_TEST_CASE(a_challenger_may_lack_a_little) {
  const ExamOptions options;
  const ExamResult champion{.recall = 0.80, .faults = 50};
  BOOST_TEST(judge_challenge(nullptr, {}, options).is_accepted);
  BOOST_TEST(judge_challenge(&champion, {.recall = 0.76, .faults = 50}, options).is_accepted);
  const Verdict worse = judge_challenge(&champion, {.recall = 0.74, .faults = 50}, options);
  BOOST_TEST(!worse.is_accepted);
  BOOST_TEST(worse.text ==
             "rejected: finds 74.0 % of the injected faults, the model in use 80.0 %");
  BOOST_TEST(judge_challenge(&champion, {.recall = 0, .faults = 0}, options).is_accepted);
}

BOOST_AUTO_TEST_CASE(the_first_model_is_taken_with_its_figures) {
  // An hour passes while it is fitted.
  FakeTrainable::on_progress = [this, is_first = true]() mutable {
    if (std::exchange(is_first, false)) clock.advance(std::chrono::hours(1));
  };
  const auto trained = train_model(task(), data_of(set), clock, nullptr);
  FakeTrainable::on_progress = nullptr;
  BOOST_REQUIRE(trained.ok());
  BOOST_TEST(trained->is_accepted);
  const auto& m = trained->metadata;
  BOOST_TEST(m.created.ms == 42 + 3'600'000);
  BOOST_TEST(m.samples == 4800U);  // a fifth is held back
  BOOST_TEST(!m.in_sample);
  BOOST_TEST(m.entities == 4U);
  BOOST_TEST(m.parent == 0U);
  BOOST_TEST(m.verdict == "accepted: the first model");
  BOOST_REQUIRE(m.figures.size() == 5U);
  BOOST_TEST(m.figures[0].first == "loss");
  BOOST_TEST(m.figures[1].first == "recall");
}

BOOST_AUTO_TEST_CASE(a_first_model_of_few_data_sees_all_of_them_and_says_so) {
  const auto few = train_model(task(), data_of(noise_set(1, 124, 2)), clock, nullptr);
  BOOST_REQUIRE(few.ok());
  BOOST_TEST(few->metadata.in_sample);
  BOOST_TEST(few->metadata.samples == 124U);
  const auto enough = train_model(task(), data_of(noise_set(1, 125, 2)), clock, nullptr);
  BOOST_REQUIRE(enough.ok());
  BOOST_TEST(!enough->metadata.in_sample);
  BOOST_TEST(enough->metadata.samples == 100U);
}

BOOST_AUTO_TEST_CASE(a_challenger_is_fitted_without_the_part_held_back_and_compared) {
  TrainingTask with_champion = task();
  with_champion.champion = fitted();
  with_champion.champion_version = 4;
  const auto trained = train_model(with_champion, data_of(set), clock, nullptr);
  BOOST_REQUIRE(trained.ok());
  BOOST_TEST(trained->is_accepted);
  BOOST_TEST(trained->metadata.samples == 4800U);
  BOOST_TEST(trained->metadata.parent == 4U);

  FakeTrainable::next_factor = 0;  // a challenger that sees nothing
  const auto worse = train_model(with_champion, data_of(set), clock, nullptr);
  FakeTrainable::next_factor = 1;
  BOOST_REQUIRE(worse.ok());
  BOOST_TEST(!worse->is_accepted);
  BOOST_TEST(worse->metadata.verdict.starts_with("rejected: finds 0.0 %"));
}

BOOST_AUTO_TEST_CASE(fewer_vectors_than_needed_are_refused_with_both_numbers) {
  const auto refused = train_model(task(), data_of(noise_set(1, 99, 2)), clock, nullptr);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST((refused.error().code == core::ErrorCode::InvalidArgument));
  BOOST_TEST(refused.error().message == "99 vectors of data, 100 are needed");
  BOOST_TEST(train_model(task(), data_of(noise_set(1, 100, 2)), clock, nullptr).ok());
}

BOOST_AUTO_TEST_CASE(progress_ascends_to_the_end_and_can_stop_every_stage) {
  TrainingTask with_champion = task();
  with_champion.champion = fitted();
  const TrainingData data = data_of(noise_set(2, 400, 2));
  double last = 0;
  std::size_t calls = 0;
  BOOST_TEST(train_model(with_champion, data, clock, [&](double done) {
               BOOST_TEST(done >= last);
               last = done;
               ++calls;
               return true;
             }).ok());
  BOOST_TEST(last == 1.0);
  for (std::size_t stop_at = 1; stop_at <= calls; stop_at += 97) {
    std::size_t call = 0;
    const auto stopped =
        train_model(with_champion, data, clock, [&](double) { return ++call < stop_at; });
    BOOST_TEST(!stopped.ok());
  }
}

BOOST_AUTO_TEST_CASE(a_body_comes_back_whole_and_damage_is_seen) {
  const auto trained = train_model(task(), data_of(set), clock, nullptr).value();
  const std::string body = encode_body(trained);
  const FakeTrainable reader(2);
  const auto read = decode_body({trained.metadata, body}, reader, 2);
  BOOST_REQUIRE(read.ok());
  BOOST_TEST(encode_body(*read) == body);
  BOOST_TEST(stability_index(*read->inputs, *trained.inputs) == 0.0);
  for (std::size_t size = 0; size < body.size(); ++size) {
    BOOST_TEST(!decode_body({{}, body.substr(0, size)}, reader, 2).ok());
  }
  BOOST_TEST(!decode_body({{}, body}, FakeTrainable(3), 3).ok());
}

BOOST_AUTO_TEST_CASE(training_now_adopts_in_trained_detectors_only) {
  TestMonitor monitor(trainable_config({"x", "y"}));
  BOOST_TEST(!has_trainable(*monitor));
  BOOST_TEST(train_now(*monitor, set).empty());
  make_trainable(*monitor);
  BOOST_TEST(has_trainable(*monitor));
  BOOST_TEST(train_now(*monitor, set).size() == 1U);
  BOOST_TEST((monitor->detectors[0]->model() != nullptr));
}

BOOST_AUTO_TEST_CASE(inputs_of_the_same_kind_do_not_drift_whatever_their_level) {
  InputProfile reference(2);
  reference.add(set, 256);
  auto other = noise_set(4, 1500, 2, 99);
  for (auto& part : other.parts) {
    for (float& v : part.values) v = 1000 + 7 * v;
  }
  InputProfile recent(2);
  recent.add(other, 256);
  BOOST_TEST(stability_index(reference, recent) < 0.1);
  BOOST_TEST(stability_index(reference, reference) == 0.0);
}

BOOST_AUTO_TEST_CASE(another_shape_of_inputs_is_a_large_drift) {
  InputProfile reference(2);
  reference.add(set, 256);
  auto other = noise_set(4, 1500, 2, 99);
  for (auto& part : other.parts) {
    for (float& v : part.values) v = std::exp(v / 10);  // skewed
  }
  InputProfile recent(2);
  recent.add(other, 256);
  BOOST_TEST(stability_index(reference, recent) > kLargeDrift);
}

BOOST_AUTO_TEST_CASE(the_index_is_the_formula) {
  InputProfile a(1);
  InputProfile b(1);
  std::vector<float> values;
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(i));
  a.add(0, values);
  values.clear();
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(i * i));
  b.add(0, values);
  double want = 0;
  const double bins = static_cast<double>(InputProfile::kBins);
  for (std::size_t k = 0; k < InputProfile::kBins; ++k) {
    const double p = (a.counts(0)[k] + 0.5) / (100 + 0.5 * bins);
    const double q = (b.counts(0)[k] + 0.5) / (100 + 0.5 * bins);
    want += (p - q) * std::log(p / q);
  }
  BOOST_TEST(stability_index(a, b) == want, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(stability_index(b, a) == want, boost::test_tools::tolerance(1e-12));
  b.fade(0.5);
  BOOST_TEST(b.least_weight() == 50.0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
