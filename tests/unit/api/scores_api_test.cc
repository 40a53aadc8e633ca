#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using support::fake_snapshot;

struct ScoresFixture : support::HandlerFixture {
  nlohmann::json data(const std::string& query = "") {
    const Response response = get("/api/v1/scores", query);
    BOOST_TEST(response.status == 200);
    return nlohmann::json::parse(response.body).at("data");
  }
  void publish_two_monitors() {
    snapshots.publish(fake_snapshot(
        "node", {{.labels = "instance=\"a\",job=\"node\"", .score = 0.3F, .severity = 0},
                 {.labels = "instance=\"b\"", .metric = 1, .score = 0.75F, .severity = 2},
                 {.labels = "instance=\"c\""}}));
    snapshots.publish(fake_snapshot("dwcp", {{.labels = "cluster=\"x\"", .score = 0.95F}}));
  }
};

BOOST_FIXTURE_TEST_SUITE(scores_api_test, ScoresFixture)

BOOST_AUTO_TEST_CASE(a_scored_row_has_numbers_labels_and_words) {
  publish_two_monitors();
  const nlohmann::json row = data().at("scores").at(1);
  BOOST_TEST(row.at("monitor") == "node");
  BOOST_TEST(row.at("metric") == "idle");
  BOOST_TEST(row.at("labels") == nlohmann::json({{"instance", "b"}}));
  BOOST_TEST(row.at("value") == 42.5);
  BOOST_TEST(row.at("expected") == 20.25);
  BOOST_TEST(row.at("lower") == 10);
  BOOST_TEST(row.at("upper") == 30.5);
  BOOST_TEST(row.at("score") == 0.75);
  BOOST_TEST(row.at("severity") == "warning");
  BOOST_TEST(row.at("sigmas") == 6.5);
  BOOST_TEST(row.at("detectors").at("zscore") == 0.75);
  BOOST_TEST(row.at("detectors").at("mad").is_null());
  BOOST_TEST(row.at("outcome") == "scored");
  BOOST_TEST(row.at("reason") == "");
}

BOOST_AUTO_TEST_CASE(a_detector_with_a_model_tells_its_version) {
  auto snapshot = std::make_shared<exposition::MonitorSnapshot>(
      *fake_snapshot("node", {{.labels = "instance=\"a\"", .score = 0.3F}}));
  BOOST_TEST(snapshot->detectors.size() == 2U);
  snapshot->models = {0, 7};
  snapshots.publish(snapshot);
  BOOST_TEST(data().at("scores").at(0).at("models") == nlohmann::json({{"mad", 7}}));
}

BOOST_AUTO_TEST_CASE(a_row_without_a_score_has_nulls_and_a_reason) {
  publish_two_monitors();
  const nlohmann::json row = data().at("scores").at(3);
  for (const char* name : {"value", "expected", "lower", "upper", "score", "sigmas"}) {
    BOOST_TEST(row.at(name).is_null());
  }
  BOOST_TEST(row.at("outcome") == "warming_up");
  BOOST_TEST(row.at("reason") == "warming up: fewer samples so far than the detectors need");
}

BOOST_AUTO_TEST_CASE(parameters_filter) {
  publish_two_monitors();
  BOOST_TEST(data().at("matched") == 4);
  BOOST_TEST(data("monitor=dwcp").at("matched") == 1);
  BOOST_TEST(data("metric=us").at("matched") == 3);
  BOOST_TEST(data("min_score=0.75").at("matched") == 2);
  BOOST_TEST(data("monitor=node&min_score=0").at("matched") == 2);
  BOOST_TEST(data("monitor=nobody").at("scores").empty());
  const nlohmann::json cut = data("limit=1");
  BOOST_TEST(cut.at("matched") == 4);
  BOOST_TEST(cut.at("scores").size() == 1U);
  BOOST_TEST(cut.at("scores").at(0).at("monitor") == "dwcp");
}

BOOST_AUTO_TEST_CASE(a_thousand_rows_are_the_default_limit) {
  snapshots.publish(
      fake_snapshot("node", std::vector<support::FakeRow>(1001, {.labels = "i=\"1\""})));
  BOOST_TEST(data().at("matched") == 1001);
  BOOST_TEST(data().at("scores").size() == 1000U);
  BOOST_TEST(data("limit=1001").at("scores").size() == 1001U);
}

struct BadQuery {
  const char* query;
  const char* error;
};
std::ostream& operator<<(std::ostream& out, const BadQuery& c) { return out << c.query; }
const BadQuery kBadQueries[] = {
    {"limit=0", "invalid parameter \"limit\": want a whole number from 1 to 100000, not \"0\""},
    {"limit=-1", "invalid parameter \"limit\": want a whole number from 1 to 100000, not \"-1\""},
    {"limit=", "invalid parameter \"limit\": want a whole number from 1 to 100000, not \"\""},
    {"limit=1x", "invalid parameter \"limit\": want a whole number from 1 to 100000, not \"1x\""},
    {"limit=100001",
     "invalid parameter \"limit\": want a whole number from 1 to 100000, not \"100001\""},
    {"limit=99999999999999999999",
     "invalid parameter \"limit\": want a whole number from 1 to 100000, not "
     "\"99999999999999999999\""},
    {"min_score=2", "invalid parameter \"min_score\": want a number from 0 to 1, not \"2\""},
    {"min_score=NaN", "invalid parameter \"min_score\": want a number from 0 to 1, not \"NaN\""},
    {"min_score=x", "invalid parameter \"min_score\": want a number from 0 to 1, not \"x\""},
    {"minscore=1",
     "invalid parameter \"minscore\": unknown; known are monitor, metric, min_score, limit"},
    {"monitor=a&monitor=b", "invalid parameter \"monitor\": given more than once"},
    {"monitor=%ff", "invalid parameter \"monitor\": value is not valid text"},
};
BOOST_DATA_TEST_CASE_F(ScoresFixture, a_bad_parameter_is_refused_by_name,
                       boost::unit_test::data::make(kBadQueries), c) {
  const Response response = get("/api/v1/scores", c.query);
  BOOST_TEST(response.status == 400);
  const nlohmann::json answer = nlohmann::json::parse(response.body);
  BOOST_TEST(answer.at("status") == "error");
  BOOST_TEST(answer.at("errorType") == "bad_data");
  BOOST_TEST(answer.at("error") == c.error);
}

BOOST_AUTO_TEST_CASE(hostile_labels_come_back_unharmed) {
  snapshots.publish(
      fake_snapshot("node", {{.labels = support::hostile_label_text(), .score = 0.5F}}));
  BOOST_TEST(data().at("scores").at(0).at("labels").at("instance") == support::kHostileLabel);
  BOOST_TEST(!support::contains(get("/api/v1/scores").body, "<script"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
