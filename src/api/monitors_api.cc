#include "anomaly_exporter/api/handlers.h"
#include "anomaly_exporter/api/json_writer.h"
#include "anomaly_exporter/api/rows.h"

namespace anomaly_exporter::api {
namespace {

using exposition::MonitorSnapshot;

void write_detectors(JsonWriter& json, const MonitorSnapshot& snapshot) {
  json.key("detectors").begin_array();
  for (std::size_t i = 0; i < snapshot.detectors.size(); ++i) {
    json.begin_object().member("name", snapshot.detectors[i]).key("weight");
    if (i < snapshot.weights.size()) {
      json.value(snapshot.weights[i]);
    } else {
      json.null();
    }
    json.end_object();
  }
  json.end_array();
}

void write_metrics(JsonWriter& json, const MonitorSnapshot& snapshot) {
  json.key("metrics").begin_array();
  for (const exposition::MetricStatus& metric : snapshot.metrics) {
    json.begin_object()
        .member("name", metric.name)
        .member("request", metric.request)
        .member("series", std::uint64_t{metric.series})
        .member("last_error", metric.last_error)
        .member("hint", metric.hint)
        .end_object();
  }
  json.end_array();
}

void write_monitor(JsonWriter& json, const MonitorSnapshot& snapshot) {
  json.begin_object()
      .member("name", snapshot.monitor)
      .member("source", snapshot.source)
      .member("source_up", snapshot.source_up)
      .member("interval", core::format_duration(snapshot.interval))
      .member("evaluated", snapshot.evaluated)
      .member("ready", snapshot.not_ready.empty())
      .member("not_ready", snapshot.not_ready)
      .member("warmup_ratio", snapshot.warmup_ratio)
      .member("backfill_ratio", snapshot.backfill_ratio)
      .member("oversampled", snapshot.is_oversampled)
      .member("series", std::uint64_t{row_count(snapshot)})
      .member("entities", std::uint64_t{snapshot.labels ? snapshot.labels->entities() : 0});
  write_detectors(json, snapshot);
  json.key("outcomes").begin_object();
  for (std::size_t i = 0; i < snapshot.outcome_counts.size(); ++i) {
    json.member(to_string(static_cast<detectors::Outcome>(i)), snapshot.outcome_counts[i]);
  }
  json.end_object();
  write_metrics(json, snapshot);
  json.key("remarks").begin_array();
  for (const std::string& remark : snapshot.remarks) json.value(remark);
  json.end_array().end_object();
}

}  // namespace

Response monitors_api(const HandlerContext& context, const Request& /*request*/) {
  const exposition::SnapshotStore::List snapshots = context.snapshots->load();
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object().key("monitors").begin_array();
                          for (const auto& snapshot : snapshots) write_monitor(json, *snapshot);
                          json.end_array().end_object();
                        }));
}

}  // namespace anomaly_exporter::api
