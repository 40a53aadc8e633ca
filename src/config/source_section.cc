#include <set>

#include "sections.h"

namespace anomaly_exporter::config {
namespace {

using net::SecretSource;
using Http = net::HttpClientOptions;

/// A secret and its `*_file` twin: two keys of one mapping, of which at most one may be set.
template <class T, class Member>
Field<T> secret_value(std::string key, Member member, std::string text) {
  return custom<T>({std::move(key), "secret", "", "", std::move(text), "", false},
                   [member](const Cursor& at, T& out) {
                     if (auto value = read_secret(at)) {
                       std::invoke(member, out).value = core::Secret(std::move(*value));
                     }
                   });
}

template <class T, class Member>
Field<T> secret_file(std::string key, Member member, std::string text) {
  return custom<T>({std::move(key), "file", "", "", std::move(text), "", false},
                   [member](const Cursor& at, T& out) {
                     if (auto file = read_file_name(at)) {
                       std::invoke(member, out).file = std::move(*file);
                     }
                   });
}

void refuse_twins(const Cursor& at, const std::string& key) {
  if (at.find(key) && at.find(key + "_file")) {
    at.fail_at(key + "_file", "stands beside " + key + "; keep one of the two");
  }
}

}  // namespace

const Section<net::BasicAuthOptions>& basic_auth_section() {
  using Options = net::BasicAuthOptions;
  static const Section<Options> section{
      "sources[].basic_auth",
      "User name and password sent with every request.",
      {
          field<Options>("username", &Options::username, text(), "User name."),
          field<Options>("username_file", &Options::username_file, file_name(),
                         "File that holds it, read at every use."),
          secret_value<Options>("password", &Options::password, "Password."),
          secret_file<Options>("password_file", &Options::password,
                               "File that holds it, read at every use."),
      },
      [](const Cursor& at, const Options& options) {
        refuse_twins(at, "username");
        refuse_twins(at, "password");
        if (options.username.empty() && options.username_file.empty()) {
          at.fail_at("username", "missing key; write username or username_file");
        }
      }};
  return section;
}

const Section<net::AuthorizationOptions>& authorization_section() {
  using Options = net::AuthorizationOptions;
  static const Section<Options> section{
      "sources[].authorization",
      "An Authorization header sent with every request.",
      {
          field<Options>("type", &Options::type, text(), "Scheme."),
          secret_value<Options>("credentials", &Options::credentials, "Token."),
          secret_file<Options>("credentials_file", &Options::credentials,
                               "File that holds it, read at every use."),
      },
      [](const Cursor& at, const Options& options) {
        refuse_twins(at, "credentials");
        if (options.credentials.empty()) {
          at.fail_at("credentials", "missing key; write credentials or credentials_file");
        }
      }};
  return section;
}

const Section<net::TlsOptions>& tls_section() {
  using Options = net::TlsOptions;
  static const Section<Options> section{
      "sources[].tls_config",
      "TLS settings for an https URL.",
      {
          field<Options>("ca_file", &Options::ca_file, file_name(),
                         "Certificates of the authorities to trust instead of the system's."),
          field<Options>("cert_file", &Options::cert_file, file_name(), "Client certificate."),
          field<Options>("key_file", &Options::key_file, file_name(), "Its private key."),
          field<Options>("server_name", &Options::server_name, text(),
                         "Name expected in the server's certificate."),
          field<Options>("insecure_skip_verify", &Options::insecure_skip_verify, boolean(),
                         "Accept any certificate. For tests only."),
      },
      nullptr};
  return section;
}

/// `X-Name: {value: ...}` or `{file: ...}`.
const Section<SecretSource>& header_section() {
  static const auto self = [](SecretSource & source) -> auto& { return source; };
  static const Section<SecretSource> section{
      "sources[].headers.NAME",
      "A header written as a mapping; `NAME: text` is the short form of `NAME: {value: text}`.",
      {
          secret_value<SecretSource>("value", self, "Value of the header."),
          secret_file<SecretSource>("file", self, "File that holds it, read at every use."),
      },
      [](const Cursor& at, const SecretSource& source) {
        if (source.empty()) at.fail("has neither value nor file; write one of the two");
        if (at.find("value") && at.find("file")) {
          at.fail_at("file", "stands beside value; keep one of the two");
        }
      }};
  return section;
}

void decode_headers(const Cursor& at, Http& http) {
  at.for_each_entry([&](const std::string& header, const Cursor& value) {
    const std::size_t before = value.faults();
    Http alone;
    SecretSource& source = alone.headers[header];
    if (value.node().kind == YamlNode::Kind::Map) {
      decode_section(value, header_section(), source);
    } else if (auto text = read_secret(value)) {
      source.value = core::Secret(std::move(*text));
    }
    if (value.faults() != before) return;
    if (const core::Status status = alone.validate(); !status) {
      const std::string& message = status.error().message;
      const std::size_t skip = message.starts_with("headers: ") ? 9 : 0;
      value.fail(message.substr(skip));
      return;
    }
    http.headers[header] = source;
  });
}

/// A proxy URL may carry a password and is then shown as a secret.
void decode_proxy(const Cursor& at, Http& http) {
  if (at.node().text.find('@') != std::string::npos) at.node().is_secret = true;
  if (auto url = read_text(at)) http.proxy_url = std::move(*url);
}

namespace {

const Section<net::RetryOptions>& retry_section() {
  using Options = net::RetryOptions;
  static const DurationRange kDelayRange{std::chrono::milliseconds(1), std::chrono::minutes(10)};
  static const Section<Options> section{
      "sources[].retry",
      "Requests that time out or meet a server error are sent again, with random delays below a "
      "bound that doubles.",
      {
          field<Options>("attempts", &Options::attempts, count({1, 10}),
                         "Attempts in all; 1 never sends again."),
          field<Options>("first_delay", &Options::first_delay, duration(kDelayRange),
                         "Bound of the first delay."),
          field<Options>("max_delay", &Options::max_delay, duration(kDelayRange),
                         "Largest bound. At least first_delay."),
      },
      [](const Cursor& at, const Options& options) {
        if (options.max_delay < options.first_delay) {
          at.fail_at("max_delay", core::format_duration(options.max_delay) +
                                      " is shorter than first_delay (" +
                                      core::format_duration(options.first_delay) +
                                      "); make it at least as long");
        }
      }};
  return section;
}

/// Keys that say nothing to the source's type, and keys that it needs.
void check_source(const Cursor& at, const SourceDraft& source) {
  const bool is_csv = source.type == SourceType::Csv;
  const std::set<std::string> csv_keys{"name", "type", "path"};
  at.for_each_entry([&](const std::string& key, const Cursor& value) {
    if (is_csv && !csv_keys.contains(key)) {
      value.fail("belongs to sources of type prometheus; a csv source has name, type and path");
    } else if (!is_csv && key == "path") {
      value.fail("belongs to sources of type csv; a prometheus source has a url");
    }
  });
  if (is_csv) {
    if (source.path.empty()) at.fail_at("path", "missing key; a csv source needs it");
    return;
  }
  if (source.prometheus.url.empty()) {
    at.fail_at("url", "missing key; a prometheus source needs it, like http://localhost:9090");
    return;
  }
  if (const core::Status status = source.prometheus.validate(); !status) {
    const std::string& message = status.error().message;
    if (message.starts_with("URL")) {
      at.fail_at("url", message);
    } else {
      at.fail_within(message);
    }
  }
}

}  // namespace

const Section<SourceDraft>& source_section() {
  using Options = sources::PrometheusSourceOptions;
  static const auto prometheus = [](auto Options::*member) {
    return [member](SourceDraft & s) -> auto& { return s.prometheus.*member; };
  };
  static const auto http = [](auto Http::*member) {
    return [member](SourceDraft & s) -> auto& { return s.prometheus.http.*member; };
  };
  static const auto secrets_of = [](auto decode) {
    return [decode](const Cursor& at, SourceDraft& s) { decode(at, s.prometheus.http); };
  };
  static const Section<SourceDraft> section{
      "sources[]",
      "One server or set of files. The keys from `basic_auth` to `follow_redirects` mean what they "
      "mean in Prometheus.",
      {
          field<SourceDraft>("name", &SourceDraft::name, name(), "Name by which monitors call it.")
              .required(),
          field<SourceDraft>(
              "type", &SourceDraft::type,
              choice<SourceType>(
                  {{"prometheus", SourceType::Prometheus}, {"csv", SourceType::Csv}}),
              "`prometheus`: Prometheus and what speaks its query API. `csv`: files."),
          field<SourceDraft>("path", &SourceDraft::path, file_name(),
                             "Type csv only: a CSV file, or a directory of them."),
          field<SourceDraft>("url", prometheus(&Options::url), text(),
                             "Base URL, with a path prefix if there is one; without user and "
                             "password. Needed for type prometheus."),
          nested<SourceDraft>(
              "basic_auth", [](SourceDraft & s) -> auto& {
                auto& auth = s.prometheus.http.basic_auth;
                return auth ? *auth : auth.emplace();
              },
              basic_auth_section(), "User and password. Not together with authorization."),
          nested<SourceDraft>(
              "authorization", [](SourceDraft & s) -> auto& {
                auto& auth = s.prometheus.http.authorization;
                return auth ? *auth : auth.emplace();
              },
              authorization_section(), "Bearer token or the like."),
          nested<SourceDraft>("tls_config", http(&Http::tls_config), tls_section(),
                              "TLS settings."),
          custom<SourceDraft>(
              {"headers", "mapping of name to secret", "", "not a header that HTTP itself needs",
               "Further headers, such as a tenant: `X-Scope-OrgID: team-a`. Values are shown as "
               "`<secret>`.",
               header_section().title, false},
              secrets_of(decode_headers)),
          custom<SourceDraft>({"proxy_url", "text", "", "an http or https URL",
                               "Proxy for requests to this source.", "", false},
                              secrets_of(decode_proxy)),
          field<SourceDraft>("follow_redirects", http(&Http::follow_redirects), boolean(),
                             "Follow HTTP redirects."),
          field<SourceDraft>("timeout", http(&Http::timeout),
                             duration({std::chrono::milliseconds(1), std::chrono::hours(1)}),
                             "For one request, from connecting to the last byte."),
          field<SourceDraft>("response_bytes", http(&Http::response_bytes),
                             bytes({1 << 10, 64ULL << 30}), "Largest answer read.")
              .defaults_to("`limits.response_bytes`"),
          field<SourceDraft>("concurrency", prometheus(&Options::concurrency), count({1, 64}),
                             "Requests in flight to this server at once."),
          field<SourceDraft>("remote_read", prometheus(&Options::remote_read), boolean(),
                             "Use remote-read for selectors where that costs the server less. "
                             "Servers that refuse it are asked by the query API."),
          field<SourceDraft>("max_points", prometheus(&Options::max_points), count({2, 1'000'000}),
                             "The server's limit of points per series in one range query; longer "
                             "ranges are split."),
          field<SourceDraft>("max_samples", prometheus(&Options::max_samples),
                             count({1000, 10'000'000'000}),
                             "The server's limit of samples in one query."),
          field<SourceDraft>("lookback", prometheus(&Options::lookback),
                             duration({std::chrono::seconds(1), std::chrono::hours(24)}),
                             "How old a sample of a selector may be; as the server's "
                             "`--query.lookback-delta`."),
          nested<SourceDraft>("retry", prometheus(&Options::retry), retry_section(),
                              "Second attempts."),
      },
      check_source};
  return section;
}

std::vector<SectionDoc> source_section_docs() {
  return {doc_of(source_section()), doc_of(basic_auth_section()), doc_of(authorization_section()),
          doc_of(tls_section()),    doc_of(header_section()),     doc_of(retry_section())};
}

void decode_sources(const Cursor& at, FileDraft& draft) {
  if (at.exceeds(kMaxSources)) return;
  at.for_each_item([&](const Cursor& item) {
    SourceDraft source;
    source.prometheus.http.response_bytes = draft.config.limits.response_bytes;
    decode_section(item, source_section(), source);
    source.prometheus.name = source.name;
    for (const SourceConfig& earlier : draft.config.sources) {
      if (earlier.name == source.name && !source.name.empty()) {
        item.fail_at("name", in_quotes(source.name) +
                                 " is already the name of another source; give each its own");
      }
    }
    if (source.type == SourceType::Csv) {
      draft.config.sources.push_back(
          {source.name, sources::CsvSourceOptions{source.name, source.path}});
    } else {
      draft.config.sources.push_back({source.name, source.prometheus});
    }
  });
}

}  // namespace anomaly_exporter::config
