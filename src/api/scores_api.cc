#include <charconv>
#include <set>

#include "anomaly_exporter/api/handlers.h"
#include "anomaly_exporter/api/json_writer.h"
#include "anomaly_exporter/api/rows.h"
#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::api {
namespace {

using exposition::MonitorSnapshot;

constexpr std::size_t kMaxLimit = 100'000;

core::Error bad_parameter(std::string_view name, std::string_view why) {
  return {core::ErrorCode::InvalidArgument,
          "invalid parameter \"" + std::string(name) + "\": " + std::string(why)};
}

core::Status read_limit(const std::string& text, std::size_t& limit) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit, 10);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || limit == 0 ||
      limit > kMaxLimit) {
    return bad_parameter("limit", "want a whole number from 1 to 100000, not \"" + text + "\"");
  }
  return {};
}

core::Status read_min_score(const std::string& text, std::optional<double>& min_score) {
  min_score = core::parse_number(text);
  if (!min_score || !(*min_score >= 0 && *min_score <= 1)) {
    return bad_parameter("min_score", "want a number from 0 to 1, not \"" + text + "\"");
  }
  return {};
}

/// A filter that is not understood must not silently let everything through, hence unknown and
/// repeated parameters are errors.
core::Result<RowFilter> parse_filter(std::string_view query) {
  const auto parameters = parse_query(query);
  if (!parameters) return parameters.error();
  RowFilter filter;
  std::set<std::string_view> seen;
  for (const auto& [name, value] : *parameters) {
    if (!seen.insert(name).second) return bad_parameter(name, "given more than once");
    core::Status status;
    if (name == "monitor") {
      filter.monitor = value;
    } else if (name == "metric") {
      filter.metric = value;
    } else if (name == "min_score") {
      status = read_min_score(value, filter.min_score);
    } else if (name == "limit") {
      status = read_limit(value, filter.limit);
    } else {
      status = bad_parameter(name, "unknown; known are monitor, metric, min_score, limit");
    }
    if (!status) return status.error();
  }
  return filter;
}

void write_if(JsonWriter& json, std::string_view name, bool is_valid, float number) {
  json.key(name);
  if (is_valid) {
    json.value(number);
  } else {
    json.null();
  }
}

/// A time, null where there is none.
void write_time(JsonWriter& json, std::string_view name, const std::vector<core::Timestamp>& times,
                std::size_t i) {
  json.key(name);
  if (i < times.size() && times[i].ms != 0) {
    json.value(times[i]);
  } else {
    json.null();
  }
}

void write_row(JsonWriter& json, const Row& row) {
  const MonitorSnapshot& snapshot = *row.snapshot;
  const std::size_t i = row.index;
  json.begin_object()
      .member("monitor", snapshot.monitor)
      .member("metric", row.metric())
      .key("labels")
      .begin_object();
  for (const core::Label& label : row.labels()) json.member(label.name, label.value);
  json.end_object();
  const bool has_expected = row.has(MonitorSnapshot::kHasExpected);
  write_if(json, "value", row.has(MonitorSnapshot::kHasValue), snapshot.value[i]);
  write_if(json, "expected", has_expected, snapshot.expected[i]);
  write_if(json, "lower", has_expected, snapshot.lower[i]);
  write_if(json, "upper", has_expected, snapshot.upper[i]);
  write_if(json, "score", row.is_scored(), snapshot.score[i]);
  json.member("severity", row.severity());
  json.member("muted", i < snapshot.muted.size() && snapshot.muted[i] != 0);
  write_time(json, "onset", snapshot.onset, i);
  write_time(json, "opened", snapshot.opened, i);
  const bool has_episode = i < snapshot.onset.size() && snapshot.onset[i].ms != 0;
  write_if(json, "peak_score", has_episode, has_episode ? snapshot.peak_score[i] : 0.0F);
  write_if(json, "sigmas", has_expected, snapshot.sigmas[i]);
  const bool has_part =
      row.is_scored() && i < snapshot.contribution.size() && snapshot.contribution[i] >= 0;
  write_if(json, "contribution", has_part, has_part ? snapshot.contribution[i] : 0.0F);
  json.key("detectors").begin_object();
  for (std::size_t d = 0; d < snapshot.detectors.size() && d < snapshot.confidence.size(); ++d) {
    const bool has_row = i < snapshot.confidence[d].size();
    const float confidence = has_row ? snapshot.confidence[d][i] : -1.0F;
    write_if(json, snapshot.detectors[d], confidence >= 0, confidence);
  }
  json.end_object().key("models").begin_object();  // versions, of those that judge by a model
  for (std::size_t d = 0; d < snapshot.detectors.size() && d < snapshot.models.size(); ++d) {
    if (snapshot.models[d] != 0)
      json.member(snapshot.detectors[d], std::uint64_t{snapshot.models[d]});
  }
  json.end_object()
      .member("outcome", to_string(snapshot.outcome[i]))
      .member("reason", row.reason())
      .member("evaluated", snapshot.evaluated)
      .end_object();
}

}  // namespace

Response scores_api(const HandlerContext& context, const Request& request) {
  const core::Result<RowFilter> filter = parse_filter(request.query);
  if (!filter) return Response::json(400, error_json("bad_data", filter.error().message));
  const exposition::SnapshotStore::List snapshots = context.snapshots->load();
  const SelectedRows selected = select_rows(snapshots, *filter);
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object()
                              .member("matched", std::uint64_t{selected.matched})
                              .key("scores")
                              .begin_array();
                          for (const Row& row : selected.rows) write_row(json, row);
                          json.end_array().end_object();
                        }));
}

}  // namespace anomaly_exporter::api
