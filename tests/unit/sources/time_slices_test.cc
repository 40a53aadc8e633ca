#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/time_slices.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <vector>

namespace anomaly_exporter::sources {
namespace {

using core::Duration;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// Lengths of all slices in grid steps, with the given bytes received for each.
std::vector<std::int64_t> steps_of(const TimeSlices::Options& options, std::uint64_t bytes) {
  std::vector<std::int64_t> steps;
  core::Timestamp expected = options.from;
  for (TimeSlices slices(options); !slices.done(); slices.advance(bytes)) {
    BOOST_CHECK(slices.first() == expected);
    BOOST_CHECK(slices.last() >= slices.first());
    BOOST_CHECK(slices.last() <= options.to);
    steps.push_back((slices.last() - slices.first()) / options.step);
    expected = slices.last() + options.step;
    BOOST_TEST_REQUIRE(steps.size() < 100'000U);
  }
  // Nothing of the grid is left out.
  BOOST_CHECK(expected > options.to);
  return steps;
}

TimeSlices::Options options(Duration length, Duration step) {
  return {.from = {1000},
          .to = core::Timestamp{1000} + length,
          .step = step,
          .shortest = Duration(0),
          .target_bytes = 1000,
          .max_points = 100'000};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(time_slices_test)

BOOST_AUTO_TEST_CASE(a_short_range_is_one_slice) {
  BOOST_TEST(steps_of(options(minutes(30), seconds(10)), 1) == std::vector<std::int64_t>{180},
             boost::test_tools::per_element());
  BOOST_TEST(steps_of(options(Duration(0), seconds(10)), 1) == std::vector<std::int64_t>{0},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(small_answers_let_slices_grow_to_a_day) {
  const std::vector<std::int64_t> want = {60, 240, 960, 1440, 1440, 175};
  BOOST_TEST(steps_of(options(hours(72), minutes(1)), 0) == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(large_answers_let_slices_shrink_to_a_point) {
  const auto steps = steps_of(options(hours(2), minutes(5)), UINT64_MAX);
  BOOST_TEST(steps.front() == 12);
  BOOST_TEST(steps.back() == 0);
}

BOOST_AUTO_TEST_CASE(the_size_settles_at_the_target) {
  // 1 byte per second of time: 1000 s are the target.
  TimeSlices slices(options(hours(24), seconds(1)));
  for (int i = 0; i < 10; ++i) {
    slices.advance(static_cast<std::uint64_t>((slices.last() - slices.first()) / seconds(1)));
  }
  BOOST_CHECK(abs((slices.last() - slices.first()) - seconds(1000)) <= seconds(1));
}

BOOST_AUTO_TEST_CASE(a_slice_is_no_shorter_than_the_range_of_the_function) {
  TimeSlices::Options o = options(hours(20), seconds(30));
  o.shortest = hours(3);
  TimeSlices slices(o);
  slices.advance(UINT64_MAX);
  slices.advance(UINT64_MAX);
  BOOST_CHECK(slices.last() - slices.first() == hours(3));
}

BOOST_AUTO_TEST_CASE(a_slice_holds_at_most_the_points_that_the_server_gives) {
  TimeSlices::Options o = options(hours(1), seconds(1));
  o.max_points = 100;
  const auto steps = steps_of(o, 1);
  BOOST_TEST(steps.size() == 37U);  // 3601 points
  BOOST_TEST(*std::max_element(steps.begin(), steps.end()) == 99);
}

BOOST_AUTO_TEST_CASE(what_is_too_much_for_an_answer_is_asked_for_in_quarters) {
  TimeSlices::Options o = options(hours(20), seconds(30));
  o.shortest = std::chrono::minutes(2);
  TimeSlices slices(o);
  BOOST_TEST(slices.shrink());
  BOOST_CHECK(slices.last() - slices.first() == std::chrono::minutes(15));
  BOOST_TEST(slices.shrink());
  BOOST_TEST(slices.shrink());
  BOOST_CHECK(slices.last() - slices.first() == std::chrono::minutes(2));
  BOOST_TEST(!slices.shrink());  // the range of the function

  o = options(minutes(4), seconds(30));  // shorter than the first slice
  TimeSlices all(o);
  BOOST_TEST(all.shrink());
  BOOST_CHECK(all.last() - all.first() == minutes(1));
}

BOOST_AUTO_TEST_CASE(a_step_longer_than_a_slice_gives_single_points) {
  BOOST_TEST(steps_of(options(hours(100), hours(48)), 1) == (std::vector<std::int64_t>{0, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
