#include "anomaly_exporter/core/version.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string_view>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(version_test)

BOOST_AUTO_TEST_CASE(the_version_is_three_numbers) {
  const std::string_view version = kVersion;
  BOOST_TEST(std::count(version.begin(), version.end(), '.') == 2);
  BOOST_TEST(version.find_first_not_of("0123456789.") == std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(revision_branch_and_compiler_are_filled_in) {
  for (const std::string_view text : {kRevision, kBranch, kCompiler}) {
    BOOST_TEST(!text.empty());
    BOOST_TEST(text.find('@') == std::string_view::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
