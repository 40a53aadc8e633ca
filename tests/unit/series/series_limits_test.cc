#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/series/series_limits.h"

#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::series {

BOOST_AUTO_TEST_SUITE(series_limits_test)

BOOST_AUTO_TEST_CASE(takes_places_up_to_the_limit_of_the_source) {
  SeriesBudget budget({.series = 10, .series_per_source = 2});
  BOOST_TEST(budget.take("a"));
  BOOST_TEST(budget.take("a"));
  BOOST_TEST(!budget.take("a"));
  BOOST_TEST(budget.take("b"));
  BOOST_TEST(budget.of_source("a") == 2U);
  BOOST_TEST(budget.total() == 3U);
}

BOOST_AUTO_TEST_CASE(takes_places_up_to_the_limit_in_all) {
  SeriesBudget budget({.series = 2, .series_per_source = 5});
  BOOST_TEST(budget.take("a"));
  BOOST_TEST(budget.take("b"));
  BOOST_TEST(!budget.take("c"));
  BOOST_TEST(budget.of_source("c") == 0U);
  BOOST_TEST(budget.total() == 2U);
}

BOOST_AUTO_TEST_CASE(a_place_given_back_can_be_taken_again) {
  SeriesBudget budget({.series = 1});
  BOOST_TEST(budget.take("a"));
  budget.give_back("a");
  BOOST_TEST(budget.total() == 0U);
  BOOST_TEST(budget.of_source("a") == 0U);
  BOOST_TEST(budget.take("b"));
  budget.give_back("never seen");
  BOOST_TEST(budget.total() == 1U);
}

BOOST_AUTO_TEST_CASE(a_lower_limit_keeps_what_is_admitted) {
  SeriesBudget budget({.series = 5});
  for (int i = 0; i < 5; ++i) BOOST_TEST(budget.take("a"));
  budget.set_options({.series = 3});
  BOOST_TEST(budget.options().series == 3U);
  BOOST_TEST(budget.total() == 5U);
  budget.give_back("a");
  BOOST_TEST(!budget.take("a"));
  budget.give_back("a");
  budget.give_back("a");
  BOOST_TEST(budget.take("a"));
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused_by_name) {
  BOOST_TEST(SeriesLimitOptions{}.validate().ok());
  const auto message = [](SeriesLimitOptions options) {
    const auto status = options.validate();
    return status ? std::string() : status.error().message;
  };
  BOOST_TEST(message({.series = 0}) == "series: 0 is not between 1 and 50000000");
  BOOST_TEST(message({.series_per_source = 50'000'001}) ==
             "series_per_source: 50000001 is not between 1 and 50000000");
  BOOST_TEST(message({.labels_per_series = 0}) == "labels_per_series: 0 is not between 1 and 1000");
  BOOST_TEST(message({.label_value_bytes = 0}) ==
             "label_value_bytes: 0 is not between 1 and 1048576");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
