#include "anomaly_exporter/net/http_client.h"

#include <curl/curl.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <utility>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/core/version.h"
#include "anomaly_exporter/net/error_text.h"
#include "transfer.h"
#include "url.h"

namespace anomaly_exporter::net {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::size_t kMaxIdle = 64;
constexpr int kMaxRedirects = 10;
/// Longest URL shown in a message.
constexpr std::size_t kMaxShownUrl = 300;

/// Holds libcurl's reference-counted global state (thread-safe since curl 7.84).
struct CurlGlobal {
  CurlGlobal() { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~CurlGlobal() { curl_global_cleanup(); }
  CurlGlobal(const CurlGlobal&) = delete;
  CurlGlobal& operator=(const CurlGlobal&) = delete;
};

constexpr bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// True when the server was not reached or the connection broke: its address may have changed.
bool is_connection_failure(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return true;
    default:
      return false;
  }
}

ErrorCode error_code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorCode::Timeout;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
      return ErrorCode::InvalidArgument;
    case CURLE_WEIRD_SERVER_REPLY:
      return ErrorCode::Corrupt;
    default:
      return ErrorCode::Unavailable;
  }
}

ErrorCode error_code_of_status(int status, const std::string& method) {
  const bool is_refused = status == 404 || status == 405 || status == 415;
  if (status == 501 || (method == "POST" && is_refused)) return ErrorCode::Unsupported;
  if (status >= 500 || status == 429) return ErrorCode::Unavailable;
  return ErrorCode::InvalidArgument;
}

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::min();
constexpr core::Duration kLongestForDate = std::chrono::seconds(2);
constexpr core::Duration kHalfOfCut = std::chrono::milliseconds(500);  // Date has whole seconds

std::int64_t milliseconds(const core::Clock& clock) {
  return std::chrono::floor<core::Duration>(clock.monotonic()).count();
}

/// A TLS file that cannot be read is found at start, not at the first request.
core::Status check_readable(const char* key, const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return {};
  return Error{ErrorCode::InvalidArgument,
               std::string("tls_config.") + key + ": cannot read " + path};
}

}  // namespace

struct HttpClient::Impl {
  Impl(Url base_url, std::string text, HttpClientOptions http, RetryOptions again,
       const core::Clock& time)
      : base(std::move(base_url)),
        base_text(std::move(text)),
        options(std::move(http)),
        retry(again),
        clock(&time),
        rng(static_cast<std::uint64_t>(time.monotonic().count())) {}

  CurlGlobal curl;  // before every handle
  const Url base;
  const std::string base_text;
  const HttpClientOptions options;
  const RetryOptions retry;
  const core::Clock* clock;  // borrowed, outlives the client
  HttpClientStats stats;
  std::atomic<std::int64_t> server_minus_monotonic_ms{kUnknown};

  core::Mutex mutex;
  core::Rng rng AE_GUARDED_BY(mutex);
  std::uint64_t generation AE_GUARDED_BY(mutex) = 0;
  std::vector<std::unique_ptr<Transfer>> idle AE_GUARDED_BY(mutex);

  /// Origin under which requests are made: the certificate's name when one is configured.
  [[nodiscard]] std::string origin() const {
    const std::string& name = options.tls_config.server_name;
    if (!base.is_https() || name.empty()) return base.origin();
    return base.scheme + "://" + name + ":" + base.port;
  }

  [[nodiscard]] bool has_secrets() const {
    return options.basic_auth || options.authorization || !options.headers.empty();
  }

  std::pair<std::unique_ptr<Transfer>, std::uint64_t> take() {
    const core::MutexLock lock(mutex);
    if (idle.empty()) return {nullptr, generation};
    auto transfer = std::move(idle.back());
    idle.pop_back();
    return {std::move(transfer), generation};
  }

  void give_back(std::unique_ptr<Transfer> transfer, std::uint64_t taken_in) {
    const core::MutexLock lock(mutex);
    if (taken_in == generation && idle.size() < kMaxIdle) idle.push_back(std::move(transfer));
  }

  /// Drops idle connections and, with their handles, what they remember of DNS.
  void forget_connections() {
    std::vector<std::unique_ptr<Transfer>> dropped;
    const core::MutexLock lock(mutex);
    ++generation;
    dropped.swap(idle);
  }

  core::Duration jittered_delay(unsigned attempt) {
    const core::MutexLock lock(mutex);
    const double ceiling = std::min(static_cast<double>(retry.max_delay.count()),
                                    static_cast<double>(retry.first_delay.count()) *
                                        static_cast<double>(1ULL << std::min(attempt, 30U)));
    return core::Duration(static_cast<core::Duration::rep>(ceiling * rng.uniform()));
  }

  Result<Exchange> make_exchange(const HttpRequest& request) const;
  Attempt follow(Exchange exchange, const std::stop_token& stop, const BodySink& sink);
  Result<HttpResponse> judge(const HttpRequest& request, Attempt attempt) const;
  Result<HttpResponse> perform(const HttpRequest& request, const std::stop_token& stop,
                               const BodySink& sink);
};

/// Reads the secrets, so that a rotated file counts from the next request on.
Result<Exchange> HttpClient::Impl::make_exchange(const HttpRequest& request) const {
  const bool plain = std::all_of(request.path.begin(), request.path.end(),
                                 [](char c) { return c > ' ' && c != 0x7f; });
  if (!plain || !(request.path.empty() || request.path.starts_with('/'))) {
    return Error{ErrorCode::InvalidArgument, "path must begin with / and be percent-encoded"};
  }
  Exchange exchange;
  exchange.url = origin() + base.path + request.path;
  exchange.method = request.method;
  exchange.body = request.body;
  exchange.timeout = std::min(options.timeout, request.timeout.value_or(options.timeout));
  auto& lines = exchange.header_lines;
  lines = {std::string("User-Agent: anomaly_exporter/") + core::kVersion, "Expect:"};
  if (origin() != base.origin()) lines.push_back("Host: " + base.host + ":" + base.port);
  for (const auto& [name, value] : request.headers) lines.push_back(name + ": " + value);
  for (const auto& [name, source] : options.headers) {
    const auto value = source.read();
    if (!value) return value.error().within("headers." + name);
    lines.push_back(name + ": " + value->reveal());
  }
  if (options.authorization) {
    const auto value = options.authorization->credentials.read();
    if (!value) return value.error().within("authorization");
    lines.push_back("Authorization: " + options.authorization->type + " " + value->reveal());
  }
  if (options.basic_auth) {
    const BasicAuthOptions& auth = *options.basic_auth;
    const auto username = SecretSource{core::Secret(auth.username), auth.username_file}.read();
    if (!username) return username.error().within("basic_auth.username");
    auto password = auth.password.read();
    if (!password) return password.error().within("basic_auth.password");
    exchange.username = username->reveal();
    exchange.password = std::move(*password);
    exchange.use_basic_auth = true;
  }
  return exchange;
}

/// One attempt, redirects included. Method and body stay, except that 303 asks for a GET. With
/// credentials or own headers only redirects within the origin are followed: they must not travel.
Attempt HttpClient::Impl::follow(Exchange exchange, const std::stop_token& stop,
                                 const BodySink& sink) {
  auto [transfer, generation_taken] = take();
  if (!transfer) transfer = std::make_unique<Transfer>(options, base);
  Attempt attempt;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    ++stats.requests;
    attempt = transfer->run(exchange, stop, sink, stats.received_bytes);
    const bool redirected = attempt.code == CURLE_OK && is_redirect(attempt.response.status) &&
                            !attempt.redirect_url.empty();
    if (!redirected || !options.follow_redirects) break;
    std::string next = attempt.redirect_url;
    if (next.starts_with(base.origin() + "/")) next.replace(0, base.origin().size(), origin());
    const auto target = parse_url(next);
    if (!target || (has_secrets() && target->origin() != origin()) || hop == kMaxRedirects) break;
    if (attempt.response.status == 303) {
      exchange.method = "GET";
      exchange.body = {};
    }
    exchange.url = std::move(next);
  }
  const bool broken = attempt.stopped || attempt.code != CURLE_OK;
  if (!broken) {
    give_back(std::move(transfer), generation_taken);
  } else if (is_connection_failure(attempt.code) && !attempt.stopped) {
    forget_connections();
  }
  return attempt;
}

/// Turns what happened into a response or an error without its context.
Result<HttpResponse> HttpClient::Impl::judge(const HttpRequest& request, Attempt attempt) const {
  if (attempt.stopped) return Error{ErrorCode::Unavailable, "stopped"};
  if (attempt.refused) return *attempt.refused;
  const int status = attempt.response.status;
  const bool success = status >= 200 && status < 300;
  const bool cut_short = attempt.code == CURLE_WRITE_ERROR && !success;  // enough of an error page
  if (attempt.code != CURLE_OK && !cut_short) {
    Error error{error_code_of(attempt.code), printable(attempt.curl_text)};
    const TlsOptions& tls = options.tls_config;
    if (attempt.code == CURLE_SSL_CACERT_BADFILE) error = error.within("ca_file " + tls.ca_file);
    if (attempt.code == CURLE_SSL_CERTPROBLEM) {
      error = error.within("cert_file " + tls.cert_file + ", key_file " + tls.key_file);
    }
    return error;
  }
  const auto& accepted = request.accept_status;
  if (success || std::find(accepted.begin(), accepted.end(), status) != accepted.end()) {
    return std::move(attempt.response);
  }
  const std::string words = is_redirect(status)
                                ? "redirect to " + printable(attempt.redirect_url) + " not followed"
                                : error_text(attempt.response.body);
  return Error{error_code_of_status(status, request.method),
               "HTTP " + std::to_string(status) + ": " + words};
}

Result<HttpResponse> HttpClient::Impl::perform(const HttpRequest& request,
                                               const std::stop_token& stop, const BodySink& sink) {
  for (unsigned tried = 0;; ++tried) {
    auto exchange = make_exchange(request);
    if (!exchange) return exchange.error();
    const std::int64_t begin = milliseconds(*clock);
    Attempt attempt = follow(std::move(*exchange), stop, sink);
    const std::int64_t end = milliseconds(*clock);
    // A body that takes long came long after its Date was written.
    if (attempt.date && end - begin <= kLongestForDate.count()) {
      server_minus_monotonic_ms = attempt.date->ms - end;
    }
    const bool untouched = !attempt.sink_called;
    const core::Duration asked = std::min(attempt.retry_after, retry.max_delay);
    auto result = judge(request, std::move(attempt));
    if (result || !result.error().is_retryable() || !untouched || tried + 1 >= retry.attempts ||
        !clock->wait_for(std::max(asked, jittered_delay(tried)), stop) || stop.stop_requested()) {
      return result;
    }
    ++stats.retries;
  }
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(const std::string& base_url,
                                                       HttpClientOptions options,
                                                       RetryOptions retry,
                                                       const core::Clock& clock) {
  auto url = parse_url(base_url);
  if (!url) return url.error();
  if (url->path.find('?') != std::string::npos) {
    return Error{ErrorCode::InvalidArgument, "URL \"" + base_url + "\": has a query string"};
  }
  if (auto status = options.validate(); !status) return status.error();
  const TlsOptions& tls = options.tls_config;
  for (const auto& [key, path] :
       {std::pair{"ca_file", tls.ca_file}, std::pair{"cert_file", tls.cert_file},
        std::pair{"key_file", tls.key_file}}) {
    if (auto status = check_readable(key, path); !status) return status.error();
  }
  std::string shown = base_url;
  while (shown.ends_with('/')) shown.pop_back();
  return std::unique_ptr<HttpClient>(new HttpClient(
      std::make_unique<Impl>(std::move(*url), std::move(shown), std::move(options), retry, clock)));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::perform(const HttpRequest& request, std::stop_token stop,
                                         const BodySink& sink) {
  auto result = impl_->perform(request, stop, sink);
  if (result) return result;
  ++impl_->stats.failures;
  return result.error().within(request.method + " " +
                               printable(impl_->base_text + request.path, kMaxShownUrl));
}

std::optional<core::Duration> HttpClient::clock_skew() const {
  const std::int64_t known = impl_->server_minus_monotonic_ms;
  if (known == kUnknown) return {};
  const core::Clock& clock = *impl_->clock;
  return core::Duration(known + milliseconds(clock) - clock.now().ms) + kHalfOfCut;
}

const HttpClientStats& HttpClient::stats() const { return impl_->stats; }
const std::string& HttpClient::base_url() const { return impl_->base_text; }

}  // namespace anomaly_exporter::net
