#pragma once

#include "anomaly_exporter/api/hooks.h"
#include "anomaly_exporter/api/options.h"
#include "anomaly_exporter/api/page_buffers.h"
#include "anomaly_exporter/api/request.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::api {

/// What handlers work with. Borrows everything; the server owns or outlives it.
struct HandlerContext {
  const ServerOptions* options;
  const ServerHooks* hooks;
  const exposition::SnapshotStore* snapshots;
  const core::Clock* clock;
  PageBuffers* buffers;
};

// Every handler takes the list of snapshots once and works on it alone; none waits for an
// evaluation. They are pure functions of context and request, so tests call them without a socket.

/// The exposition page, in the format and encoding that the client asked for.
Response metrics_page(const HandlerContext& context, const Request& request);

/// Always 200: the process answers.
Response healthy_page(const HandlerContext& context, const Request& request);
/// 200, or 503 with one line per monitor saying what is missing.
Response ready_page(const HandlerContext& context, const Request& request);
/// 200 after a successful reload, 500 with its error, 403 without the lifecycle option or when a
/// browser sends it from another site.
Response reload_page(const HandlerContext& context, const Request& request);

/// Prometheus's status pages.
Response config_api(const HandlerContext& context, const Request& request);
Response flags_api(const HandlerContext& context, const Request& request);
Response buildinfo_api(const HandlerContext& context, const Request& request);
Response runtimeinfo_api(const HandlerContext& context, const Request& request);

/// State of every monitor and metric.
Response monitors_api(const HandlerContext& context, const Request& request);
/// Newest scores; parameters `monitor`, `metric`, `min_score`, `limit`.
Response scores_api(const HandlerContext& context, const Request& request);

/// Incidents; parameters `monitor`, `state` (open, resolved, all), `limit`.
Response incidents_api(const HandlerContext& context, const Request& request);
/// One incident by its id, the last part of the path.
Response incident_api(const HandlerContext& context, const Request& request);

/// Takes a notification of Alertmanager (webhook message, version 4): 200, 400 for what is none,
/// 403 when a browser sends it from another site, 404 while nobody listens.
Response alertmanager_webhook(const HandlerContext& context, const Request& request);
/// Open alerts, whether they were sent and notified, and the newest receipts.
Response notifications_api(const HandlerContext& context, const Request& request);

/// The page for people: why there is a score, or why there is none.
Response landing_page(const HandlerContext& context, const Request& request);

}  // namespace anomaly_exporter::api
