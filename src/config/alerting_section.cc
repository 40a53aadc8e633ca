#include <limits>

#include "sections.h"

namespace anomaly_exporter::config {
namespace {

using alerting::AlertingOptions;
using alerting::AlertmanagerOptions;
using alerting::SilenceOptions;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kMaxExternalLabels = 32;

const Section<AlertmanagerOptions>& alertmanager_section() {
  using Http = net::HttpClientOptions;
  static const auto http = [](auto Http::*member) {
    return [member](AlertmanagerOptions & a) -> auto& { return a.http.*member; };
  };
  static const Section<AlertmanagerOptions> section{
      "alerting.alertmanagers[]",
      "One Alertmanager. The keys from `basic_auth` on mean what they mean under `sources`.",
      {
          field<AlertmanagerOptions>(
              "url", &AlertmanagerOptions::url, text(),
              "Base URL, with a path prefix if there is one, without `/api/v2`; without user and "
              "password.")
              .required(),
          nested<AlertmanagerOptions>(
              "basic_auth", [](AlertmanagerOptions & a) -> auto& {
                auto& auth = a.http.basic_auth;
                return auth ? *auth : auth.emplace();
              },
              basic_auth_section(), "User and password. Not together with authorization."),
          nested<AlertmanagerOptions>(
              "authorization", [](AlertmanagerOptions & a) -> auto& {
                auto& auth = a.http.authorization;
                return auth ? *auth : auth.emplace();
              },
              authorization_section(), "Bearer token or the like."),
          nested<AlertmanagerOptions>("tls_config", http(&Http::tls_config), tls_section(),
                                      "TLS settings."),
          custom<AlertmanagerOptions>(
              {"headers", "mapping of name to secret", "", "not a header that HTTP itself needs",
               "Further headers. Values are shown as `<secret>`.", header_section().title, false},
              [](const Cursor& at, AlertmanagerOptions& a) { decode_headers(at, a.http); }),
          custom<AlertmanagerOptions>(
              {"proxy_url", "text", "", "an http or https URL", "Proxy for requests to it.", "",
               false},
              [](const Cursor& at, AlertmanagerOptions& a) { decode_proxy(at, a.http); }),
          field<AlertmanagerOptions>("follow_redirects", http(&Http::follow_redirects), boolean(),
                                     "Follow HTTP redirects."),
      },
      [](const Cursor& at, const AlertmanagerOptions& a) {
        // Whoever makes the client sees the same; here the line is known.
        const bool is_http = a.url.starts_with("http://") || a.url.starts_with("https://");
        const bool may_hold_secret = a.url.find('@') != std::string::npos;
        if (!is_http || may_hold_secret) {
          at.fail_at("url", (may_hold_secret ? "it" : in_quotes(a.url)) +
                                " is not the URL of an Alertmanager; write it like "
                                "http://localhost:9093, without user and password");
        }
        if (const auto status = a.http.validate(); !status) {
          at.fail_within(status.error().message);
        }
      }};
  return section;
}

void decode_alertmanagers(const Cursor& at, AlertingOptions& out) {
  if (at.exceeds(AlertingOptions::kMaxAlertmanagers)) return;
  at.for_each_item([&](const Cursor& item) {
    AlertmanagerOptions one;
    decode_section(item, alertmanager_section(), one);
    while (one.url.ends_with('/')) one.url.pop_back();
    out.alertmanagers.push_back(std::move(one));
  });
}

void decode_external_labels(const Cursor& at, AlertingOptions& out) {
  if (at.exceeds(kMaxExternalLabels)) return;
  at.for_each_entry([&](const std::string& name, const Cursor& value) {
    if (auto text = read_text(value)) out.external_labels[name] = std::move(*text);
  });
}

const Section<SilenceOptions>& silences_section() {
  static const Section<SilenceOptions> section{
      "alerting.silences",
      "What silences of the Alertmanagers do here. They are read in both modes.",
      {
          field<SilenceOptions>("poll", &SilenceOptions::poll,
                                duration({core::Duration(0), hours(1)}),
                                "Time between two looks at the silences; 0s never looks."),
          field<SilenceOptions>("gate_alerts", &SilenceOptions::gate_alerts, boolean(),
                                "Mode push: a silenced series opens no alert. What is open already "
                                "goes on; Alertmanager mutes it."),
          field<SilenceOptions>("gate_learning", &SilenceOptions::gate_learning, boolean(),
                                "A silenced series does not teach profiles and calibration, and "
                                "detectors only where they would run out of values."),
      },
      nullptr};
  return section;
}

}  // namespace

const Section<AlertingOptions>& alerting_section() {
  static const Section<AlertingOptions> section{
      "alerting",
      "Who turns anomalies into alerts: Prometheus by the shipped rules, or the exporter itself. "
      "Never both. See [push.md](push.md).",
      {
          field<AlertingOptions>(
              "mode", &AlertingOptions::mode,
              choice<alerting::Mode>(
                  {{"rules", alerting::Mode::Rules}, {"push", alerting::Mode::Push}}),
              "`rules`: nothing is sent; Prometheus alerts by `rules/`. `push`: alerts go straight "
              "to the Alertmanagers, and those rules must not be loaded."),
          custom<AlertingOptions>(
              {"alertmanagers", "list of mappings", "",
               "at most " + std::to_string(AlertingOptions::kMaxAlertmanagers),
               "Where alerts go and silences come from: every member of a cluster, without a load "
               "balancer between. Needed for mode push.",
               alertmanager_section().title, false},
              decode_alertmanagers),
          field<AlertingOptions>("resend_delay", &AlertingOptions::resend_delay,
                                 duration({seconds(1), hours(1)}),
                                 "A firing alert is sent again before this is over. It ends at "
                                 "Alertmanager by itself after four times this, or four "
                                 "intervals of its monitor if that is longer."),
          field<AlertingOptions>("resolve_for", &AlertingOptions::resolve_for,
                                 duration({seconds(1), hours(24)}),
                                 "A resolved alert is sent again for so long."),
          field<AlertingOptions>("hold", &AlertingOptions::hold,
                                 duration({core::Duration(0), hours(24 * 7)}),
                                 "An alert whose series is not judged, because the source is down "
                                 "or the exporter was restarted, is kept firing for so long."),
          field<AlertingOptions>("missing_for", &AlertingOptions::missing_for,
                                 duration({core::Duration(0), hours(24)}),
                                 "In push mode samples of an entity stay away for so long before "
                                 "AnomalySeriesMissing is sent."),
          field<AlertingOptions>("timeout", &AlertingOptions::timeout,
                                 duration({milliseconds(10), minutes(5)}),
                                 "For one request to an Alertmanager."),
          field<AlertingOptions>("queue_limit", &AlertingOptions::queue_limit,
                                 count({1, 1'000'000}),
                                 "Alerts waiting for one Alertmanager; beyond it the oldest goes."),
          field<AlertingOptions>("open_limit", &AlertingOptions::open_limit, count({1, 1'000'000}),
                                 "Alerts open at once; further anomalies open none, counted."),
          field<AlertingOptions>("batch", &AlertingOptions::batch, count({1, 10'000}),
                                 "Alerts in one request."),
          field<AlertingOptions>("throttle", &AlertingOptions::throttle,
                                 duration({core::Duration(0), hours(24)}),
                                 "After an alert has opened, no other of the same monitor, metric "
                                 "and severity opens for so long; those that begin at the same "
                                 "tick open together. 0s is off."),
          custom<AlertingOptions>(
              {"external_labels", "mapping of name to text", "",
               "at most " + std::to_string(kMaxExternalLabels) +
                   "; not alertname, severity, monitor, metric, scope",
               "Added to every alert. Equal on both exporters of a pair, or Alertmanager takes "
               "their alerts for different ones.",
               "", false},
              decode_external_labels),
          field<AlertingOptions>("runbook_url", &AlertingOptions::runbook_url, text(),
                                 "Annotation of that name. `{alertname}`, `{metric}` and every "
                                 "other label in braces stand for the alert's value."),
          field<AlertingOptions>("dashboard_url", &AlertingOptions::dashboard_url, text(),
                                 "Annotation of that name, the same way."),
          nested<AlertingOptions>("silences", &AlertingOptions::silences, silences_section(),
                                  "Silences of the Alertmanagers."),
      },
      check_by_validate<AlertingOptions>};
  return section;
}

std::vector<SectionDoc> alerting_section_docs() {
  return {doc_of(alerting_section()), doc_of(alertmanager_section()), doc_of(silences_section())};
}

}  // namespace anomaly_exporter::config
