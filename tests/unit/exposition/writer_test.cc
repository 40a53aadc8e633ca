#include "anomaly_exporter/exposition/writer.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "page_parser.h"
#include "pages.h"

namespace anomaly_exporter::exposition {
namespace {

using Flag = MonitorSnapshot::Flag;

std::vector<ParsedPage::Sample> samples(const std::string& page, std::string_view family) {
  const ParsedPage parsed = parse_page(page);
  BOOST_TEST(parsed.error == "");
  const ParsedPage::Family* found = parsed.family(family);
  return found != nullptr ? found->samples : std::vector<ParsedPage::Sample>{};
}

SnapshotStore::List one(const SnapshotBuilder& builder) { return {builder.build()}; }

BOOST_AUTO_TEST_SUITE(writer_test)

BOOST_AUTO_TEST_CASE(a_row_has_a_line_in_every_family_with_its_labels) {
  SnapshotBuilder builder("node");
  builder.entity({{"instance", "a"}}, 0.5F)
      .row("us", {.score = 0.5F, .severity = 1, .confidence = {0.75F, 0.25F}});
  for (const Format format : {Format::Text, Format::OpenMetrics}) {
    const std::string page = page_of(format, one(builder));
    const std::pair<std::string_view, double> want[] = {
        {"anomaly_score", 0.5},          {"anomaly_value", 10},
        {"anomaly_expected_value", 9.5}, {"anomaly_lower_bound", 8},
        {"anomaly_upper_bound", 11},     {"anomaly_deviation_sigmas", 1.5},
        {"anomaly_severity", 1},         {"anomaly_series_missing", 0},
    };
    const std::map<std::string, std::string> labels = {
        {"monitor", "node"}, {"metric", "us"}, {"instance", "a"}};
    for (const auto& [name, value] : want) {
      BOOST_TEST_CONTEXT(name) {
        const auto found = samples(page, name);
        BOOST_REQUIRE(found.size() == 1U);
        BOOST_TEST(found[0].name == name);
        BOOST_TEST(found[0].value == value);
        BOOST_TEST((found[0].labels == labels));
      }
    }
    const auto detectors = samples(page, "anomaly_detector_score");
    BOOST_REQUIRE(detectors.size() == 2U);
    BOOST_TEST(detectors[0].labels.at("detector") == "zscore");
    BOOST_TEST(detectors[0].labels.at("metric") == "us");
    BOOST_TEST(detectors[0].value == 0.75);
    BOOST_TEST(detectors[1].labels.at("detector") == "mad");
    const auto entities = samples(page, "anomaly_entity_score");
    BOOST_REQUIRE(entities.size() == 1U);
    BOOST_TEST(entities[0].labels.count("metric") == 0U);
    BOOST_TEST(entities[0].value == 0.5);
  }
}

BOOST_AUTO_TEST_CASE(a_number_that_is_not_defined_has_no_line) {
  SnapshotBuilder builder("node");
  builder.entity({{"instance", "a"}})
      .row("no_data", {.flags = 0})
      .row("missing", {.flags = Flag::kMissing})
      .row("warming_up", {.flags = Flag::kHasValue})
      .row("scored_without_expectation", {.flags = Flag::kHasValue | Flag::kScored});
  const std::string page = page_of(Format::Text, one(builder));
  BOOST_TEST(samples(page, "anomaly_score").size() == 1U);
  BOOST_TEST(samples(page, "anomaly_value").size() == 2U);
  BOOST_TEST(samples(page, "anomaly_expected_value").empty());
  BOOST_TEST(samples(page, "anomaly_lower_bound").empty());
  BOOST_TEST(samples(page, "anomaly_upper_bound").empty());
  BOOST_TEST(samples(page, "anomaly_deviation_sigmas").empty());
  BOOST_TEST(samples(page, "anomaly_severity").size() == 1U);
  BOOST_TEST(samples(page, "anomaly_entity_score").empty());
  BOOST_TEST(samples(page, "anomaly_detector_score").empty());
  const auto missing = samples(page, "anomaly_series_missing");
  BOOST_REQUIRE(missing.size() == 4U);
  for (const auto& sample : missing) {
    BOOST_TEST(sample.value == (sample.labels.at("metric") == "missing" ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(a_crossed_limit_is_stated_before_there_is_a_score) {
  SnapshotBuilder builder("node");
  builder.entity({}).row("us", {.flags = Flag::kHasValue, .severity = 3});
  const std::string page = page_of(Format::Text, one(builder));
  BOOST_REQUIRE(samples(page, "anomaly_severity").size() == 1U);
  BOOST_TEST(samples(page, "anomaly_severity")[0].value == 3);
}

BOOST_AUTO_TEST_CASE(an_open_episode_is_stated_while_nobody_can_tell) {
  SnapshotBuilder builder("node");
  builder.entity({}).row("down", {.flags = 0, .severity = 2}).row("calm", {.flags = 0});
  const auto found = samples(page_of(Format::Text, one(builder)), "anomaly_severity");
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found[0].value == 2);
}

BOOST_AUTO_TEST_CASE(contributions_are_served_when_they_are_asked_for) {
  SnapshotBuilder builder("node");
  builder.entity({}).row("us", {.contribution = 0.75F}).row("sy", {.contribution = -1});
  for (const Format format : {Format::Text, Format::OpenMetrics}) {
    BOOST_TEST(samples(page_of(format, one(builder)), "anomaly_contribution_ratio").empty());
    ExpositionOptions options;
    options.families = {"anomaly_contribution_ratio"};
    const std::string page = page_of(format, one(builder), {}, options);
    BOOST_TEST(parse_page(page).error == "");
    const auto found = samples(page, "anomaly_contribution_ratio");
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].value == 0.75);
    BOOST_TEST(found[0].labels.at("metric") == "us");
  }
}

BOOST_AUTO_TEST_CASE(each_family_stands_once_with_the_rows_of_all_monitors) {
  SnapshotBuilder first("first");
  first.entity({{"instance", "a"}}, 0.1F).row("us", {}).row("sy", {});
  SnapshotBuilder second("second");
  second.entity({{"instance", "a"}}, 0.1F).row("us", {});
  const std::string page = page_of(Format::OpenMetrics, {first.build(), second.build()});
  const ParsedPage parsed = parse_page(page);  // a family that stands twice is an error there
  BOOST_TEST(parsed.error == "");
  BOOST_TEST(parsed.ended);
  BOOST_TEST(parsed.families.size() == kDefaultFamilies);
  const auto found = samples(page, "anomaly_score");
  BOOST_REQUIRE(found.size() == 3U);
  BOOST_TEST(found[1].labels.at("metric") == "sy");
  BOOST_TEST(found[2].labels.at("monitor") == "second");
  for (const auto& family : parsed.families) {
    BOOST_TEST(!family.help.empty());
    BOOST_TEST(family.type == "gauge");
  }
}

BOOST_AUTO_TEST_CASE(only_the_chosen_families_exist) {
  SnapshotBuilder builder("node");
  builder.entity({}, 0.1F).row("us", {});
  ExpositionOptions options;
  options.families = {"anomaly_severity", "anomaly_score"};
  const ParsedPage page = parse_page(page_of(Format::Text, one(builder), {}, options));
  BOOST_REQUIRE(page.families.size() == 2U);
  BOOST_TEST(page.families[0].name == "anomaly_score");
  BOOST_TEST(page.families[1].name == "anomaly_severity");
}

BOOST_AUTO_TEST_CASE(hostile_label_values_read_back_as_they_were) {
  const std::string hostile = "a\"} 1\n# EOF\nb\\{\\n\xF0\x9F\x92\xA5";
  SnapshotBuilder builder(hostile, {hostile});
  builder.entity({{"path", hostile}}, 0.5F).row(hostile, {.confidence = {0.5F}});
  for (const Format format : {Format::Text, Format::OpenMetrics}) {
    const auto found = samples(page_of(format, one(builder)), "anomaly_detector_score");
    BOOST_REQUIRE(found.size() == 1U);
    for (const char* name : {"monitor", "metric", "path", "detector"}) {
      BOOST_TEST(found[0].labels.at(name) == hostile);
    }
  }
}

BOOST_AUTO_TEST_CASE(open_bounds_are_infinities) {
  SnapshotBuilder builder("node");
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  builder.entity({}).row("us", {.lower = -kInfinity, .upper = kInfinity});
  const std::string page = page_of(Format::OpenMetrics, one(builder));
  BOOST_TEST(page.find("\nanomaly_lower_bound{monitor=\"node\",metric=\"us\"} -Inf\n") !=
             std::string::npos);
  BOOST_TEST(page.find("\nanomaly_upper_bound{monitor=\"node\",metric=\"us\"} +Inf\n") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(numbers_read_back_to_the_same_float) {
  SnapshotBuilder builder("node");
  builder.entity({});
  const std::vector<float> values = {0.1F, 1.0F / 3, 1e-45F, 3.4028235e38F, -0.0F, 16777217.0F};
  for (const float value : values) builder.row("m", {.value = value});
  const auto found = samples(page_of(Format::Text, one(builder)), "anomaly_value");
  BOOST_REQUIRE(found.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    BOOST_TEST(static_cast<float>(found[i].value) == values[i]);
  }
}

BOOST_AUTO_TEST_CASE(a_label_text_longer_than_any_buffer_is_written_whole) {
  const std::string long_value(200'000, 'x');
  SnapshotBuilder builder("node");
  builder.entity({{"a", "short"}}).row("us", {});
  builder.entity({{"a", long_value}}).row("us", {});
  builder.entity({{"a", "short too"}}).row("us", {});
  const auto found = samples(page_of(Format::Text, one(builder)), "anomaly_score");
  BOOST_REQUIRE(found.size() == 3U);
  BOOST_TEST((found[1].labels.at("a") == long_value));
  BOOST_TEST(found[2].labels.at("a") == "short too");
}

BOOST_AUTO_TEST_CASE(a_monitor_before_its_first_tick_has_no_lines) {
  SnapshotBuilder builder("node");
  builder.entity({}, 0.5F).row("us", {});
  auto labels_only = std::make_shared<MonitorSnapshot>();
  labels_only->monitor = "young";
  labels_only->detectors = {"zscore"};
  labels_only->labels = builder.build()->labels;
  auto nothing = std::make_shared<MonitorSnapshot>();
  const ParsedPage page = parse_page(page_of(Format::OpenMetrics, {labels_only, nothing}));
  BOOST_TEST(page.error == "");
  for (const auto& family : page.families) BOOST_TEST(family.samples.empty());
}

BOOST_AUTO_TEST_CASE(the_page_replaces_what_the_buffer_held) {
  std::string out = "old";
  render(Format::OpenMetrics, {.families = {}}, {}, {}, out);
  BOOST_TEST(out == "# EOF\n");
  render(Format::Text, {.families = {}}, {}, {}, out);
  BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_CASE(unknown_and_doubled_families_are_refused_by_name) {
  BOOST_TEST(ExpositionOptions{}.validate().ok());
  BOOST_TEST(ExpositionOptions{.families = {}}.validate().ok());
  const auto unknown =
      ExpositionOptions{.families = {"anomaly_score", "anomaly_scores"}}.validate();
  BOOST_REQUIRE(!unknown.ok());
  BOOST_TEST(unknown.error().message.starts_with(
      "families[1]: \"anomaly_scores\" is not one of anomaly_score, anomaly_entity_score, "));
  const auto twice = ExpositionOptions{.families = {"anomaly_score", "anomaly_score"}}.validate();
  BOOST_REQUIRE(!twice.ok());
  BOOST_TEST(twice.error().message == "families[1]: \"anomaly_score\" is named twice");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
