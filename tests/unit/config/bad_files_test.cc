#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "config_test_support.h"

namespace anomaly_exporter::config {
namespace {

const std::filesystem::path kDirectory = std::filesystem::path(AE_TEST_DATA) / "config";

std::vector<std::string> names(const std::string& suffix) {
  std::vector<std::string> out;
  for (const auto& path : files_in(kDirectory, suffix)) out.push_back(path.filename().string());
  return out;
}

BOOST_AUTO_TEST_SUITE(bad_files_test)

BOOST_DATA_TEST_CASE(every_good_file_loads, boost::unit_test::data::make(names(".good.yml")),
                     file) {
  const auto config = load_config(kDirectory / file);
  BOOST_TEST(config.ok(), (config ? "" : config.error().message));
}

/// Each `x.bad.yml` has an `x.bad.txt` with the exact message. AE_UPDATE_GOLDEN=1 writes them anew.
BOOST_DATA_TEST_CASE(every_bad_file_is_refused_with_its_message,
                     boost::unit_test::data::make(names(".bad.yml")), file) {
  const auto config = parse_config(read_all(kDirectory / file), file, kDirectory);
  BOOST_TEST_REQUIRE(!config.ok());
  BOOST_TEST((config.error().code == core::ErrorCode::InvalidArgument));
  auto want = kDirectory / file;
  want.replace_extension(".txt");
  if (std::getenv("AE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(want, std::ios::binary) << config.error().message << "\n";
  }
  BOOST_TEST(config.error().message + "\n" == read_all(want));
}

BOOST_AUTO_TEST_CASE(there_are_at_least_forty_bad_files) {
  BOOST_TEST(names(".bad.yml").size() >= 40U);
  BOOST_TEST(names(".bad.yml").size() == names(".bad.txt").size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
