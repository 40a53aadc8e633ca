#include "anomaly_exporter/alerting/notification_log.h"
#include "anomaly_exporter/api/handlers.h"
#include "anomaly_exporter/api/json_writer.h"

namespace anomaly_exporter::api {
namespace {

void write_labels(JsonWriter& json, const core::Labels& labels) {
  json.key("labels").begin_object();
  for (const core::Label& label : labels.items()) json.member(label.name, label.value);
  json.end_object();
}

}  // namespace

Response alertmanager_webhook(const HandlerContext& context, const Request& request) {
  if (request.sec_fetch_site == "cross-site" || request.sec_fetch_site == "same-site") {
    return Response::text(403, "a notification cannot come from another site\n");
  }
  if (!context.hooks->notified) return Response::text(404, "nobody listens to notifications\n");
  const auto message = alerting::parse_webhook(request.body);
  if (!message) {
    return Response::json(400, error_json("bad_data", "webhook: " + message.error().message));
  }
  context.hooks->notified(*message);
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object()
                              .member("alerts", std::uint64_t{message->alerts.size()})
                              .member("malformed", std::uint64_t{message->malformed})
                              .end_object();
                        }));
}

Response notifications_api(const HandlerContext& context, const Request& /*request*/) {
  const auto all =
      context.hooks->notifications ? context.hooks->notifications() : ServerHooks::Notifications{};
  return Response::json(200, success_json([&](JsonWriter& json) {
                          json.begin_object().key("alerts").begin_array();
                          for (const alerting::OpenAlert& alert : all.open) {
                            json.begin_object();
                            write_labels(json, alert.labels);
                            json.member("startsAt", alert.starts_at)
                                .member("lastSent", alert.last_sent)
                                .member("notified", alert.notified)
                                .member("suppressed", to_string(alert.suppressed))
                                .end_object();
                          }
                          json.end_array().key("received").begin_array();
                          for (auto entry = all.received.rbegin(); entry != all.received.rend();
                               ++entry) {
                            json.begin_object();
                            write_labels(json, entry->labels);
                            json.member("receiver", entry->receiver)
                                .member("result", to_string(entry->receipt))
                                .member("received", entry->received)
                                .member("opened", entry->opened)
                                .end_object();
                          }
                          json.end_array().end_object();
                        }));
}

}  // namespace anomaly_exporter::api
