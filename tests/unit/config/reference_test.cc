#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <sstream>

#include "anomaly_exporter/core/number_text.h"
#include "config_test_support.h"

namespace anomaly_exporter::config {
namespace {

BOOST_AUTO_TEST_SUITE(reference_test)

/// AE_UPDATE_GOLDEN=1 writes the page anew.
BOOST_AUTO_TEST_CASE(the_page_in_docs_is_the_one_the_program_prints) {
  const auto path = std::filesystem::path(AE_SOURCE_DIR) / "docs" / "configuration.md";
  if (std::getenv("AE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << reference_page();
  }
  BOOST_TEST(read_all(path) == reference_page());
}

BOOST_AUTO_TEST_CASE(every_link_of_the_page_leads_to_a_heading) {
  const std::string page = reference_page();
  std::vector<std::string> anchors;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("## ")) continue;
    std::string anchor;
    for (const char c : line.substr(3)) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
        anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      } else if (c == ' ') {
        anchor += '-';
      }
    }
    anchors.push_back(anchor);
  }
  std::size_t links = 0;
  for (std::size_t at = page.find("](#"); at != std::string::npos; at = page.find("](#", at + 1)) {
    const std::string target = page.substr(at + 3, page.find(')', at) - at - 3);
    BOOST_TEST((std::find(anchors.begin(), anchors.end(), target) != anchors.end()), target);
    ++links;
  }
  BOOST_TEST(links >= 20U);
}

BOOST_AUTO_TEST_CASE(defaults_on_the_page_are_those_of_the_options) {
  const std::string page = reference_page();
  const detectors::DetectorOptions detectors;
  for (const std::string& want :
       {"| `interval` | duration | `" + core::format_duration(GlobalConfig{}.interval) +
            "` | 1s to",
        "| `window` | whole number | `" + std::to_string(detectors.mad.window) + "` | 10 to 1000",
        std::string("| `threshold` | number | `") +
            core::number_text(ensemble::EnsembleOptions{}.threshold) + "`"}) {
    BOOST_TEST(page.find(want) != std::string::npos, want);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
