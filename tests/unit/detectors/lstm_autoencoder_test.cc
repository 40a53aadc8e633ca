#include "anomaly_exporter/detectors/lstm_autoencoder.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "course_data.h"
#include "entity_rig.h"

namespace anomaly_exporter::detectors {
namespace {

constexpr std::size_t kMetrics = 5;
constexpr std::size_t kWindow = 200;
constexpr std::size_t kEntities = 32;
constexpr LstmAutoencoderOptions kSmall{.window = 10, .hidden = 16, .epochs = 25, .threshold = 3.0};

std::unique_ptr<Detector> make(std::size_t metrics = kMetrics,
                               const LstmAutoencoderOptions& options = kSmall) {
  auto made = LstmAutoencoder::create(options, {.metrics = metrics, .window = kWindow});
  BOOST_REQUIRE(made.ok());
  return std::move(made).value();
}

std::shared_ptr<const Model> fitted(std::size_t metrics = kMetrics) {
  auto model = make(metrics)->fit(course_set(metrics, 3, 1200, 21), go_on);
  BOOST_REQUIRE(model.ok());
  return model->model;
}

// Trained once for all cases.
const std::shared_ptr<const Model>& shared_model() {
  static const std::shared_ptr<const Model> model = fitted();
  return model;
}

struct Course {
  EntityRig rig;
  core::Rng rng{77};
  double tick = 0;

  explicit Course(std::size_t metrics = kMetrics,
                  const std::shared_ptr<const Model>& model = shared_model())
      : rig(make(metrics), metrics, kEntities, kWindow), metrics_(metrics) {
    rig.detector().adopt(model);
  }
  contract::BlockInput next(const Astray& at = {}) {
    return course_input(metrics_, kEntities, tick++, rng, at);
  }
  void run(int ticks) {
    for (int t = 0; t < ticks; ++t) rig.tick(next());
  }
  [[nodiscard]] std::size_t alarms() const {
    std::size_t n = 0;
    for (std::size_t lane = 0; lane < kEntities; ++lane) {
      n += rig.out().raw[lane] >= kSmall.threshold ? 1U : 0U;
    }
    return n;
  }

 private:
  std::size_t metrics_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lstm_autoencoder_test)

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused_by_name) {
  const auto message = [](const LstmAutoencoderOptions& options) {
    const core::Status status = options.validate();
    return status.ok() ? std::string() : status.error().message;
  };
  BOOST_TEST(message({}) == "");
  BOOST_TEST(message({.window = 1}) == "window: 1 is not within 2 to 100");
  BOOST_TEST(message({.hidden = 48}) == "hidden: 48 is not 16, 32 or 64");
  BOOST_TEST(message({.epochs = 0}) == "epochs: 0 is not within 1 to 1000");
  BOOST_TEST(message({.threshold = 0.5}) == "threshold: 0.5 is not within 1 to 100");
  BOOST_TEST(!LstmAutoencoder::create({.window = 50}, {.metrics = 1, .window = 40}).ok());
}

BOOST_AUTO_TEST_CASE(is_untrained_without_a_model) {
  Course course(kMetrics, nullptr);
  course.run(40);
  BOOST_TEST((course.rig.out().outcome[0] == Outcome::Untrained));
}

BOOST_AUTO_TEST_CASE(the_usual_course_is_quiet_and_the_expectation_follows_it) {
  Course course;
  course.run(250);
  std::size_t alarms = 0;
  double off = 0;
  for (int t = 0; t < 200; ++t) {
    const contract::BlockInput input = course.next();
    const VerdictColumns& out = course.rig.tick(input);
    alarms += course.alarms();
    for (std::size_t lane = 0; lane < kEntities; ++lane) {
      BOOST_REQUIRE((out.outcome[lane] == Outcome::Scored));
      off += static_cast<double>(std::fabs(out.expected[lane] - input.values[lane]));
      float shares = 0;
      for (std::size_t m = 0; m < kMetrics; ++m) {
        BOOST_REQUIRE_EQUAL(out.raw[m * kLanes + lane], out.raw[lane]);
        shares += out.share[m * kLanes + lane];
      }
      BOOST_REQUIRE_SMALL(shares - 1.0F, 1e-5F);
    }
  }
  BOOST_TEST(static_cast<double>(alarms) / (200 * kEntities) < 0.01);
  BOOST_TEST(off / (200 * kEntities) < 2.0);  // of a swing of +-10
}

BOOST_AUTO_TEST_CASE(a_broken_pattern_of_usual_values_is_found) {
  Course course;
  course.run(250);
  // One metric leaves its place in the swing and stays within its usual range.
  std::vector<bool> found(kEntities);
  std::size_t blamed = 0;
  for (int t = 0; t < 6; ++t) {
    const VerdictColumns& out =
        course.rig.tick(course.next([](double tick, std::size_t metric, std::size_t) {
          return metric == 2 ? tick + 20 : tick;
        }));
    for (std::size_t lane = 0; lane < kEntities; ++lane) {
      if (out.raw[lane] < 3.0) continue;
      found[lane] = true;
      blamed += out.share[2 * kLanes + lane] > 0.5F ? 1U : 0U;
    }
  }
  BOOST_TEST(std::ranges::count(found, true) >= 30);
  BOOST_TEST(blamed >= 50U);
}

BOOST_AUTO_TEST_CASE(a_single_metric_is_judged_by_its_window) {
  Course course(1, fitted(1));
  course.run(250);
  const std::size_t before = course.alarms();
  std::size_t most = 0;
  for (int t = 0; t < 8; ++t) {  // four times as fast
    course.rig.tick(
        course.next([t](double tick, std::size_t, std::size_t) { return tick + 3 * t; }));
    most = std::max(most, course.alarms());
  }
  BOOST_TEST(before <= 2U);
  BOOST_TEST(most >= 16U);
}

BOOST_AUTO_TEST_CASE(missing_values_are_expected_from_the_others) {
  Course course;
  course.run(250);
  std::size_t alarms = 0;
  for (int t = 0; t < 40; ++t) {
    contract::BlockInput input = course.next();
    input.present[1] = input.learn[1] = 0;
    input.present[3] = input.learn[3] = 0;
    const VerdictColumns& out = course.rig.tick(input);
    alarms += course.alarms();
    BOOST_REQUIRE((out.outcome[kLanes] == Outcome::NoData));
    BOOST_REQUIRE((out.outcome[0] == Outcome::Scored));
    BOOST_REQUIRE_SMALL(out.share[0] + out.share[2 * kLanes] + out.share[4 * kLanes] - 1.0F, 1e-5F);
  }
  BOOST_TEST(static_cast<double>(alarms) / (40 * kEntities) < 0.05);
}

BOOST_AUTO_TEST_CASE(more_than_half_missing_is_no_verdict) {
  Course course;
  course.run(60);
  contract::BlockInput input = course.next();
  for (const std::size_t m : {0U, 1U, 2U}) input.present[m] = 0;
  const VerdictColumns& out = course.rig.tick(input);
  BOOST_TEST((out.outcome[0] == Outcome::NoData));
  BOOST_TEST((out.outcome[3 * kLanes] == Outcome::InputMissing));
}

BOOST_AUTO_TEST_CASE(absent_values_are_never_read) {
  Course a;
  Course b;
  for (int t = 0; t < 60; ++t) {
    contract::BlockInput first = a.next();
    contract::BlockInput second = b.next();
    for (contract::BlockInput* input : {&first, &second}) {
      const std::size_t m = static_cast<std::size_t>(t) % kMetrics;
      input->present[m] &= ~LaneMask{0xff};
      input->learn[m] = input->present[m];
      for (std::size_t lane = 0; lane < 8; ++lane) {
        input->values[m * kLanes + lane] = input == &first ? contract::kNan : 1e30F;
      }
    }
    const VerdictColumns& left = a.rig.tick(first);
    const VerdictColumns& right = b.rig.tick(second);
    for (std::size_t i = 0; i < left.raw.size(); ++i) {
      BOOST_REQUIRE((left.outcome[i] == right.outcome[i]));
      if (left.outcome[i] != Outcome::Scored) continue;
      BOOST_REQUIRE_EQUAL(left.raw[i], right.raw[i]);
      BOOST_REQUIRE(std::isfinite(left.raw[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_saved_model_judges_to_the_last_bit_alike) {
  const std::string saved = bytes_of(*shared_model());
  core::StateReader reader(saved);
  const auto read = make()->read_model(reader);
  BOOST_REQUIRE(read.ok());
  BOOST_TEST(reader.remaining() == 0U);
  BOOST_TEST(bytes_of(**read) == saved);
  Course a;
  Course b(kMetrics, *read);
  for (int t = 0; t < 60; ++t) {
    a.rig.tick(a.next());
    b.rig.tick(b.next());
    for (std::size_t i = 0; i < a.rig.out().raw.size(); ++i) {
      BOOST_REQUIRE_EQUAL(a.rig.out().raw[i], b.rig.out().raw[i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_or_foreign_model_is_refused) {
  const std::string saved = bytes_of(*shared_model());
  const auto code_of = [](const Detector& detector, const std::string& bytes) {
    core::StateReader reader(bytes);
    const auto read = detector.read_model(reader);
    BOOST_REQUIRE(!read.ok());
    return read.error().code;
  };
  const auto detector = make();
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{5}, saved.size() / 2, saved.size() - 1}) {
    BOOST_TEST((code_of(*detector, saved.substr(0, length)) == core::ErrorCode::Corrupt));
  }
  BOOST_TEST((code_of(*make(kMetrics + 1), saved) == core::ErrorCode::Corrupt));
  BOOST_TEST(
      (code_of(*make(kMetrics, {.window = 12, .hidden = 16}), saved) == core::ErrorCode::Corrupt));
  std::string newer = saved;
  newer[0] = 2;
  BOOST_TEST((code_of(*detector, newer) == core::ErrorCode::Unsupported));
  std::string infinite = saved;
  std::fill_n(infinite.end() - 40, 4, '\x7f');
  BOOST_TEST((code_of(*detector, infinite) == core::ErrorCode::Corrupt));
}

BOOST_AUTO_TEST_CASE(fitting_twice_gives_the_same_model) {
  const TrainingSet set = course_set(2, 1, 400, 5);
  const auto detector = make(2, {.window = 10, .hidden = 16, .epochs = 3});
  const auto a = detector->fit(set, go_on);
  const auto b = detector->fit(set, go_on);
  BOOST_REQUIRE((a.ok() && b.ok()));
  BOOST_TEST(bytes_of(*a->model) == bytes_of(*b->model));
  BOOST_TEST(a->samples == 300U);
}

BOOST_AUTO_TEST_CASE(a_metric_without_history_is_left_out) {
  TrainingSet set = course_set(3, 1, 500, 6);
  for (std::size_t i = 1; i < set.parts[0].values.size(); i += 3) {
    set.parts[0].values[i] = contract::kNan;
  }
  const auto detector = make(3, {.window = 10, .hidden = 16, .epochs = 3});
  const auto model = detector->fit(set, go_on);
  BOOST_REQUIRE(model.ok());
  EntityRig rig(make(3, {.window = 10, .hidden = 16, .epochs = 3}), 3, kEntities, kWindow);
  rig.detector().adopt(model->model);
  core::Rng rng(1);
  for (int t = 0; t < 60; ++t) rig.tick(course_input(3, kEntities, t, rng));
  BOOST_TEST((rig.out().outcome[0] == Outcome::Scored));
  BOOST_TEST((rig.out().outcome[kLanes] == Outcome::Untrained));
  BOOST_TEST((rig.out().outcome[2 * kLanes] == Outcome::Scored));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
