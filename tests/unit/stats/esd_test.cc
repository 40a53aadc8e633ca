#include "anomaly_exporter/stats/esd.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace anomaly_exporter::stats {
namespace {

/// The example of Rosner 1983, table 1.
std::vector<float> rosner() {
  return {-0.25F, 0.68F, 0.94F, 1.15F, 1.20F, 1.26F, 1.26F, 1.34F, 1.38F, 1.43F, 1.49F,
          1.49F,  1.55F, 1.56F, 1.58F, 1.65F, 1.69F, 1.70F, 1.76F, 1.77F, 1.81F, 1.91F,
          1.94F,  1.96F, 1.99F, 2.06F, 2.09F, 2.10F, 2.14F, 2.15F, 2.23F, 2.24F, 2.26F,
          2.35F,  2.37F, 2.40F, 2.47F, 2.54F, 2.62F, 2.64F, 2.90F, 2.92F, 2.92F, 2.93F,
          3.21F,  3.26F, 3.30F, 3.59F, 3.68F, 4.30F, 4.64F, 5.34F, 5.42F, 6.01F};
}

std::vector<double> numbers(const std::string& text) {
  std::vector<double> out;
  std::istringstream cells(text);
  for (std::string cell; std::getline(cells, cell, ';');) out.push_back(std::stod(cell));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(esd_test)

BOOST_AUTO_TEST_CASE(finds_the_three_outliers_of_rosner) {
  const auto values = rosner();
  BOOST_REQUIRE(values.size() == 54U);
  const EsdTable table(54, 10, 0.05);
  constexpr std::array kWant = {3.118, 2.942, 3.179, 2.810, 2.815,
                                2.848, 2.279, 2.310, 2.101, 2.067};
  constexpr std::array kCritical = {3.158, 3.151, 3.143, 3.136, 3.128,
                                    3.120, 3.111, 3.103, 3.094, 3.085};
  std::array<double, 10> got{};
  const EsdOutliers found = esd_outliers(values, table, EsdForm::MeanSd, got);
  BOOST_TEST(found.count == 3U);
  BOOST_TEST(found.first == 0U);
  BOOST_TEST(found.last == 51U);
  for (std::size_t i = 0; i < kWant.size(); ++i) {
    BOOST_TEST(std::abs(got[i] - kWant[i]) <= 0.0011);  // printed with three digits
    BOOST_TEST(std::abs(table.critical()[i] - kCritical[i]) <= 0.0011);
  }
}

BOOST_AUTO_TEST_CASE(with_median_and_mad_it_equals_the_plain_procedure) {
  std::ifstream file(AE_TEST_DATA "/reference/esd.csv");
  std::size_t cases = 0;
  for (std::string head, body; std::getline(file, head) && std::getline(file, body); ++cases) {
    std::istringstream cells(head);
    std::string word, count, ratios, limits;
    std::getline(cells, word, ',');
    std::getline(cells, count, ',');
    std::getline(cells, ratios, ',');
    std::getline(cells, limits, ',');
    const auto parsed = numbers(body);
    std::vector<float> values(parsed.begin(), parsed.end());
    std::ranges::sort(values);
    const EsdTable table(values.size(), 10, 0.05);
    std::array<double, 10> got{};
    const EsdOutliers found = esd_outliers(values, table, EsdForm::MedianMad, got);
    BOOST_TEST(found.count == std::stoul(count));
    BOOST_TEST(found.last - found.first == values.size() - found.count);
    for (std::size_t i = 0; i < got.size(); ++i) {
      BOOST_TEST(got[i] == numbers(ratios)[i], boost::test_tools::tolerance(1e-9));
      // The other quantile of t is right to eight digits.
      BOOST_TEST(table.critical()[i] == numbers(limits)[i], boost::test_tools::tolerance(1e-8));
    }
  }
  BOOST_TEST(cases == 7U);
}

BOOST_AUTO_TEST_CASE(a_constant_sample_has_no_outliers) {
  const std::vector<float> values(50, 3.0F);
  const EsdTable table(50, 10, 0.05);
  BOOST_TEST(esd_outliers(values, table, EsdForm::MeanSd).count == 0U);
  BOOST_TEST(esd_outliers(values, table, EsdForm::MedianMad).count == 0U);
}

BOOST_AUTO_TEST_CASE(one_value_off_a_constant_is_an_outlier) {
  std::vector<float> values(50, 3.0F);
  values.front() = -1.0F;
  const EsdTable table(50, 10, 0.05);
  const EsdOutliers found = esd_outliers(values, table, EsdForm::MedianMad);
  BOOST_TEST(found.count == 1U);
  BOOST_TEST(found.first == 1U);
}

BOOST_AUTO_TEST_CASE(small_samples_end_the_table_early) {
  BOOST_TEST(EsdTable(2, 10, 0.05).critical().empty());
  BOOST_TEST(EsdTable(5, 10, 0.05).critical().size() == 2U);
  const std::vector<float> two = {0.0F, 1e30F};
  BOOST_TEST(esd_outliers(two, EsdTable(2, 10, 0.05), EsdForm::MeanSd).count == 0U);
  BOOST_TEST(esd_outliers({}, EsdTable(0, 10, 0.05), EsdForm::MeanSd).count == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
