#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/hints.h"

#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::app {
namespace {

BOOST_AUTO_TEST_SUITE(hints_test)

BOOST_AUTO_TEST_CASE(edit_distance_counts_single_edits) {
  BOOST_TEST(edit_distance("", "") == 0U);
  BOOST_TEST(edit_distance("node", "") == 4U);
  BOOST_TEST(edit_distance("node", "nodes") == 1U);
  BOOST_TEST(edit_distance("kitten", "sitting") == 3U);
}

BOOST_AUTO_TEST_CASE(the_nearest_job_is_offered_for_one_that_does_not_exist) {
  BOOST_TEST(
      empty_metric_hint(R"(up{job="nodes"})", {"prometheus", "node"}) ==
      "no series; job \"nodes\" does not exist, did you mean \"node\"?; existing jobs: node, "
      "prometheus");
}

BOOST_AUTO_TEST_CASE(a_job_that_exists_is_not_corrected) {
  BOOST_TEST(empty_metric_hint(R"(up{job='node'})", {"node"}) == "no series; existing jobs: node");
}

BOOST_AUTO_TEST_CASE(a_request_without_a_job_lists_what_there_is_five_at_most) {
  BOOST_TEST(empty_metric_hint("up", {"f", "e", "d", "c", "b", "a"}) ==
             "no series; existing jobs: a, b, c, d, e, and 1 more");
}

BOOST_AUTO_TEST_CASE(an_empty_source_says_so) {
  BOOST_TEST(empty_metric_hint(R"(up{job="node"})", {}) ==
             "no series; the source knows no jobs yet");
}

BOOST_AUTO_TEST_CASE(broken_text_does_no_harm) {
  BOOST_TEST(empty_metric_hint(R"(up{job="no)", {"a"}) == "no series; existing jobs: a");
  BOOST_TEST(empty_metric_hint("job", {"a"}) == "no series; existing jobs: a");
  BOOST_TEST(empty_metric_hint("job=", {"a"}) == "no series; existing jobs: a");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
