#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "anomaly_exporter/core/version.h"
#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

struct StatusFixture : support::HandlerFixture {
  nlohmann::json data(const std::string& page) {
    const Response response = get("/api/v1/status/" + page);
    BOOST_TEST(response.status == 200);
    BOOST_TEST(response.content_type == "application/json");
    const nlohmann::json answer = nlohmann::json::parse(response.body);
    BOOST_TEST(answer.at("status") == "success");
    return answer.at("data");
  }
};

BOOST_FIXTURE_TEST_SUITE(status_api_test, StatusFixture)

BOOST_AUTO_TEST_CASE(config_is_yaml_in_one_member) {
  const std::string yaml = "global:\n  interval: \"5s\" # \\ \xE2\x82\xAC\n";
  hooks.config_text = [&] { return yaml; };
  BOOST_TEST(data("config") == nlohmann::json({{"yaml", yaml}}));
}

BOOST_AUTO_TEST_CASE(flags_are_texts_by_name) {
  hooks.flags = [] {
    return std::vector<std::pair<std::string, std::string>>{{"log.level", "info"},
                                                            {"web.enable-lifecycle", "false"}};
  };
  BOOST_TEST(data("flags") ==
             nlohmann::json({{"log.level", "info"}, {"web.enable-lifecycle", "false"}}));
}

BOOST_AUTO_TEST_CASE(buildinfo_names_the_version) {
  const nlohmann::json info = data("buildinfo");
  BOOST_TEST(info.at("version") == core::kVersion);
  BOOST_TEST(info.at("revision") == core::kRevision);
}

BOOST_AUTO_TEST_CASE(runtimeinfo_tells_start_reload_and_sizes) {
  hooks.runtime = [] {
    return ServerHooks::RuntimeInfo{
        .start_time = {1'700'000'000'000}, .reload_successful = false, .last_reload = {}};
  };
  snapshots.publish(support::fake_snapshot("a", {{.labels = "i=\"1\""}, {.labels = "i=\"2\""}}));
  const nlohmann::json info = data("runtimeinfo");
  BOOST_TEST(info.at("startTime") == "2023-11-14T22:13:20.000Z");
  BOOST_TEST(info.at("reloadConfigSuccess") == false);
  BOOST_TEST(info.at("lastConfigTime").is_null());
  BOOST_TEST(info.at("monitorCount") == 1);
  BOOST_TEST(info.at("seriesCount") == 2);
}

BOOST_AUTO_TEST_CASE(hooks_that_are_not_set_leave_empty_answers) {
  BOOST_TEST(data("config").at("yaml") == "");
  BOOST_TEST(data("flags").empty());
  BOOST_TEST(data("runtimeinfo").at("startTime").is_null());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
