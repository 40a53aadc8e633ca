#include "anomaly_exporter/ensemble/calibration.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "noise.h"

namespace anomaly_exporter::ensemble {
namespace {

constexpr double kThreshold = 3;
const double kLogP0 = std::log(1e-4);

Calibration learned(const ScoreHistogram& seen, double threshold = kThreshold) {
  Calibration map({}, threshold);
  map.learn(seen);
  map.refit();
  return map;
}

struct NamedMap {
  std::string name;
  Calibration map;
};

/// Young and old maps over benign and awkward scores.
std::vector<NamedMap> maps() {
  std::vector<NamedMap> out;
  out.push_back({"fresh", Calibration({}, kThreshold)});
  for (const int samples : {1, 10, 100, 1000, 100'000}) {
    core::Rng rng(7);
    ScoreHistogram seen;
    for (int i = 0; i < samples; ++i) seen.add(normal_score(rng));
    out.push_back({"normal " + std::to_string(samples), learned(seen)});
  }
  ScoreHistogram zeros;
  for (int i = 0; i < 1'000'000; ++i) zeros.add(0);
  out.push_back({"a million zeros", learned(zeros)});
  ScoreHistogram cluster = zeros;
  for (int i = 0; i < 30'000; ++i) cluster.add(2);
  out.push_back({"two values", learned(cluster)});
  core::Rng rng(8);
  ScoreHistogram wild;
  for (int i = 0; i < 100'000; ++i) wild.add(i % 1000 == 0 ? 1e15 : t3_score(rng));
  out.push_back({"wild outliers", learned(wild)});
  ScoreHistogram far;
  for (int i = 0; i < 1000; ++i) far.add(1e300);
  out.push_back({"everything beyond the last bin", learned(far)});
  return out;
}

/// Raw scores on a dense grid, around every edge of the bins, and up to the end of double.
std::vector<double> grid() {
  std::vector<double> out;
  for (double raw = 1e-6; raw < 1e12; raw *= 1.0005) out.push_back(raw);
  for (std::size_t bin = 1; bin <= ScoreHistogram::kBins; ++bin) {
    const double edge = ScoreHistogram::lower_edge(bin);
    for (const double factor : {1 - 1e-9, 1.0, 1 + 1e-9}) out.push_back(edge * factor);
  }
  for (double raw = 1e12; raw < 1e300; raw *= 1e6) out.push_back(raw);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

BOOST_AUTO_TEST_SUITE(calibration_test)

BOOST_AUTO_TEST_CASE(agrees_with_the_reference_vectors,
                     *boost::unit_test::tolerance(1e-11)) {  // near ln 1
  std::ifstream file(AE_TEST_DATA "/reference/calibration.csv");
  std::string line;
  std::getline(file, line);
  ScoreHistogram seen;
  const Calibration fresh({}, 3);
  Calibration map({}, 3.5);
  int compared = 0;
  while (std::getline(file, line)) {
    std::vector<std::string> cell{""};
    for (const char c : line) {
      if (c == ',') {
        cell.emplace_back();
      } else {
        cell.back() += c;
      }
    }
    const double a = core::parse_number(cell[1]).value_or(-1);
    const double want = core::parse_number(cell[3]).value_or(-1);
    if (cell[0] == "bin") {
      const double inside = ScoreHistogram::lower_edge(static_cast<std::size_t>(a));
      for (int i = 0; i < static_cast<int>(want); ++i) seen.add(inside);
      continue;
    }
    BOOST_TEST_CONTEXT(line) {
      if (cell[0] == "prior") BOOST_TEST(fresh.log_p(a) == want);
      if (cell[0] == "confidence") {
        BOOST_TEST(confidence_of(a, core::parse_number(cell[2]).value_or(0)) == want);
      }
      if (cell[0] == "map") {
        if (map.samples() == 0) map = learned(seen, 3.5);
        BOOST_TEST(map.log_p(a) == want);
      }
    }
    ++compared;
  }
  BOOST_TEST(compared == 36);
}

BOOST_AUTO_TEST_CASE(confidence_is_0_for_the_ordinary_and_exactly_the_threshold_at_the_budget) {
  BOOST_TEST(confidence_of(0, kLogP0) == 0.0);
  BOOST_TEST(confidence_of(kLogP0, kLogP0) == 0.6, boost::test_tools::tolerance(1e-15));
  for (const double c : {0.0, 0.1, 0.6, 0.9, 0.999}) {
    BOOST_TEST(confidence_of(exponent_of(c) * kLogP0, kLogP0) == c,
               boost::test_tools::tolerance(1e-12));
  }
  BOOST_TEST(confidence_of(-1e300, kLogP0) < 1.0);
}

BOOST_AUTO_TEST_CASE(budget_of_one_a_week_is_interval_by_week) {
  using namespace std::chrono_literals;
  BOOST_TEST(log_budget_probability(1, 168h, 10s) == std::log(10.0 / 604'800),
             boost::test_tools::tolerance(1e-15));
  BOOST_TEST(log_budget_probability(5, 1s, 10s) == std::log(0.1));
}

BOOST_AUTO_TEST_CASE(map_is_strictly_monotone_at_every_age) {
  const std::vector<double> raws = grid();
  BOOST_TEST(raws.size() > 80'000U);
  for (const NamedMap& named : maps()) {
    BOOST_TEST_CONTEXT(named.name) {
      BOOST_TEST(named.map.log_p(0) == 0.0);
      double before = 0;
      std::size_t failures = 0;
      for (const double raw : raws) {
        const double log_p = named.map.log_p(raw);
        if (!(log_p < before) || !std::isfinite(log_p)) ++failures;
        before = log_p;
      }
      BOOST_TEST(failures == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(map_is_continuous) {
  for (const NamedMap& named : maps()) {
    BOOST_TEST_CONTEXT(named.name) {
      std::size_t jumps = 0;
      for (const double raw : grid()) {
        const double here = named.map.log_p(raw);
        const double there = named.map.log_p(raw * (1 + 1e-12));
        if (std::abs(here - there) > 1e-9 * (1 + std::abs(here))) ++jumps;
      }
      BOOST_TEST(jumps == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(ranking_survives_up_to_a_raw_score_of_1e9) {
  // With the most generous budget there is, where confidences lie closest to 1, up to 1e8.
  const double most_generous = std::log(0.1);
  for (const double log_p0 : {kLogP0, most_generous, std::log(1e-9)}) {
    const double last = log_p0 == most_generous ? 1.1e8 : 1.1e9;
    for (const NamedMap& named : maps()) {
      BOOST_TEST_CONTEXT(named.name << " ln p0 " << log_p0) {
        double before = 0;
        std::size_t failures = 0;
        for (double raw = 0.01; raw <= last; raw *= 1.1) {
          const double c = named.map.confidence(raw, log_p0);
          if (!(c > before && c < 1)) ++failures;
          before = c;
        }
        BOOST_TEST(failures == 0U);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_score_below_the_detectors_threshold_stays_below_the_alarm) {
  ScoreHistogram zeros;
  for (int i = 0; i < 20'000'000 / 100; ++i) zeros.add(0);
  Calibration map({}, kThreshold);
  for (int i = 0; i < 100; ++i) map.learn(zeros);
  map.refit();
  const double below = kThreshold * (1 - 1e-15);  // the next double but a few rounds to 0.6
  BOOST_TEST(map.log_p(below) < kLogP0);          // the tail alone would call it an alarm
  BOOST_TEST(map.confidence(below, kLogP0) < 0.6);
  BOOST_TEST(map.confidence(kThreshold, kLogP0) >= 0.6);
}

BOOST_AUTO_TEST_CASE(raw_at_is_the_first_score_that_reaches_the_confidence) {
  for (const NamedMap& named : maps()) {
    for (const double c : {1e-9, 0.01, 0.3, 0.5, 0.6, 0.7, 0.9, 0.99, 0.9999}) {
      BOOST_TEST_CONTEXT(named.name << " confidence " << c) {
        const double raw = named.map.raw_at(c, kLogP0);
        BOOST_TEST(named.map.confidence(raw, kLogP0) >= c);
        BOOST_TEST(named.map.confidence(std::nextafter(raw, 0.0), kLogP0) < c);
      }
    }
    BOOST_TEST(named.map.raw_at(0, kLogP0) == 0.0);
  }
}

BOOST_AUTO_TEST_CASE(raw_at_gives_the_largest_double_where_no_score_suffices) {
  const Calibration map({}, kThreshold);
  BOOST_TEST(map.raw_at(1 - 0x1p-53, std::log(1e-300)) == std::numeric_limits<double>::max());
}

BOOST_AUTO_TEST_CASE(learning_takes_effect_with_refit) {
  core::Rng rng(3);
  ScoreHistogram seen;
  for (int i = 0; i < 10'000; ++i) seen.add(10 * normal_score(rng));
  Calibration map({}, kThreshold);
  const double before = map.log_p(5);
  map.learn(seen);
  BOOST_TEST(map.log_p(5) == before);
  map.refit();
  BOOST_TEST(map.log_p(5) > before);
}

BOOST_AUTO_TEST_CASE(older_scores_count_half_after_the_half_life) {
  ScoreHistogram seen;
  for (int i = 0; i < 10'000; ++i) seen.add(1);
  Calibration map({.prior_samples = 1000, .half_life_samples = 10'000}, kThreshold);
  map.learn(seen);
  BOOST_TEST(map.samples() == 10'000.0);
  map.learn(seen);
  BOOST_TEST(map.samples() == 15'000.0);
  map.learn(ScoreHistogram());
  BOOST_TEST(map.samples() == 15'000.0);
}

BOOST_AUTO_TEST_CASE(wild_scores_do_not_make_the_map_deaf) {
  core::Rng rng(4);
  ScoreHistogram clean;
  ScoreHistogram wild;
  for (int i = 0; i < 1'000'000; ++i) {
    const double raw = normal_score(rng);
    clean.add(raw);
    wild.add(i % 20'000 == 0 ? 1e6 : raw);  // 50 in a million: rarer than the budget
  }
  const double limit = learned(clean).raw_at(0.6, kLogP0);
  BOOST_TEST(learned(wild).raw_at(0.6, kLogP0) < 1.2 * limit);
}

BOOST_AUTO_TEST_CASE(restored_map_continues_to_the_last_bit) {
  core::Rng rng(5);
  const auto noise = [&rng] {
    ScoreHistogram seen;
    for (int i = 0; i < 5000; ++i) seen.add(laplace_score(rng));
    return seen;
  };
  Calibration map = learned(noise());
  map.learn(noise());  // learned, not yet in effect
  core::StateWriter out;
  map.save(out);
  Calibration restored({}, kThreshold);
  core::StateReader in(out.bytes());
  BOOST_TEST(restored.restore(in).ok());
  const ScoreHistogram more = noise();
  for (Calibration* each : {&map, &restored}) {
    each->learn(more);
  }
  BOOST_TEST(restored.log_p(4.5) == map.log_p(4.5));
  map.refit();
  restored.refit();
  BOOST_TEST(restored.samples() == map.samples());
  for (const double raw : {0.1, 2.0, 4.5, 1e9}) BOOST_TEST(restored.log_p(raw) == map.log_p(raw));
}

BOOST_AUTO_TEST_CASE(damaged_state_is_refused_and_changes_nothing) {
  core::Rng rng(6);
  ScoreHistogram seen;
  for (int i = 0; i < 5000; ++i) seen.add(normal_score(rng));
  core::StateWriter out;
  learned(seen).save(out);
  const std::string good = out.bytes();
  const std::size_t weights_at = 1 + 8;
  const std::size_t table_at = weights_at + 8 * ScoreHistogram::kBins + 8;
  const auto with_double = [&](std::size_t at, double value) {
    core::StateWriter patch;
    patch.f64(value);
    return std::string(good).replace(at, 8, patch.bytes());
  };
  struct Case {
    std::string name;
    std::string bytes;
    core::ErrorCode want;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Case cases[] = {
      {"empty", "", core::ErrorCode::Corrupt},
      {"cut short", good.substr(0, good.size() - 1), core::ErrorCode::Corrupt},
      {"version 0", std::string(good).replace(0, 1, 1, '\0'), core::ErrorCode::Corrupt},
      {"newer version", std::string(good).replace(0, 1, 1, '\x7f'), core::ErrorCode::Unsupported},
      {"NaN weight", with_double(weights_at, nan), core::ErrorCode::Corrupt},
      {"negative weight", with_double(weights_at + 80, -1), core::ErrorCode::Corrupt},
      {"huge weight", with_double(weights_at, 1e300), core::ErrorCode::Corrupt},
      {"map does not begin at 0", with_double(table_at, 1), core::ErrorCode::Corrupt},
      {"map rises", with_double(table_at + 800, 0), core::ErrorCode::Corrupt},
      {"NaN in the map", with_double(table_at + 800, nan), core::ErrorCode::Corrupt},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.name) {
      Calibration map({}, kThreshold);
      core::StateReader in(c.bytes);
      const core::Status status = map.restore(in);
      BOOST_REQUIRE(!status.ok());
      BOOST_TEST((status.error().code == c.want));
      BOOST_TEST(map.samples() == 0.0);
      BOOST_TEST(map.log_p(3) == Calibration({}, kThreshold).log_p(3));
    }
  }
}

BOOST_AUTO_TEST_CASE(options_outside_their_range_are_refused_by_name) {
  BOOST_TEST(CalibrationOptions{}.validate().ok());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {0.0, 0.5, 1e10, nan}) {
    const auto status = CalibrationOptions{.prior_samples = bad}.validate();
    BOOST_REQUIRE(!status.ok());
    BOOST_TEST(status.error().message.starts_with("prior_samples: "));
  }
  for (const double bad : {0.0, 999.0, nan}) {
    const auto status = CalibrationOptions{.half_life_samples = bad}.validate();
    BOOST_REQUIRE(!status.ok());
    BOOST_TEST(status.error().message.starts_with("half_life_samples: "));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::ensemble
