#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "contract/rig.h"

// Against tests/data/reference/detectors.csv, which tests/data/reference/detectors.py wrote.

namespace anomaly_exporter::detectors {
namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

double number(const std::string& cell) { return core::parse_number(cell).value(); }

std::size_t column_of(const std::vector<std::string>& header, const std::string& name) {
  const auto found = std::find(header.begin(), header.end(), name);
  BOOST_REQUIRE(found != header.end());
  return static_cast<std::size_t>(found - header.begin());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reference_test)

BOOST_AUTO_TEST_CASE(the_window_statistics_agree_with_an_independent_implementation) {
  for (const std::string name : {"zscore", "mad", "iqr", "moving_average", "regression"}) {
    std::ifstream file(AE_TEST_DATA "/reference/detectors.csv");
    std::string line;
    BOOST_REQUIRE(std::getline(file, line));
    const std::size_t first = column_of(split(line), name + "_expected");
    contract::Rig rig(name);
    std::size_t compared = 0;
    for (TickIndex tick = 0; std::getline(file, line); ++tick) {
      const std::vector<std::string> cells = split(line);
      contract::BlockInput input(1);
      if (!cells[1].empty()) {
        input.set(0, 0, static_cast<float>(number(cells[1])), cells[2] == "1");
      }
      const VerdictColumns& out = rig.tick(tick, input);
      BOOST_TEST_CONTEXT(name << " at tick " << tick) {
        const bool want_score = !cells[first].empty();
        BOOST_REQUIRE_EQUAL(out.outcome[0] == Outcome::Scored, want_score);
        if (!want_score) continue;
        ++compared;
        const double scale = number(cells[first + 1]);
        // Expectation and scale are stored as float: 24 bits of numbers up to 100.
        constexpr double kStored = 1e-5;
        BOOST_REQUIRE_SMALL(static_cast<double>(out.expected[0]) - number(cells[first]), kStored);
        BOOST_REQUIRE_CLOSE_FRACTION(static_cast<double>(out.scale[0]), scale, 1e-6);
        BOOST_REQUIRE_SMALL(out.raw[0] - number(cells[first + 2]),
                            kStored / scale + 1e-6 * out.raw[0]);
      }
    }
    BOOST_TEST(compared > 250U);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
