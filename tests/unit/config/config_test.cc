#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "config_test_support.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::config {
namespace {

BOOST_AUTO_TEST_SUITE(config_test)

BOOST_AUTO_TEST_CASE(sections_reach_their_options) {
  const auto config = parsed(file_with(
      "  - preset: node\n",
      "limits: {series: 10, series_per_source: 5, labels_per_series: 20, label_value_bytes: 1KiB,\n"
      "         backfill_samples: 1000}\n"
      "exposition: {families: [anomaly_score, anomaly_severity], gzip: false, gzip_min_bytes: "
      "1KiB}\n"
      "storage: {snapshot_interval: 1m}\n"));
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  BOOST_TEST(config->limits.series.series == 10U);
  BOOST_TEST(config->limits.series.series_per_source == 5U);
  BOOST_TEST(config->limits.series.labels_per_series == 20U);
  BOOST_TEST(config->limits.series.label_value_bytes == 1024U);
  BOOST_TEST(config->limits.backfill_samples == 1000U);
  BOOST_TEST(config->limits.response_bytes == 256ULL << 20);
  BOOST_TEST(config->exposition.families.size() == 2U);
  BOOST_TEST(!config->exposition.gzip);
  BOOST_TEST(config->exposition.gzip_min_bytes == 1024U);
  BOOST_TEST((config->storage.snapshot_interval == std::chrono::minutes(1)));
}

BOOST_AUTO_TEST_CASE(the_example_of_the_header_comment_holds) {
  BOOST_TEST(complaint(file_with("  - preset: node\n    interval: 10\n")) ==
             "t.yml:5: monitors[0].interval: \"10\" is not a duration; write it with a unit, like "
             "10s");
}

BOOST_AUTO_TEST_CASE(several_mistakes_come_at_once_in_file_order) {
  const std::string message = complaint(
      "monitors:\n  - {preset: nod}\nsources:\n  - {name: p, url: \"http://h\", timeout: 0s}\n"
      "global:\n  window: many\n");
  BOOST_TEST(message ==
             "t.yml:2: monitors[0].preset: \"nod\" is not known; write one of node, dwcp, "
             "user_behaviour, data_quality\n"
             "t.yml:4: sources[0].timeout: 0s is out of range; write a duration from 1ms to 1h\n"
             "t.yml:6: global.window: \"many\" is not a whole number; write one from 16 to 100000");
}

BOOST_AUTO_TEST_CASE(an_empty_file_says_what_is_needed) {
  BOOST_TEST(complaint("") ==
             "t.yml:1: sources: missing key; write it, there is no default\n"
             "t.yml:1: monitors: missing key; write it, there is no default");
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_not_found_and_a_directory_is_no_file) {
  const support::TempDir directory;
  const auto missing = load_config((directory.path() / "no.yml").string());
  BOOST_TEST_REQUIRE(!missing.ok());
  BOOST_TEST((missing.error().code == core::ErrorCode::NotFound));
  const auto folder = load_config(directory.path().string());
  BOOST_TEST_REQUIRE(!folder.ok());
  BOOST_TEST((folder.error().code == core::ErrorCode::NotFound));
}

BOOST_AUTO_TEST_CASE(file_names_start_at_the_directory_of_the_file) {
  const support::TempDir directory;
  const auto path = directory.path() / "a.yml";
  std::ofstream(path) << "sources: [{name: f, type: csv, path: data}]\n"
                         "monitors: [{name: m, metrics: {a: {column: a}}}]\n";
  const auto config = load_config(path.string());
  BOOST_TEST_REQUIRE(config.ok(), (config ? "" : config.error().message));
  BOOST_TEST(std::get<sources::CsvSourceOptions>(config->sources[0].options).path ==
             (directory.path() / "data").string());
}

BOOST_AUTO_TEST_CASE(a_file_over_the_limit_is_refused) {
  const support::TempDir directory;
  const auto path = directory.path() / "a.yml";
  std::ofstream(path) << std::string(2 << 20, '#');
  const auto config = load_config(path.string());
  BOOST_TEST_REQUIRE(!config.ok());
  BOOST_TEST(config.error().message.find("larger than 1 MiB") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lists_have_a_longest_length) {
  std::string monitors, sources, metrics;
  for (int i = 0; i < 1001; ++i) {
    monitors += "  - preset: node\n";
    metrics += "      m" + std::to_string(i) + ": {query: up}\n";
    if (i <= 100) sources += "  - {name: s" + std::to_string(i) + ", type: csv, path: p}\n";
  }
  BOOST_TEST(complaint(file_with(monitors)) ==
             "t.yml:3: monitors: has 1001 entries; write at most 1000");
  BOOST_TEST(complaint(file_with("  - name: m\n    metrics:\n" + metrics)) ==
             "t.yml:5: monitors[0].metrics: has 1001 entries; write at most 1000");
  BOOST_TEST(complaint("sources:\n" + sources + "monitors: []\n") ==
             "t.yml:1: sources: has 101 entries; write at most 100");
}

BOOST_AUTO_TEST_CASE(the_shown_text_loads_again_when_it_holds_no_secret) {
  const auto first =
      parsed(file_with("  - {name: m, metrics: {a: {query: 'sum(rate(x{a=\"b\\\"\"}[5m]))'}}}\n",
                       "global: {interval: 5s}\nensemble: {alarm_budget: 1/week}\n"));
  BOOST_TEST_REQUIRE(first.ok(), (first ? "" : first.error().message));
  const auto second = parsed(first->text);
  BOOST_TEST_REQUIRE(second.ok(), (second ? "" : second.error().message));
  BOOST_TEST(second->text == first->text);
  BOOST_TEST(second->monitors[0].state_key() == first->monitors[0].state_key());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::config
