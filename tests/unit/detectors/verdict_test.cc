#include "anomaly_exporter/detectors/verdict.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <set>
#include <string_view>

namespace anomaly_exporter::detectors {

BOOST_AUTO_TEST_SUITE(verdict_test)

BOOST_AUTO_TEST_CASE(every_outcome_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kOutcomes; ++i) names.insert(to_string(static_cast<Outcome>(i)));
  BOOST_TEST(names.size() == kOutcomes);
  BOOST_TEST(!names.contains("unknown"));
  BOOST_TEST(to_string(Outcome::WarmingUp) == "warming_up");
  BOOST_TEST(to_string(static_cast<Outcome>(kOutcomes)) == "unknown");
}

BOOST_AUTO_TEST_CASE(resized_columns_hold_no_data) {
  VerdictColumns out;
  out.resize(2);
  BOOST_TEST(out.outcome.size() == 2 * series::kLanes);
  BOOST_TEST((out.outcome.back() == Outcome::NoData));
  BOOST_TEST(out.share.back() == 1.0F);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
