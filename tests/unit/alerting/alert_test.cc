#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/alerting/alert.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "alerting_support.h"

namespace anomaly_exporter::alerting {
namespace {

BOOST_AUTO_TEST_SUITE(alert_test)

BOOST_AUTO_TEST_CASE(the_level_is_part_of_the_identity_and_the_value_is_not) {
  ActiveAlert a = anomalous("bandwidth", Level::Warning);
  const auto before = alert_labels(a, {});
  BOOST_TEST(before.text() ==
             R"({alertname="AnomalyWarning",instance="a",metric="bandwidth",monitor="link",)"
             R"(severity="warning"})");
  a.value = 1;
  a.score = 0.8;
  a.votes.clear();
  BOOST_TEST((alert_labels(a, {}) == before));
  a.level = Level::Critical;
  BOOST_TEST(!(alert_labels(a, {}) == before));
}

BOOST_AUTO_TEST_CASE(labels_of_the_series_do_not_hide_ours) {
  ActiveAlert a = anomalous("m", Level::Info);
  a.labels = labels_of({{"monitor", "link"}, {"metric", "m"}, {"severity", "low"}, {"site", "x"}});
  const auto labels = alert_labels(a, {{"site", "berlin"}});
  BOOST_TEST(labels.value("severity").value() == "info");
  BOOST_TEST(labels.value("exported_severity").value() == "low");
  BOOST_TEST(labels.value("site").value() == "berlin");
  BOOST_TEST(labels.value("exported_site").value() == "x");
}

BOOST_AUTO_TEST_CASE(annotations_explain_the_verdict) {
  AlertingOptions options;
  options.runbook_url = "https://r.example.org/{alertname}";
  options.dashboard_url = "https://g.example.org/d/x?var-host={instance}&m={metric}&q={nothing}";
  const ActiveAlert a = anomalous("bandwidth", Level::Critical, "a b");
  const auto notes = alert_annotations(a, alert_labels(a, {}), options);
  BOOST_TEST(notes.at("summary") == "bandwidth of a b is critically unusual");
  BOOST_TEST(notes.at("description") ==
             "Monitor link, metric bandwidth: the value is 40, expected was 100 (band 80 to 120), "
             "12.5 sigma away. Score 0.97; votes: zscore 0.95, mad 0.5.");
  BOOST_TEST(notes.at("runbook_url") == "https://r.example.org/AnomalyCritical");
  BOOST_TEST(notes.at("dashboard_url") ==
             "https://g.example.org/d/x?var-host=a%20b&m=bandwidth&q=");
}

BOOST_AUTO_TEST_CASE(annotations_say_since_when_and_what_else_is_unusual) {
  ActiveAlert a = anomalous("bandwidth", Level::Critical);
  a.onset = at("12:00:00");
  a.opened = at("12:00:10");
  a.contribution = 0.616;
  a.company = {"jitter", "loss"};
  const auto notes = alert_annotations(a, alert_labels(a, {}), {});
  BOOST_TEST(
      notes.at("description") ==
      "Monitor link, metric bandwidth: the value is 40, expected was 100 (band 80 to 120), "
      "12.5 sigma away. Score 0.97; votes: zscore 0.95, mad 0.5. Its part in what is unusual "
      "there is 62 %. Unusual since 2026-03-01T12:00:00.000Z. Also unusual there: jitter, "
      "loss.");
}

BOOST_AUTO_TEST_CASE(without_links_there_are_no_dead_ones) {
  const ActiveAlert a = anomalous("m", Level::Info);
  const auto notes = alert_annotations(a, alert_labels(a, {}), {});
  BOOST_TEST(notes.size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_body_is_what_alertmanager_reads) {
  Alert alert;
  alert.labels = labels_of({{"alertname", "A"}, {"note", "a \"b\"\n\xc3\xa9"}});
  alert.annotations = {{"summary", "s"}};
  alert.starts_at = at("12:00:00");
  alert.ends_at = at("12:04:00");
  BOOST_TEST(alerts_body(std::vector{alert}) ==
             "[{\"labels\":{\"alertname\":\"A\",\"note\":\"a \\\"b\\\"\\n\xc3\xa9\"},"
             "\"annotations\":{\"summary\":\"s\"},\"startsAt\":\"2026-03-01T12:00:00.000Z\","
             "\"endsAt\":\"2026-03-01T12:04:00.000Z\"}]");
  alert.generator_url = "http://x/y";
  const auto body = nlohmann::json::parse(alerts_body(std::vector{alert, alert}));
  BOOST_TEST(body.size() == 2U);
  BOOST_TEST(body[1]["generatorURL"] == "http://x/y");
}

BOOST_AUTO_TEST_CASE(options_that_contradict_are_refused) {
  const auto refused = [](auto change) {
    AlertingOptions options = push_options();
    change(options);
    const auto status = options.validate();
    return status ? std::string() : status.error().message;
  };
  BOOST_TEST(refused([](AlertingOptions&) {}) == "");
  BOOST_TEST(refused([](AlertingOptions& o) {
               o.alertmanagers.clear();
             }).starts_with("alertmanagers: empty"));
  BOOST_TEST(refused([](AlertingOptions& o) {
               o.alertmanagers.push_back(o.alertmanagers[0]);
             }).starts_with("alertmanagers: \"http://localhost:9093\" is listed twice"));
  BOOST_TEST(refused([](AlertingOptions& o) {
               o.silences.poll = core::Duration(0);
               o.silences.gate_learning = true;
             }).starts_with("silences.gate_learning: "));
  for (const char* name : {"severity", "1x", "alertname"}) {
    BOOST_TEST(refused([&](AlertingOptions& o) { o.external_labels[name] = "x"; }) != "");
  }
  BOOST_TEST(refused([](AlertingOptions& o) { o.external_labels["site"] = ""; }) != "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::alerting
