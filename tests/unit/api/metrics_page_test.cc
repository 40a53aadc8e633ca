#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "handler_fixture.h"

namespace anomaly_exporter::api {
namespace {

using support::contains;
using support::fake_snapshot;
using support::header_of;

struct MetricsFixture : support::HandlerFixture {
  MetricsFixture() {
    snapshots.publish(fake_snapshot("node", {{.labels = R"(instance="a")", .score = 0.5F}}));
  }
  Response scrape(const std::string& accept, const std::string& accept_encoding) {
    Request request;
    request.path = "/metrics";
    request.accept = accept;
    request.accept_encoding = accept_encoding;
    return ask(request);
  }
};

BOOST_FIXTURE_TEST_SUITE(metrics_page_test, MetricsFixture)

BOOST_AUTO_TEST_CASE(serves_the_text_format_by_default) {
  const Response response = scrape("", "");
  BOOST_TEST(response.content_type == "text/plain; version=0.0.4; charset=utf-8");
  BOOST_TEST(contains(response.body, "anomaly_score{monitor=\"node\",metric=\"us\","));
  BOOST_TEST(!contains(response.body, "# EOF"));
  BOOST_TEST(header_of(response, "Content-Encoding") == "");
}

BOOST_AUTO_TEST_CASE(serves_openmetrics_when_asked_first) {
  const Response response =
      scrape("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "");
  BOOST_TEST(response.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  BOOST_TEST(response.body.ends_with("# EOF\n"));
}

BOOST_AUTO_TEST_CASE(compresses_only_when_asked_allowed_and_worthwhile) {
  exposition::ExpositionOptions exposition;
  exposition.gzip_min_bytes = 10;
  hooks.exposition = [&] { return exposition; };
  const auto encoding = [&](const char* accepted) {
    return header_of(scrape("", accepted), "Content-Encoding");
  };
  BOOST_TEST(encoding("gzip") == "gzip");
  BOOST_TEST(scrape("", "gzip").body.starts_with("\x1f\x8b"));
  BOOST_TEST(encoding("") == "");
  exposition.gzip_min_bytes = 1 << 20;
  BOOST_TEST(encoding("gzip") == "");
  exposition.gzip_min_bytes = 10;
  exposition.gzip = false;
  BOOST_TEST(encoding("gzip") == "");
}

BOOST_AUTO_TEST_CASE(own_metrics_are_on_the_same_page) {
  hooks.own_metrics = [] {
    prometheus::MetricFamily family;
    family.name = "anomaly_exporter_series";
    family.help = "Series held.";
    family.type = prometheus::MetricType::Gauge;
    family.metric.resize(1);
    family.metric[0].gauge.value = 3;
    return std::vector<prometheus::MetricFamily>{family};
  };
  BOOST_TEST(contains(scrape("", "").body, "anomaly_exporter_series 3"));
}

BOOST_AUTO_TEST_CASE(a_page_without_monitors_is_still_a_page) {
  exposition::SnapshotStore none;
  Request request;
  request.path = "/metrics";
  const Response response =
      Router({&options, &hooks, &none, &clock, &buffers}).answer(request).response;
  BOOST_TEST(response.status == 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
