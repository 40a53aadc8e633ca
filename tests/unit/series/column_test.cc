#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/series/column.h"

#include <boost/test/unit_test.hpp>
#include <utility>

namespace anomaly_exporter::series {

BOOST_AUTO_TEST_SUITE(column_test)

BOOST_AUTO_TEST_CASE(keeps_elements_and_zeroes_new_ones_when_it_grows) {
  Column<int> column(3);
  for (std::size_t i = 0; i < 3; ++i) column[i] = static_cast<int>(i) + 1;
  column.resize(1000);
  BOOST_TEST(column[0] == 1);
  BOOST_TEST(column[2] == 3);
  for (std::size_t i = 3; i < 1000; ++i) BOOST_REQUIRE_EQUAL(column[i], 0);
}

BOOST_AUTO_TEST_CASE(zeroes_elements_that_come_back_after_shrinking) {
  Column<int> column(3);
  column[2] = 7;
  column.resize(1);
  column.resize(3);
  BOOST_TEST(column[2] == 0);
  BOOST_TEST(column.bytes() == 3 * sizeof(int));
}

BOOST_AUTO_TEST_CASE(moves_its_memory) {
  Column<int> from(2);
  from[1] = 5;
  Column<int> to(std::move(from));
  BOOST_TEST(to[1] == 5);
  Column<int> assigned;
  assigned = std::move(to);
  BOOST_TEST(assigned.span().size() == 2);
  BOOST_TEST(assigned[1] == 5);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
