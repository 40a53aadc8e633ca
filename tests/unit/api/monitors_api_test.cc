#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using support::fake_snapshot;

struct MonitorsFixture : support::HandlerFixture {
  nlohmann::json monitors() {
    const Response response = get("/api/v1/monitors");
    BOOST_TEST(response.status == 200);
    return nlohmann::json::parse(response.body).at("data").at("monitors");
  }
};

BOOST_FIXTURE_TEST_SUITE(monitors_api_test, MonitorsFixture)

BOOST_AUTO_TEST_CASE(no_snapshot_is_an_empty_list) { BOOST_TEST(monitors().empty()); }

BOOST_AUTO_TEST_CASE(tells_all_that_is_known_of_a_monitor) {
  const auto s =
      fake_snapshot("node", {{.labels = "i=\"1\"", .score = 0.5F}, {.labels = "i=\"2\""}});
  s->not_ready = "backfill at 40 %";
  s->remarks = {"older", "newer"};
  s->metrics[1].last_error = "timeout after 5s";
  snapshots.publish(s);
  const nlohmann::json m = monitors().at(0);
  BOOST_TEST(m.at("name") == "node");
  BOOST_TEST(m.at("source") == "prom");
  BOOST_TEST(m.at("source_up") == true);
  BOOST_TEST(m.at("interval") == "5s");
  BOOST_TEST(m.at("evaluated") == "2023-11-14T22:13:20.000Z");
  BOOST_TEST(m.at("ready") == false);
  BOOST_TEST(m.at("not_ready") == "backfill at 40 %");
  BOOST_TEST(m.at("warmup_ratio") == 0.5);
  BOOST_TEST(m.at("backfill_ratio") == 1);
  BOOST_TEST(m.at("series") == 2);
  BOOST_TEST(m.at("detectors").at(1) == nlohmann::json({{"name", "mad"}, {"weight", 0.5}}));
  BOOST_TEST(m.at("outcomes").at("scored") == 1);
  BOOST_TEST(m.at("outcomes").at("warming_up") == 1);
  BOOST_TEST(m.at("outcomes").at("no_data") == 0);
  BOOST_TEST(m.at("metrics").at(0).at("request") == "avg(rate(cpu[20s]))");
  BOOST_TEST(m.at("metrics").at(0).at("series") == 2);
  BOOST_TEST(m.at("metrics").at(1).at("last_error") == "timeout after 5s");
  BOOST_TEST(m.at("metrics").at(1).at("hint") == "no series; existing jobs: node, prometheus");
  BOOST_TEST(m.at("remarks") == nlohmann::json({"older", "newer"}));
}

BOOST_AUTO_TEST_CASE(a_monitor_before_its_first_tick_is_listed) {
  const auto s = std::make_shared<exposition::MonitorSnapshot>();
  s->monitor = "new";
  s->not_ready = "first evaluation pending";
  snapshots.publish(s);
  BOOST_TEST(monitors().at(0).at("evaluated").is_null());
  BOOST_TEST(monitors().at(0).at("entities") == 0);
}

BOOST_AUTO_TEST_CASE(hostile_texts_stay_texts) {
  const auto s = fake_snapshot("node", {});
  s->metrics[0].last_error = "\"},\n<script> \x80\x01";
  snapshots.publish(s);
  BOOST_TEST(monitors().at(0).at("metrics").at(0).at("last_error") ==
             "\"},\n<script> \xEF\xBF\xBD\x01");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
