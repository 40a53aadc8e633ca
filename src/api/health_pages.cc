#include "anomaly_exporter/api/handlers.h"

namespace anomaly_exporter::api {

Response healthy_page(const HandlerContext& /*context*/, const Request& /*request*/) {
  return Response::text(200, "anomaly_exporter is healthy.\n");
}

Response ready_page(const HandlerContext& context, const Request& /*request*/) {
  const exposition::SnapshotStore::List snapshots = context.snapshots->load();
  if (snapshots.empty()) {
    return Response::text(503, "not ready\nno monitor has been evaluated yet\n");
  }
  std::string missing;
  for (const auto& snapshot : snapshots) {
    if (snapshot->not_ready.empty()) continue;
    missing += snapshot->monitor + ": " + snapshot->not_ready + "\n";
  }
  if (!missing.empty()) return Response::text(503, "not ready\n" + missing);
  return Response::text(200, "anomaly_exporter is ready.\n");
}

Response reload_page(const HandlerContext& context, const Request& request) {
  if (!context.options->enable_lifecycle) {
    return Response::text(403,
                          "the lifecycle API is off; start with --web.enable-lifecycle, or send "
                          "SIGHUP to reload\n");
  }
  if (request.sec_fetch_site == "cross-site" || request.sec_fetch_site == "same-site") {
    return Response::text(403, "a reload cannot be asked for from another site\n");
  }
  if (!context.hooks->reload) return Response::text(500, "reload failed: nothing to reload\n");
  if (const core::Status status = context.hooks->reload(); !status) {
    return Response::text(500, "reload failed: " + status.error().message + "\n");
  }
  return Response::text(200, "");
}

}  // namespace anomaly_exporter::api
