#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using incidents::Incident;
using incidents::Member;

Member member(const std::string& metric, const std::string& instance, double score) {
  Member out;
  out.metric = metric;
  out.labels = core::Labels::create({{"instance", instance}}).value();
  out.level = severity::Level::Warning;
  out.score = score;
  out.value = 98;
  out.opened = {1'700'000'000'000};
  return out;
}

struct IncidentsFixture : support::HandlerFixture {
  /// Two monitors, each with an open incident; the first has a resolved one too.
  IncidentsFixture() {
    for (const std::string name : {"node", "dwcp"}) {
      auto list = std::make_shared<incidents::IncidentList>();
      Incident open;
      open.id = name == "node" ? "00000000000000aa" : "00000000000000bb";
      open.shared = core::Labels::create({{"instance", support::kHostileLabel}}).value();
      open.cause = incidents::Cause::Entity;
      open.opened = open.newest = {1'700'000'000'000};
      open.members = {member("us", "a", 0.9), member("sy", "a", 0.7)};
      open.first = 1;
      list->open = {open};
      if (name == "node") {
        Incident resolved = open;
        resolved.id = "00000000000000cc";
        resolved.resolved = {1'700'000'060'000};
        for (auto& m : resolved.members) m.resolved = resolved.resolved;
        list->resolved = {std::make_shared<const Incident>(resolved)};
      }
      auto snapshot = support::fake_snapshot(name, {});
      snapshot->incidents = list;
      snapshots.publish(snapshot);
    }
    snapshots.publish(support::fake_snapshot("calm", {}));
  }
  std::vector<std::string> ids(const std::string& query) {
    const Response response = get("/api/v1/incidents", query);
    BOOST_TEST(response.status == 200);
    std::vector<std::string> out;
    const auto answer = nlohmann::json::parse(response.body);
    for (const auto& incident : answer.at("data").at("incidents")) {
      out.push_back(incident.at("id").get<std::string>().substr(14));
    }
    return out;
  }
};

BOOST_FIXTURE_TEST_SUITE(incidents_api_test, IncidentsFixture)

BOOST_AUTO_TEST_CASE(open_ones_are_listed_unless_asked_otherwise) {
  using List = std::vector<std::string>;
  BOOST_TEST((ids("") == List{"aa", "bb"}));
  BOOST_TEST((ids("state=resolved") == List{"cc"}));
  BOOST_TEST((ids("state=all") == List{"aa", "bb", "cc"}));
  BOOST_TEST((ids("state=all&limit=1") == List{"aa"}));
  BOOST_TEST((ids("monitor=dwcp") == List{"bb"}));
  BOOST_TEST((ids("monitor=calm") == List{}));
}

BOOST_AUTO_TEST_CASE(one_incident_tells_its_members_and_who_was_first) {
  const Response response = get("/api/v1/incidents/00000000000000cc");
  BOOST_TEST(response.status == 200);
  const auto incident = nlohmann::json::parse(response.body).at("data");
  BOOST_TEST(incident.at("monitor") == "node");
  BOOST_TEST(incident.at("state") == "resolved");
  BOOST_TEST(incident.at("cause") == "entity");
  BOOST_TEST(incident.at("severity") == "none");
  BOOST_TEST(incident.at("labels").at("instance") == support::kHostileLabel);
  BOOST_TEST(incident.at("open_members") == 0);
  BOOST_TEST(incident.at("first").at("metric") == "sy");
  BOOST_TEST(incident.at("members").size() == 2U);
  BOOST_TEST(incident.at("members").at(0).at("score") == 0.9);
  BOOST_TEST(incident.at("members").at(0).at("expected").is_null());
  BOOST_TEST(incident.at("resolved") == "2023-11-14T22:14:20.000Z");
}

BOOST_AUTO_TEST_CASE(an_unknown_id_is_not_found) {
  for (const char* path : {"/api/v1/incidents/", "/api/v1/incidents/dd"}) {
    const Response response = get(path);
    BOOST_TEST(response.status == 404);
    BOOST_TEST(nlohmann::json::parse(response.body).at("errorType") == "not_found");
  }
}

BOOST_AUTO_TEST_CASE(a_parameter_that_is_not_understood_is_named) {
  for (const char* query :
       {"state=gone", "limit=0", "limit=1x", "limit=10001", "color=red", "state=open&state=all"}) {
    const Response response = get("/api/v1/incidents", query);
    BOOST_TEST(response.status == 400);
    const std::string name = std::string(query).substr(0, std::string(query).find('='));
    BOOST_TEST(support::contains(response.body, "\\\"" + name + "\\\""));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
