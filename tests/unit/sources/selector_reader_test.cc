#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/selector_reader.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "fake_prometheus.h"
#include "support/http_server.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::sources {
namespace {

using core::Duration;
using core::ErrorCode;
using core::Status;
using core::Timestamp;
using series::Sample;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using support::HttpAsked;

constexpr std::int64_t kStart = 1'700'000'000'000;

std::vector<Sample> ramp(std::int64_t from, std::int64_t to, std::int64_t step, double slope) {
  std::vector<Sample> samples;
  for (std::int64_t t = from; t <= to; t += step) {
    samples.push_back({{t}, slope * static_cast<double>(t - from) / 1000});
  }
  return samples;
}

/// A reader before a fake server.
struct Setup {
  explicit Setup(FakePrometheus fake, PrometheusSourceOptions o = {})
      : prometheus(std::move(fake)),
        server([this](const HttpAsked& asked) { return prometheus(asked); }),
        options(std::move(o)),
        http(std::move(net::HttpClient::create(server.url(), options.http, {.attempts = 1}, clock))
                 .value()),
        reader(options, *http, cache, clock) {}

  std::size_t requests_to(const std::string& path) const {
    std::size_t count = 0;
    for (const HttpAsked& asked : server.requests()) count += asked.target.starts_with(path);
    return count;
  }

  FakePrometheus prometheus;
  support::HttpServer server;
  PrometheusSourceOptions options;
  support::ManualClock clock;
  LabelCache cache;
  std::unique_ptr<net::HttpClient> http;
  SelectorReader reader;
};

MetricRequest request(As as, Duration window = minutes(1), std::string text = "requests_total") {
  MetricRequest r;
  r.kind = MetricRequest::Kind::Selector;
  r.text = std::move(text);
  r.as = as;
  r.rate_window = window;
  return r;
}

FakePrometheus one_counter(Duration length = minutes(10)) {
  FakePrometheus fake;
  fake.series = {{{{"__name__", "requests_total"}, {"job", "a"}},
                  ramp(kStart, kStart + length.count(), 5000, 2)}};
  return fake;
}

/// All that a backfill delivers, by labels.
struct Backfilled {
  std::map<std::string, std::vector<Sample>> series;
  RangeSink sink = [this](const core::LabelsPtr& labels, std::span<const Sample> samples) {
    auto& all = series[labels->text()];
    all.insert(all.end(), samples.begin(), samples.end());
    return Status{};
  };
};

/// Every grid point of [from, to] has the value, except where the series has fewer than 2 samples.
void check_rate(const std::vector<Sample>& samples, std::int64_t from, std::int64_t to,
                std::int64_t step, double want) {
  std::int64_t expected = from;
  for (const Sample& sample : samples) {
    BOOST_TEST(sample.time.ms == expected);
    BOOST_TEST(sample.value == want, boost::test_tools::tolerance(1e-12));
    expected += step;
  }
  BOOST_TEST(expected == to + step);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(selector_reader_test)

BOOST_AUTO_TEST_CASE(latest_rate_comes_from_remote_read_without_the_metric_name) {
  Setup s(one_counter());
  const auto answer = s.reader.latest(request(As::Rate), {kStart + 301'000}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST_REQUIRE(answer->samples.size() == 1U);
  BOOST_TEST(answer->samples[0].labels->text() == "{job=\"a\"}");
  BOOST_TEST(answer->samples[0].sample.value == 2.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(answer->samples[0].sample.time.ms == kStart + 300'000);  // the sample's own
  BOOST_TEST(s.requests_to("/api/v1/query") == 0U);
  BOOST_TEST(s.reader.samples() == 12U);
  BOOST_TEST(s.reader.fallbacks() == 0U);
}

BOOST_AUTO_TEST_CASE(latest_gauge_keeps_the_name_and_ends_with_a_stale_marker) {
  FakePrometheus fake = one_counter();
  fake.series[0].samples.push_back({{kStart + 600'500}, core::stale_marker()});
  Setup s(fake);
  auto answer = s.reader.latest(request(As::Gauge), {kStart + 600'400}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST_REQUIRE(answer->samples.size() == 1U);
  BOOST_TEST(answer->samples[0].labels->text() == R"({__name__="requests_total",job="a"})");
  BOOST_TEST(answer->samples[0].sample.value == 1200.0);
  answer = s.reader.latest(request(As::Gauge), {kStart + 600'500}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST(answer->samples.empty());
}

BOOST_AUTO_TEST_CASE(a_series_keeps_its_label_pointer_from_tick_to_tick) {
  Setup s(one_counter());
  const auto first = s.reader.latest(request(As::Rate), {kStart + 300'000}, {});
  const auto second = s.reader.latest(request(As::Rate), {kStart + 305'000}, {});
  BOOST_TEST_REQUIRE((first.ok() && second.ok()));
  BOOST_TEST(first->samples.at(0).labels == second->samples.at(0).labels);
}

BOOST_AUTO_TEST_CASE(external_labels_are_taken_away) {
  FakePrometheus fake = one_counter();
  fake.external = {{"cluster", "eu"}, {"job", "not added, the series has one"}};
  Setup s(fake);
  const auto answer = s.reader.latest(request(As::Gauge), {kStart + 300'000}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST(answer->samples.at(0).labels->text() == R"({__name__="requests_total",job="a"})");
  BOOST_TEST(s.requests_to("/api/v1/read") == 1U);
  // Asked once, remembered for ten minutes.
  (void)s.reader.latest(request(As::Gauge), {kStart + 300'000}, {});
  BOOST_TEST(s.requests_to("/api/v1/status/config") == 1U);
  s.clock.advance(minutes(10));
  (void)s.reader.latest(request(As::Gauge), {kStart + 300'000}, {});
  BOOST_TEST(s.requests_to("/api/v1/status/config") == 2U);
}

BOOST_AUTO_TEST_CASE(the_query_api_is_used_where_an_external_label_cannot_be_told_from_an_own_one) {
  FakePrometheus fake = one_counter();
  fake.external = {{"job", "a"}};
  Setup s(fake);
  const auto answer = s.reader.latest(request(As::Rate), {kStart + 300'000}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST(answer->samples.at(0).labels->text() == "{job=\"a\"}");
  BOOST_TEST(s.requests_to("/api/v1/read") == 0U);
  BOOST_TEST(s.reader.fallbacks() == 0U);  // nothing was refused
}

BOOST_AUTO_TEST_CASE(label_values_are_asked_for_by_get_however_long_the_selector) {
  FakePrometheus fake = one_counter();
  fake.external = {{"cluster", "eu"}};
  Setup s(fake);
  const std::string text = R"(requests_total{job=~"a|)" + std::string(3000, 'b') + R"("})";
  BOOST_TEST(s.reader.latest(request(As::Rate, minutes(1), text), {kStart + 300'000}, {}).ok());
  BOOST_TEST(s.requests_to("/api/v1/label/cluster/values?match") == 1U);
  BOOST_TEST(s.requests_to("/api/v1/read") == 1U);
  for (const HttpAsked& asked : s.server.requests()) {
    if (asked.target.starts_with("/api/v1/label")) BOOST_TEST(asked.method == "GET");
  }
}

BOOST_AUTO_TEST_CASE(the_query_api_is_used_for_a_condition_on_an_external_label) {
  FakePrometheus fake = one_counter();
  fake.external = {{"cluster", "eu"}};
  Setup s(fake);
  const auto answer = s.reader.latest(
      request(As::Rate, minutes(1), R"(requests_total{cluster=""})"), {kStart + 300'000}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST(s.requests_to("/api/v1/read") == 0U);
  BOOST_TEST(s.requests_to("/api/v1/query") == 1U);
}

BOOST_AUTO_TEST_CASE(the_query_api_is_used_when_the_external_labels_are_not_understood) {
  FakePrometheus fake = one_counter();
  fake.config_yaml_override = "global:\\n  external_labels:\\n    a: |-\\n      b\\n";
  Setup s(fake);
  BOOST_TEST(s.reader.latest(request(As::Rate), {kStart + 300'000}, {}).ok());
  BOOST_TEST(s.requests_to("/api/v1/read") == 0U);
}

BOOST_AUTO_TEST_CASE(a_server_that_hides_its_configuration_is_taken_to_have_no_external_labels) {
  FakePrometheus fake = one_counter();
  fake.config_yaml_override = "\\q";
  Setup s(fake);
  BOOST_TEST(s.reader.latest(request(As::Rate), {kStart + 300'000}, {}).ok());
  BOOST_TEST(s.requests_to("/api/v1/read") == 1U);
}

BOOST_AUTO_TEST_CASE(a_refusal_falls_back_is_counted_and_remembered_for_ten_minutes) {
  for (const int status : {400, 404, 405, 415, 501}) {
    FakePrometheus fake = one_counter();
    fake.read_status = status;
    Setup s(fake);
    for (int i = 0; i < 3; ++i) {
      const auto answer = s.reader.latest(request(As::Rate), {kStart + 301'000}, {});
      BOOST_TEST_REQUIRE(answer.ok());
      BOOST_TEST_REQUIRE(answer->samples.size() == 1U);
      BOOST_TEST(answer->samples[0].labels->text() == "{job=\"a\"}");
      BOOST_TEST(answer->samples[0].sample.value == 2.0, boost::test_tools::tolerance(1e-12));
      BOOST_TEST(answer->samples[0].sample.time.ms == kStart + 300'000);
    }
    BOOST_TEST(s.requests_to("/api/v1/read") == 1U);
    BOOST_TEST(s.reader.fallbacks() == 3U);
    s.clock.advance(minutes(10));
    (void)s.reader.latest(request(As::Rate), {kStart + 301'000}, {});
    BOOST_TEST(s.requests_to("/api/v1/read") == 2U);
  }
}

BOOST_AUTO_TEST_CASE(a_server_error_is_no_refusal) {
  FakePrometheus fake = one_counter();
  fake.read_status = 503;
  Setup s(fake);
  const auto answer = s.reader.latest(request(As::Rate), {kStart + 300'000}, {});
  BOOST_TEST_REQUIRE(!answer.ok());
  BOOST_CHECK(answer.error().code == ErrorCode::Unavailable);
  BOOST_TEST(s.reader.fallbacks() == 0U);
  BOOST_TEST(s.requests_to("/api/v1/query") == 0U);
}

BOOST_AUTO_TEST_CASE(a_gauge_by_the_query_api_has_the_time_of_its_sample_and_knows_what_is_stale) {
  FakePrometheus fake = one_counter();
  fake.series.push_back({{{"__name__", "requests_total"}, {"job", "ended"}},
                         {{{kStart + 290'000}, 1}, {{kStart + 295'000}, core::stale_marker()}}});
  PrometheusSourceOptions options;
  options.remote_read = false;
  Setup s(fake, options);
  const auto answer = s.reader.latest(request(As::Gauge), {kStart + 301'000}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST_REQUIRE(answer->samples.size() == 1U);
  BOOST_TEST(answer->samples[0].labels->text() == R"({__name__="requests_total",job="a"})");
  BOOST_TEST(answer->samples[0].sample.value == 600.0);
  BOOST_TEST(answer->samples[0].sample.time.ms == kStart + 300'000);
  BOOST_TEST(s.reader.fallbacks() == 0U);  // switched off, not refused
}

BOOST_AUTO_TEST_CASE(backfill_delivers_the_grid_by_either_answer_or_the_query_api) {
  struct Way {
    Duration length;
    bool remote;
  };
  for (const Way way : {Way{minutes(5), true}, Way{minutes(50), true}, Way{minutes(50), false}}) {
    PrometheusSourceOptions options;
    options.remote_read = way.remote;
    Setup s(one_counter(hours(1)), options);
    Backfilled got;
    const std::int64_t from = kStart + 120'000;
    const std::int64_t to = from + way.length.count();
    BOOST_TEST_REQUIRE(
        s.reader.backfill(request(As::Rate), {from}, {to}, seconds(15), got.sink, {}).ok());
    BOOST_TEST_REQUIRE(got.series.size() == 1U);
    check_rate(got.series["{job=\"a\"}"], from, to, 15'000, 2.0);
  }
}

BOOST_AUTO_TEST_CASE(a_long_backfill_is_split_without_a_seam) {
  for (const bool remote : {true, false}) {
    PrometheusSourceOptions options;
    options.remote_read = remote;
    Setup s(one_counter(hours(30)), options);
    Backfilled got;
    const std::int64_t from = kStart + 120'000;
    const std::int64_t to = from + 15'000 * 6000;
    BOOST_TEST_REQUIRE(
        s.reader.backfill(request(As::Rate), {from}, {to}, seconds(15), got.sink, {}).ok());
    check_rate(got.series["{job=\"a\"}"], from, to, 15'000, 2.0);
    BOOST_TEST(s.requests_to(remote ? "/api/v1/read" : "/api/v1/query") == 4U);  // 1, 4, 16, 4 h
  }
}

BOOST_AUTO_TEST_CASE(a_gauge_is_backfilled_by_query_range_where_remote_read_is_refused) {
  FakePrometheus fake = one_counter();
  fake.read_status = 404;
  Setup s(fake);
  Backfilled got;
  BOOST_TEST_REQUIRE(
      s.reader.backfill(request(As::Gauge), {kStart}, {kStart + 60'000}, seconds(5), got.sink, {})
          .ok());
  const auto& samples = got.series[R"({__name__="requests_total",job="a"})"];
  BOOST_TEST_REQUIRE(samples.size() == 13U);
  BOOST_TEST(samples.back().value == 120.0);
  BOOST_TEST(s.requests_to("/api/v1/query_range") == 1U);
}

BOOST_AUTO_TEST_CASE(a_slice_over_a_limit_of_the_server_is_asked_for_in_quarters) {
  FakePrometheus fake = one_counter(hours(2));
  fake.read_status = 404;
  fake.longest_range_ms = Duration(minutes(20)).count();
  Setup s(fake);
  Backfilled got;
  const std::int64_t to = kStart + Duration(minutes(90)).count();
  const Status status =
      s.reader.backfill(request(As::Gauge), {kStart}, {to}, seconds(5), got.sink, {});
  BOOST_TEST_REQUIRE(status.ok());
  const auto& samples = got.series[R"({__name__="requests_total",job="a"})"];
  BOOST_TEST_REQUIRE(samples.size() == 1081U);
  for (std::size_t i = 1; i < samples.size(); ++i) {
    BOOST_TEST_REQUIRE((samples[i].time - samples[i - 1].time).count() == 5000);
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_answers_with_samples_where_chunks_are_asked_for_is_refusing) {
  FakePrometheus fake = one_counter(hours(1));
  fake.knows_chunks = false;
  Setup s(fake);
  Backfilled got;
  const std::int64_t from = kStart + 120'000;
  const std::int64_t to = from + Duration(minutes(50)).count();
  BOOST_TEST_REQUIRE(
      s.reader.backfill(request(As::Rate), {from}, {to}, seconds(15), got.sink, {}).ok());
  BOOST_TEST_REQUIRE(got.series.size() == 1U);
  check_rate(got.series["{job=\"a\"}"], from, to, 15'000, 2.0);
  BOOST_TEST(s.reader.fallbacks() > 0U);
}

BOOST_AUTO_TEST_CASE(the_error_of_the_sink_ends_a_backfill_and_is_no_refusal) {
  for (const Duration length : {Duration(minutes(5)), Duration(minutes(50))}) {
    Setup s(one_counter(hours(1)));
    const Status status = s.reader.backfill(
        request(As::Rate), {kStart + 60'000}, Timestamp{kStart + 60'000} + length, seconds(15),
        [](const core::LabelsPtr&, std::span<const Sample>) {
          return core::Error{ErrorCode::InvalidArgument, "not mine"};
        },
        {});
    BOOST_TEST_REQUIRE(!status.ok());
    BOOST_TEST(status.error().message.find("not mine") != std::string::npos);
    BOOST_TEST(s.requests_to("/api/v1/query") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(a_broken_stream_is_corrupt_whatever_breaks) {
  const std::map<std::string, std::function<std::string(std::string)>> kinds = {
      {"checksum", [](std::string body) { return body.back() ^= 1, body; }},
      {"cut frame", [](std::string body) { return body.substr(0, body.size() - 1); }},
      {"no frames at all", [](std::string) { return std::string("<html>not here</html>"); }}};
  for (const auto& [name, damage] : kinds) {
    FakePrometheus fake = one_counter(hours(1));
    fake.damage = damage;
    Setup s(fake);
    Backfilled got;
    const Status status = s.reader.backfill(request(As::Rate), {kStart}, {kStart + 3'000'000},
                                            seconds(15), got.sink, {});
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST_REQUIRE(!status.ok());
      BOOST_CHECK(status.error().code == ErrorCode::Corrupt);
      BOOST_TEST(s.requests_to("/api/v1/query") == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(broken_and_oversized_snappy_is_refused) {
  FakePrometheus fake = one_counter();
  fake.damage = [](std::string) {
    return std::string(
        "\xff\xff\xff\xff\x0f"
        "abc");
  };
  Setup four_gib(fake);
  auto answer = four_gib.reader.latest(request(As::Rate), {kStart + 300'000}, {});
  BOOST_TEST_REQUIRE(!answer.ok());
  BOOST_CHECK(answer.error().code == ErrorCode::Exhausted);

  fake.damage = [](std::string body) { return body.substr(0, body.size() / 2); };
  Setup cut(fake);
  answer = cut.reader.latest(request(As::Rate), {kStart + 300'000}, {});
  BOOST_TEST_REQUIRE(!answer.ok());
  BOOST_CHECK(answer.error().code == ErrorCode::Corrupt);
}

BOOST_AUTO_TEST_CASE(series_with_impossible_labels_are_counted_and_skipped) {
  FakePrometheus fake = one_counter();
  fake.series.push_back(
      {{{"__name__", "requests_total"}, {"job", std::string("a\0b", 3)}}, fake.series[0].samples});
  fake.series.push_back(
      {{{"__name__", "requests_total"}, {"job", "quote\"\n"}}, fake.series[0].samples});
  Setup s(fake);
  const auto answer = s.reader.latest(request(As::Rate), {kStart + 300'000}, {});
  BOOST_TEST_REQUIRE(answer.ok());
  BOOST_TEST(answer->samples.size() == 2U);
  BOOST_TEST(answer->invalid_labels == 1U);
}

BOOST_AUTO_TEST_CASE(a_bad_selector_or_window_is_refused_without_a_request) {
  Setup s(one_counter());
  const auto bad = s.reader.latest(request(As::Rate, minutes(1), "up[5m]"), {kStart}, {});
  BOOST_TEST_REQUIRE(!bad.ok());
  BOOST_CHECK(bad.error().code == ErrorCode::InvalidArgument);
  BOOST_TEST(!s.reader.latest(request(As::Rate, Duration(0)), {kStart}, {}).ok());
  BOOST_TEST(s.server.requests().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
