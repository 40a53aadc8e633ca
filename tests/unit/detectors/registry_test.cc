#include "anomaly_exporter/detectors/registry.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace anomaly_exporter::detectors {

BOOST_AUTO_TEST_SUITE(registry_test)

BOOST_AUTO_TEST_CASE(lists_the_detectors_in_their_order) {
  std::vector<std::string_view> names;
  for (const RegistryEntry& entry : registry()) names.push_back(entry.name);
  const std::vector<std::string_view> want{"zscore",           "mad",         "iqr",
                                           "moving_average",   "regression",  "seasonal_esd",
                                           "lstm_autoencoder", "autoencoder", "isolation_forest",
                                           "one_class_svm",    "novelty",     "forecaster",
                                           "multi_window"};
  BOOST_TEST(names == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_unknown_name_is_answered_with_the_known_ones) {
  const auto made = create_detector("zcsore", {}, {});
  BOOST_REQUIRE(!made.ok());
  BOOST_TEST((made.error().code == core::ErrorCode::NotFound));
  BOOST_TEST(made.error().message ==
             "unknown detector \"zcsore\"; known are zscore, mad, iqr, moving_average, regression, "
             "seasonal_esd, lstm_autoencoder, autoencoder, isolation_forest, one_class_svm, "
             "novelty, forecaster, multi_window");
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_under_the_detectors_name) {
  DetectorOptions options;
  options.zscore.window = 101;
  const auto made = create_detector("zscore", options, {.metrics = 1, .window = 100});
  BOOST_REQUIRE(!made.ok());
  BOOST_TEST((made.error().code == core::ErrorCode::InvalidArgument));
  BOOST_TEST(made.error().message == "zscore: window: 101 is not within 10 to 100");
}

// Seasons know best what to expect, then the recent past; networks only where nobody else does.
BOOST_AUTO_TEST_CASE(expectations_come_in_the_stated_order) {
  const std::vector<std::pair<std::string_view, int>> want{{"seasonal_esd", 10},
                                                           {"zscore", 20},
                                                           {"mad", 21},
                                                           {"iqr", 30},
                                                           {"moving_average", 30},
                                                           {"regression", 30},
                                                           {"novelty", 40},
                                                           {"forecaster", 50},
                                                           {"multi_window", 45},
                                                           {"lstm_autoencoder", 90},
                                                           {"isolation_forest", 95}};
  for (const auto& [name, rank] : want) {
    const auto made = create_detector(name, {}, {});
    BOOST_REQUIRE(made.ok());
    BOOST_TEST((*made)->expectation_rank() == rank, name);
  }
}

BOOST_AUTO_TEST_CASE(memory_per_row_is_the_documented_one) {
  struct Case {
    const char* name;
    std::size_t bytes;
  };
  for (const Case& c : {Case{"zscore", 24}, Case{"mad", 256 * 4 + 2}, Case{"iqr", 256 * 4 + 2},
                        Case{"moving_average", 48 + 100 * 4}, Case{"regression", 0}}) {
    auto made = create_detector(c.name, {}, {.metrics = 3, .window = 1000});
    BOOST_REQUIRE(made.ok());
    made.value()->resize(4);
    constexpr std::size_t kRows = 4 * 3 * series::kLanes;
    // The ring of moving_average has a presence bit per row and tick besides.
    const std::size_t bits = std::string_view(c.name) == "moving_average" ? kRows * 100 / 8 : 0;
    BOOST_TEST(made.value()->memory_bytes() == kRows * c.bytes + bits);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
