#pragma once

#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/sources/prometheus_source.h"
#include "support/http_server.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::sources {

using core::Timestamp;
using support::HttpAsked;

constexpr Timestamp kNow{1'700'000'000'500};

/// A matrix of `series` series with every grid point of the request.
inline std::string matrix_answer(const HttpAsked& asked, int series) {
  const auto ms = [&](const char* name) {
    return core::parse_timestamp(asked.parameter(name).value())->ms;
  };
  std::string body = R"({"status":"success","data":{"resultType":"matrix","result":[)";
  for (int i = 0; i < series; ++i) {
    if (i > 0) body += ",";
    body.append(R"({"metric":{"i":")").append(std::to_string(i)).append(R"("},"values":[)");
    for (std::int64_t t = ms("start"); t <= ms("end"); t += ms("step")) {
      if (t > ms("start")) body += ",";
      body.append("[").append(std::to_string(t / 1000)).append(",\"1\"]");
    }
    body += "]}";
  }
  return body + "]}}";
}

struct Fixture {
  support::ManualClock clock;
  std::unique_ptr<MetricSource> source;

  explicit Fixture(const std::string& url, PrometheusSourceOptions options = {}) {
    options.name = "prom";
    options.url = url;
    options.retry.attempts = 1;
    auto made = make_prometheus_source(std::move(options), clock);
    BOOST_REQUIRE_MESSAGE(made.ok(), (made ? "" : made.error().message));
    source = std::move(*made);
  }

  core::Result<InstantAnswer> latest(const MetricRequest& request) {
    return source->latest({&request, 1}, kNow, {}).at(0);
  }
};

inline MetricRequest query(const std::string& text) { return {.metric = "m", .text = text}; }

/// What a backfill delivered, by label text.
struct Collected {
  std::map<std::string, std::vector<series::Sample>> series;
  RangeSink sink() {
    return [this](const core::LabelsPtr& labels, std::span<const series::Sample> samples) {
      auto& all = series[labels->text()];
      all.insert(all.end(), samples.begin(), samples.end());
      return core::Status();
    };
  }
};

inline core::Status backfill(Fixture& fixture, const RangeSink& sink, int points) {
  return fixture.source->backfill(query("up"), Timestamp{0}, Timestamp{(points - 1) * 10'000LL},
                                  std::chrono::seconds(10), sink, {});
}

}  // namespace anomaly_exporter::sources
