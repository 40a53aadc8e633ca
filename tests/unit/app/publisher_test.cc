#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/publisher.h"

#include <boost/test/unit_test.hpp>

#include "app_support.h"

namespace anomaly_exporter::app {
namespace {

constexpr core::Timestamp kStart{1'700'000'000'000};

struct Fixture {
  support::ManualClock clock;
  Engine engine{1, clock};
  support::FakeSource source{{"b", "a"},
                             [](const std::string& e, const std::string& m, core::Timestamp t) {
                               return std::optional<double>(noise(e, m, t));
                             }};
  TestMonitor monitor{test_config({"x", "y"})};
  Publisher publisher;
  RunnerStatus status;
  std::int64_t tick = 0;

  Fixture() { status.source_up = true; }
  void run(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      ++tick;
      (void)engine.tick(*monitor, source, kStart + std::chrono::seconds(10) * tick, {});
    }
  }
};

BOOST_FIXTURE_TEST_SUITE(publisher_test, Fixture)

BOOST_AUTO_TEST_CASE(rows_are_dense_entity_by_entity_with_their_labels) {
  run(60);
  const auto s = publisher.snapshot(*monitor, status);
  BOOST_REQUIRE(s->labels->rows() == 4U);
  BOOST_TEST(s->labels->row_text(0) == R"(monitor="m",metric="x",instance="a",job="fake")");
  BOOST_TEST(s->labels->row_text(1) == R"(monitor="m",metric="y",instance="a",job="fake")");
  BOOST_TEST(s->labels->row_text(3) == R"(monitor="m",metric="y",instance="b",job="fake")");
  BOOST_REQUIRE(s->labels->entities() == 2U);
  BOOST_TEST(s->labels->entity_text(1) == R"(monitor="m",instance="b",job="fake")");
  BOOST_TEST(s->warmup_ratio == 1.0);
  BOOST_TEST(s->metrics[1].series == 2U);
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(s->value[i] == monitor->results.value[s->labels->row[i]]);
    BOOST_TEST(s->entity_score[s->labels->entity_of_row[i]] >= s->score[i]);
  }
}

BOOST_AUTO_TEST_CASE(the_label_text_is_shared_until_series_come_or_go) {
  run(30);
  const auto before = publisher.snapshot(*monitor, status);
  run(1);
  BOOST_TEST(publisher.snapshot(*monitor, status)->labels == before->labels);
  source.add("c");
  run(1);
  const auto after = publisher.snapshot(*monitor, status);
  BOOST_TEST(after->labels != before->labels);
  BOOST_TEST(after->labels->rows() == 6U);
  BOOST_TEST(before->labels->rows() == 4U);  // a scrape that holds the old one is not disturbed
}

BOOST_AUTO_TEST_CASE(a_source_that_is_down_leaves_no_scores_and_no_missing_series) {
  run(60);
  status.source_up = false;
  const auto s = publisher.snapshot(*monitor, status);
  for (const auto flags : s->flags) BOOST_TEST(static_cast<int>(flags) == 0);
  BOOST_TEST(s->warmup_ratio == 0.0);
}

BOOST_AUTO_TEST_CASE(what_was_missing_before_its_source_went_down_still_is) {
  run(60);
  source.remove("a");
  run(1);
  status.source_up = false;
  const auto s = publisher.snapshot(*monitor, status);
  std::size_t missing = 0;
  for (const auto flags : s->flags) missing += flags == exposition::MonitorSnapshot::kMissing;
  BOOST_TEST(missing == 2U);  // both metrics of the one that left; nothing of the other
}

BOOST_AUTO_TEST_CASE(before_anything_was_found_there_is_a_snapshot_without_rows) {
  const auto s = publisher.snapshot(*monitor, status);
  BOOST_TEST(s->labels->rows() == 0U);
  BOOST_TEST(s->metrics.size() == 2U);
  BOOST_TEST(s->evaluated.ms == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
