#include "anomaly_exporter/api/router.h"

namespace anomaly_exporter::api {
namespace {

Response redirect(std::string to) {
  Response response = Response::text(302, "");
  response.headers.emplace_back("Location", std::move(to));
  return response;
}

/// A notification of Alertmanager with some thousand alerts fits.
constexpr std::size_t kMaxWebhookBytes = 4UL << 20;

bool is_read(const std::string& method) { return method == "GET" || method == "HEAD"; }
bool is_mutation(const std::string& method) { return method == "POST" || method == "PUT"; }

}  // namespace

Router::Router(const HandlerContext& context)
    : context_(context),
      prefix_(context.options->path_prefix()),
      routes_{
          {"/", "/", false, landing_page},
          {context.options->telemetry_path, "/metrics", false, metrics_page},
          {"/-/healthy", "/-/healthy", false, healthy_page},
          {"/-/ready", "/-/ready", false, ready_page},
          {"/-/reload", "/-/reload", true, reload_page},
          {"/api/v1/monitors", "/api/v1/monitors", false, monitors_api},
          {"/api/v1/scores", "/api/v1/scores", false, scores_api},
          {"/api/v1/incidents", "/api/v1/incidents", false, incidents_api},
          {"/api/v1/incidents/", "/api/v1/incidents/{id}", false, incident_api},
          {"/api/v1/notifications", "/api/v1/notifications", false, notifications_api},
          {"/api/v1/alertmanager/webhook", "/api/v1/alertmanager/webhook", true,
           alertmanager_webhook, kMaxWebhookBytes},
          {"/api/v1/status/config", "/api/v1/status/config", false, config_api},
          {"/api/v1/status/flags", "/api/v1/status/flags", false, flags_api},
          {"/api/v1/status/buildinfo", "/api/v1/status/buildinfo", false, buildinfo_api},
          {"/api/v1/status/runtimeinfo", "/api/v1/status/runtimeinfo", false, runtimeinfo_api},
      } {}

const Router::Route* Router::find(std::string_view path) const {
  if (!path.starts_with(prefix_)) return nullptr;
  path.remove_prefix(prefix_.size());
  for (const Route& route : routes_) {
    // A path that ends in a slash leads to one of several things, whose id follows.
    const bool is_family = route.path.size() > 1 && route.path.back() == '/';
    if (is_family ? path.starts_with(route.path) : path == route.path) return &route;
  }
  return nullptr;
}

std::size_t Router::body_limit(const Request& request) const {
  const Route* route = is_mutation(request.method) ? find(request.path) : nullptr;
  return route != nullptr ? route->body_limit : 0;
}

Router::Answer Router::answer(const Request& request) const {
  const std::string& path = request.path;
  if (!prefix_.empty() && is_read(request.method) && (path == "/" || path == prefix_)) {
    return {redirect(prefix_ + "/"), "other"};
  }
  const Route* route = find(path);
  if (route == nullptr) return {Response::text(404, "404 page not found\n"), "other"};
  if (route->is_mutation ? is_mutation(request.method) : is_read(request.method)) {
    return {route->handler(context_, request), route->pattern};
  }
  Response response = Response::text(405, "method not allowed\n");
  response.headers.emplace_back("Allow", route->is_mutation ? "POST, PUT" : "GET, HEAD");
  return {std::move(response), route->pattern};
}

}  // namespace anomaly_exporter::api
