#include "anomaly_exporter/ensemble/vote.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <vector>

namespace anomaly_exporter::ensemble {
namespace {

double vote_of(std::vector<Ballot> ballots) { return vote(ballots); }

BOOST_AUTO_TEST_SUITE(vote_test, *boost::unit_test::tolerance(1e-12))

BOOST_AUTO_TEST_CASE(specification_example_of_two_sure_detectors_is_no_alarm) {
  // Forest 0.85 and LSTM 0.90, z-score and seasonal ESD ready and silent: 0.255 + 0.270.
  BOOST_TEST(vote_of({{0.3, 0.85}, {0.3, 0.90}, {0.2, 0}, {0.2, 0}}) == 0.525);
}

BOOST_AUTO_TEST_CASE(a_silent_detector_keeps_its_weight) {
  BOOST_TEST(vote_of({{0.5, 0.8}, {0.5, 0}}) == 0.4);
}

BOOST_AUTO_TEST_CASE(an_absent_detector_shares_its_weight_in_proportion) {
  BOOST_TEST(vote_of({{0.5, 0.8}, {0.5, -1}}) == 0.8);
  BOOST_TEST(vote_of({{0.3, 0.9}, {0.3, -1}, {0.2, 0.4}, {0.2, -1}}) == 0.54 + 0.16);
}

BOOST_AUTO_TEST_CASE(weights_are_used_as_they_are) {
  BOOST_TEST(vote_of({{0.3, 0.9}, {0.4, 0.5}}) == 0.47);
  BOOST_TEST(vote_of({{0.3, 0.9}, {0.4, -1}}) == 0.63);
}

BOOST_AUTO_TEST_CASE(nobody_scored_is_not_a_score_of_0) {
  BOOST_TEST(vote_of({{0.5, -1}, {0.5, -1}}) < 0.0);
  BOOST_TEST(vote_of({}) < 0.0);
  BOOST_TEST(vote_of({{0.5, 0}, {0.5, -1}}) == 0.0);
}

BOOST_AUTO_TEST_CASE(rounding_never_lifts_a_score_to_1) {
  const double sure = 1.0 - 0x1p-53;
  const double first = vote_of({{0.1, sure}, {0.2, sure}, {0.3, -1}, {0.4, sure}});
  const double second = vote_of({{1.0 / 3, sure}, {1.0 / 3, -1}, {1.0 / 3, sure}});
  BOOST_TEST((first < 1));  // in brackets: exactly, without the suite's tolerance
  BOOST_TEST((second < 1));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::ensemble
