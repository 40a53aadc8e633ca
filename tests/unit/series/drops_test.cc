#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/series/drops.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string_view>

namespace anomaly_exporter::series {

BOOST_AUTO_TEST_SUITE(drops_test)

BOOST_AUTO_TEST_CASE(every_reason_has_its_own_name_and_counter) {
  DropCounters counters;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    names.insert(to_string(reason));
    counters.add(reason, i + 1);
  }
  BOOST_TEST(names.size() == kDropReasons);
  BOOST_TEST(names.count("unknown") == 0U);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    BOOST_TEST(counters.value(static_cast<DropReason>(i)) == i + 1);
  }
  BOOST_TEST(to_string(DropReason::StaleMarker) == "stale_marker");
  BOOST_TEST(to_string(DropReason::LabelCollision) == "label_collision");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
