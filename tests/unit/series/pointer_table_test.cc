#define BOOST_TEST_DYN_LINK
#include "pointer_table.h"

#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <vector>

namespace anomaly_exporter::series {

BOOST_AUTO_TEST_SUITE(pointer_table_test)

BOOST_AUTO_TEST_CASE(finds_nothing_in_an_empty_table) {
  PointerTable table;
  const core::Labels labels;
  BOOST_TEST(!table.find(&labels).has_value());
  BOOST_TEST(!table.find(nullptr).has_value());
  table.erase(&labels);
  table.prefetch(&labels);
  BOOST_TEST(table.bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(agrees_with_a_map_over_random_insertions_and_removals) {
  const std::vector<core::Labels> sets(400);
  std::mt19937 random(7);
  PointerTable table;
  std::map<const core::Labels*, Row> model;
  for (int step = 0; step < 50'000; ++step) {
    const core::Labels* one = &sets[random() % sets.size()];
    if (model.count(one) != 0) {
      table.erase(one);
      model.erase(one);
    } else if (random() % 3 != 0) {
      const auto row = static_cast<Row>(random() % 1000);
      table.insert(one, row);
      model[one] = row;
    } else {
      table.erase(one);  // not there
    }
    const core::Labels* other = &sets[random() % sets.size()];
    const auto found = table.find(other);
    BOOST_REQUIRE_EQUAL(found.has_value(), model.count(other) != 0);
    if (found) BOOST_REQUIRE_EQUAL(*found, model[other]);
  }
  for (const auto& [labels, row] : model) BOOST_REQUIRE_EQUAL(*table.find(labels), row);
  BOOST_TEST(table.bytes() <= 1024U * 16);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
