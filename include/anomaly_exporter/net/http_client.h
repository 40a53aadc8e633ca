#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/secret.h"

namespace anomaly_exporter::net {

/// A secret given inline or by file. A file is read on every use, so that a rotated token needs no
/// reload. At most one of the two is set.
struct SecretSource {
  core::Secret value{};
  std::string file{};

  [[nodiscard]] bool empty() const { return value.empty() && file.empty(); }
  /// The secret, without the trailing line feed of a file. Errors: Unavailable naming the file.
  [[nodiscard]] core::Result<core::Secret> read() const;
};

struct BasicAuthOptions {
  std::string username{};
  std::string username_file{};
  SecretSource password{};
};

struct AuthorizationOptions {
  std::string type = "Bearer";
  SecretSource credentials{};
};

struct TlsOptions {
  std::string ca_file{};
  std::string cert_file{};
  std::string key_file{};
  std::string server_name{};
  bool insecure_skip_verify = false;
};

/// The HTTP client block of Prometheus: same keys, same meaning.
struct HttpClientOptions {
  std::optional<BasicAuthOptions> basic_auth{};
  std::optional<AuthorizationOptions> authorization{};
  TlsOptions tls_config{};
  std::map<std::string, SecretSource> headers{};  ///< e.g. X-Scope-OrgID: a tenant
  std::string proxy_url{};
  bool follow_redirects = true;  ///< to another host only when no credentials or headers are set
  /// Whole request, connect to last byte. 1 ms to 1 h.
  core::Duration timeout = std::chrono::seconds(30);
  /// Largest body read. 1 KiB to 64 GiB.
  std::uint64_t response_bytes = 256ULL << 20;

  /// Errors: InvalidArgument: both auth methods, a header we set ourselves (Authorization, Host,
  /// Content-Length, ...), key without certificate, bad proxy URL.
  [[nodiscard]] core::Status validate() const;
};

struct HttpRequest {
  std::string method = "GET";
  std::string path{};  ///< below the base URL, with query string, percent-encoded
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::optional<core::Duration> timeout{};  ///< shorter than the client's, for one request
  std::vector<int> accept_status{};  ///< besides 2xx: returned as a response, not as an error
};

/// Called with each piece of a 2xx body as it arrives; an error ends the transfer and is returned.
using BodySink = std::function<core::Status(std::string_view piece)>;

struct HttpResponse {
  int status = 0;
  std::string content_type{};
  std::string body{};  ///< empty when a sink took it; first 64 KiB of a non-2xx answer otherwise
};

/// Counters of one client. Threads: relaxed atomics.
struct HttpClientStats {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> received_bytes{0};
};

struct RetryOptions {
  unsigned attempts = 3;                                        ///< in all; 1 = never again
  core::Duration first_delay = std::chrono::milliseconds(100);  ///< doubled each time
  core::Duration max_delay = std::chrono::seconds(5);
};

/// HTTP client for one base URL on libcurl with kept-alive connections.
///
/// Errors of perform: Unavailable (connect, DNS, reset, other HTTP 5xx, 429; a stop), Timeout,
/// Exhausted (body over `response_bytes`), InvalidArgument (HTTP 4xx, with the body's error text;
/// certificate trouble; a redirect not followed), Unsupported (501; 404, 405, 415 to a POST),
/// Corrupt (not HTTP), whatever the sink returned. Messages carry method, URL without user info,
/// status and the server's own words, never a secret. A connect error closes idle connections and
/// drops cached DNS answers, so that a moved server is found again. Only retryable errors are
/// retried, with exponential back-off and full jitter, and only while nothing of the body has
/// reached the sink; a longer `Retry-After` is honoured up to `max_delay`. Redirects keep method
/// and body (303 becomes a GET); with credentials or headers configured only those within the same
/// origin are followed. Never asks for compression: it costs Prometheus 6.6 times the processor
/// time of the plain answer. The environment's proxy variables do not apply. Threads: safe for
/// concurrent use; each call takes a handle from a pool.
class HttpClient {
 public:
  /// `base_url`: http or https, host, optional port and path prefix; user info is refused (use
  /// basic_auth). Errors: InvalidArgument.
  static core::Result<std::unique_ptr<HttpClient>> create(const std::string& base_url,
                                                          HttpClientOptions options,
                                                          RetryOptions retry,
                                                          const core::Clock& clock);
  ~HttpClient();

  core::Result<HttpResponse> perform(const HttpRequest& request, std::stop_token stop,
                                     const BodySink& sink = nullptr);

  /// The server's clock minus ours, to about a second, from the Date (RFC 9110 section 6.6.1) of
  /// the newest answer that came within two seconds; nothing before the first. Follows at once when
  /// our clock is set, because the date is kept against the monotonic clock.
  [[nodiscard]] std::optional<core::Duration> clock_skew() const;

  [[nodiscard]] const HttpClientStats& stats() const;
  [[nodiscard]] const std::string& base_url() const;

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Percent-encodes for a query string or form body (RFC 3986 unreserved characters stay).
std::string percent_encode(std::string_view text);

}  // namespace anomaly_exporter::net
