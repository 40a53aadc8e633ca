#include <algorithm>
#include <charconv>
#include <set>

#include "anomaly_exporter/api/handlers.h"
#include "anomaly_exporter/api/json_writer.h"

namespace anomaly_exporter::api {
namespace {

using exposition::MonitorSnapshot;
using incidents::Incident;
using incidents::Member;

constexpr std::size_t kMaxLimit = 10'000;
/// Members of an incident in a list; one incident alone shows all.
constexpr std::size_t kListedMembers = 20;

struct Filter {
  std::string monitor;
  bool open = true;
  bool resolved = false;
  std::size_t limit = 100;
};

core::Error bad_parameter(std::string_view name, std::string_view why) {
  return {core::ErrorCode::InvalidArgument,
          "invalid parameter \"" + std::string(name) + "\": " + std::string(why)};
}

core::Result<Filter> parse_filter(std::string_view query) {
  const auto parameters = parse_query(query);
  if (!parameters) return parameters.error();
  Filter filter;
  std::set<std::string_view> seen;
  for (const auto& [name, value] : *parameters) {
    if (!seen.insert(name).second) return bad_parameter(name, "given more than once");
    if (name == "monitor") {
      filter.monitor = value;
    } else if (name == "state") {
      if (value != "open" && value != "resolved" && value != "all") {
        return bad_parameter(name, "want open, resolved or all, not \"" + value + "\"");
      }
      filter.open = value != "resolved";
      filter.resolved = value != "open";
    } else if (name == "limit") {
      const char* end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, filter.limit, 10);
      if (error != std::errc() || stop != end || filter.limit == 0 || filter.limit > kMaxLimit) {
        return bad_parameter(name, "want a whole number from 1 to 10000, not \"" + value + "\"");
      }
    } else {
      return bad_parameter(name, "unknown; known are monitor, state, limit");
    }
  }
  return filter;
}

void write_labels(JsonWriter& json, const core::Labels& labels) {
  json.key("labels").begin_object();
  for (const core::Label& label : labels.items()) json.member(label.name, label.value);
  json.end_object();
}

void write_member(JsonWriter& json, const Member& member) {
  json.begin_object().member("metric", member.metric);
  write_labels(json, member.labels);
  json.member("severity", to_string(member.level))
      .member("score", member.score)
      .member("value", member.value)
      .key("expected");
  if (member.has_expected) {
    json.value(member.expected);
  } else {
    json.null();
  }
  json.member("opened", member.opened)
      .member("resolved", member.resolved)
      .member("correlation", member.correlation)
      .member("lag_ticks", static_cast<double>(member.lag))
      .end_object();
}

void write_incident(JsonWriter& json, const std::string& monitor, const Incident& incident,
                    std::size_t most_members) {
  json.begin_object()
      .member("id", incident.id)
      .member("monitor", monitor)
      .member("state", incident.is_open() ? "open" : "resolved");
  write_labels(json, incident.shared);
  json.member("cause", to_string(incident.cause))
      .member("severity", to_string(incident.level()))
      .member("opened", incident.opened)
      .member("newest", incident.newest)
      .member("resolved", incident.resolved)
      .member("open_members", std::uint64_t{incident.open_members()})
      .key("first");
  write_member(json, incident.members[incident.first]);
  json.key("members").begin_array();
  for (std::size_t i = 0; i < incident.members.size() && i < most_members; ++i) {
    write_member(json, incident.members[i]);
  }
  json.end_array().end_object();
}

/// An incident and the monitor it is of.
struct Found {
  const std::string* monitor;
  const Incident* incident;
};

/// The newest first, open ones before resolved ones.
std::vector<Found> find(const exposition::SnapshotStore::List& snapshots, const Filter& filter) {
  std::vector<Found> open, resolved;
  for (const auto& snapshot : snapshots) {
    if (!snapshot->incidents) continue;
    if (!filter.monitor.empty() && filter.monitor != snapshot->monitor) continue;
    for (const auto& incident : snapshot->incidents->open) {
      if (filter.open) open.push_back({&snapshot->monitor, &incident});
    }
    for (const auto& incident : snapshot->incidents->resolved) {
      if (filter.resolved) resolved.push_back({&snapshot->monitor, incident.get()});
    }
  }
  const auto is_newer = [](const Found& a, const Found& b) {
    return b.incident->opened < a.incident->opened;
  };
  std::stable_sort(open.begin(), open.end(), is_newer);
  std::stable_sort(resolved.begin(), resolved.end(), is_newer);
  open.insert(open.end(), resolved.begin(), resolved.end());
  return open;
}

}  // namespace

Response incidents_api(const HandlerContext& context, const Request& request) {
  const core::Result<Filter> filter = parse_filter(request.query);
  if (!filter) return Response::json(400, error_json("bad_data", filter.error().message));
  const exposition::SnapshotStore::List snapshots = context.snapshots->load();
  auto found = find(snapshots, *filter);
  const std::size_t matched = found.size();
  found.resize(std::min(matched, filter->limit));
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object()
                              .member("matched", std::uint64_t{matched})
                              .key("incidents")
                              .begin_array();
                          for (const auto& [monitor, incident] : found) {
                            write_incident(json, *monitor, *incident, kListedMembers);
                          }
                          json.end_array().end_object();
                        }));
}

Response incident_api(const HandlerContext& context, const Request& request) {
  const std::string id = request.path.substr(request.path.rfind('/') + 1);
  const exposition::SnapshotStore::List snapshots = context.snapshots->load();
  Filter all;
  all.resolved = true;
  for (const auto& [monitor, incident] : find(snapshots, all)) {
    if (incident->id != id) continue;
    return Response::json(
        200, success_json([&, monitor = monitor, incident = incident](JsonWriter& json) {
          write_incident(json, *monitor, *incident, incident->members.size());
        }));
  }
  return Response::json(404, error_json("not_found",
                                        "no incident with this id is known; "
                                        "/api/v1/incidents?state=all lists them"));
}

}  // namespace anomaly_exporter::api
