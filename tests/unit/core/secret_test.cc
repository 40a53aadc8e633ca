#include "anomaly_exporter/core/secret.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <sstream>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(secret_test)

BOOST_AUTO_TEST_CASE(prints_a_placeholder_instead_of_the_value) {
  std::ostringstream out;
  out << Secret("hunter2");
  BOOST_TEST(out.str() == "<secret>");
  BOOST_TEST(Secret("hunter2").shown() == "<secret>");
}

BOOST_AUTO_TEST_CASE(an_empty_secret_prints_as_nothing) {
  std::ostringstream out;
  out << Secret();
  BOOST_TEST(out.str().empty());
  BOOST_TEST(Secret("").empty());
}

BOOST_AUTO_TEST_CASE(reveals_and_compares_the_value) {
  BOOST_TEST(Secret("a").reveal() == "a");
  BOOST_TEST((Secret("a") == Secret("a")));
  BOOST_TEST((Secret("a") != Secret("b")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
