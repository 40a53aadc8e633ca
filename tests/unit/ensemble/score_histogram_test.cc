#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/ensemble/calibration.h"

namespace anomaly_exporter::ensemble {
namespace {

BOOST_AUTO_TEST_SUITE(score_histogram_test)

BOOST_AUTO_TEST_CASE(each_bin_holds_its_lower_edge_and_nothing_below_it) {
  for (std::size_t bin = 1; bin < ScoreHistogram::kBins; ++bin) {
    const double edge = ScoreHistogram::lower_edge(bin);
    BOOST_TEST(ScoreHistogram::bin_of(edge) == bin);
    BOOST_TEST(ScoreHistogram::bin_of(std::nextafter(edge, 0.0)) == bin - 1);
  }
}

BOOST_AUTO_TEST_CASE(edges_are_eighths_of_octaves_to_the_last_bit) {
  for (std::size_t bin = 1; bin <= ScoreHistogram::kBins; ++bin) {
    const double want = std::exp2(static_cast<double>(bin) / 8 - 8);
    BOOST_TEST(ScoreHistogram::lower_edge(bin) == want, boost::test_tools::tolerance(1e-15));
  }
  BOOST_TEST(ScoreHistogram::lower_edge(0) == 0.0);
  BOOST_TEST(ScoreHistogram::lower_edge(ScoreHistogram::kBins) == 0x1p40);
}

BOOST_AUTO_TEST_CASE(extreme_scores_fall_into_the_outer_bins) {
  BOOST_TEST(ScoreHistogram::bin_of(0.0) == 0U);
  BOOST_TEST(ScoreHistogram::bin_of(std::numeric_limits<double>::denorm_min()) == 0U);
  BOOST_TEST(ScoreHistogram::bin_of(0x1p40) == ScoreHistogram::kBins - 1);
  BOOST_TEST(ScoreHistogram::bin_of(std::numeric_limits<double>::max()) ==
             ScoreHistogram::kBins - 1);
}

BOOST_AUTO_TEST_CASE(the_sum_does_not_depend_on_the_order_of_the_parts) {
  core::Rng rng(1);
  std::array<ScoreHistogram, 5> parts;
  ScoreHistogram whole;
  for (int i = 0; i < 10'000; ++i) {
    const double raw = std::exp(4 * rng.normal());
    parts[rng.below(parts.size())].add(raw);
    whole.add(raw);
  }
  ScoreHistogram forwards;
  ScoreHistogram backwards;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    forwards.add(parts[i]);
    backwards.add(parts[parts.size() - 1 - i]);
  }
  BOOST_TEST(whole.total() == 10'000U);
  for (std::size_t bin = 0; bin < ScoreHistogram::kBins; ++bin) {
    BOOST_TEST(forwards.count(bin) == whole.count(bin));
    BOOST_TEST(backwards.count(bin) == whole.count(bin));
  }
  whole.clear();
  BOOST_TEST(whole.total() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::ensemble
