#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "config_test_support.h"

namespace anomaly_exporter::config {
namespace {

/// Configurations of ours below config/, relative to it. Files for other programs lie there too.
std::vector<std::string> shipped() {
  const auto directory = std::filesystem::path(AE_SOURCE_DIR) / "config";
  std::vector<std::string> out{"anomaly_exporter.yml"};
  for (const auto& path : files_in(directory / "examples", ".yml")) {
    out.push_back("examples/" + path.filename().string());
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(shipped_files_test)

BOOST_DATA_TEST_CASE(every_shipped_configuration_loads, boost::unit_test::data::make(shipped()),
                     file) {
  const auto config = load_config(std::string(AE_SOURCE_DIR) + "/config/" + file);
  BOOST_TEST(config.ok(), (config ? "" : config.error().message));
}

BOOST_AUTO_TEST_CASE(the_examples_are_there) { BOOST_TEST(shipped().size() >= 8U); }

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
