#include <filesystem>

#include "anomaly_exporter/api/handlers.h"
#include "anomaly_exporter/api/json_writer.h"
#include "anomaly_exporter/api/rows.h"
#include "anomaly_exporter/core/version.h"

namespace anomaly_exporter::api {

Response config_api(const HandlerContext& context, const Request& /*request*/) {
  const std::string yaml = context.hooks->config_text ? context.hooks->config_text() : "";
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object().member("yaml", yaml).end_object();
                        }));
}

Response flags_api(const HandlerContext& context, const Request& /*request*/) {
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object();
                          if (context.hooks->flags) {
                            for (const auto& [name, value] : context.hooks->flags()) {
                              json.member(name, value);
                            }
                          }
                          json.end_object();
                        }));
}

Response buildinfo_api(const HandlerContext& /*context*/, const Request& /*request*/) {
  return Response::json(200, success_json([](JsonWriter& json) {
                          json.begin_object()
                              .member("version", core::kVersion)
                              .member("revision", core::kRevision)
                              .member("branch", core::kBranch)
                              .member("compiler", core::kCompiler)
                              .end_object();
                        }));
}

Response runtimeinfo_api(const HandlerContext& context, const Request& /*request*/) {
  const ServerHooks::RuntimeInfo runtime =
      context.hooks->runtime ? context.hooks->runtime() : ServerHooks::RuntimeInfo{};
  std::error_code no_directory;
  const std::string directory = std::filesystem::current_path(no_directory).string();
  std::uint64_t series = 0;
  const exposition::SnapshotStore::List snapshots = context.snapshots->load();
  for (const auto& snapshot : snapshots) series += row_count(*snapshot);
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object()
                              .member("startTime", runtime.start_time)
                              .member("CWD", directory)
                              .member("reloadConfigSuccess", runtime.reload_successful)
                              .member("lastConfigTime", runtime.last_reload)
                              .member("monitorCount", std::uint64_t{snapshots.size()})
                              .member("seriesCount", series)
                              .end_object();
                        }));
}

}  // namespace anomaly_exporter::api
