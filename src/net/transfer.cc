#include "transfer.h"

#include <algorithm>
#include <ctime>

namespace anomaly_exporter::net {
namespace {

/// Body bytes kept of an answer that is not 2xx.
constexpr std::size_t kMaxErrorBody = 64 << 10;
constexpr core::Duration kMaxConnectTime = std::chrono::seconds(10);
/// A kept connection is not used beyond this age, so that a name which moved is looked up again
/// even when the old server still answers.
constexpr long kMaxConnectionAgeSeconds = 300;

constexpr bool is_success(long status) { return status >= 200 && status < 300; }

std::optional<core::Timestamp> date_header(CURL* easy) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  const std::time_t seconds = curl_getdate(header->value, nullptr);
  if (seconds < 0) return {};
  return core::Timestamp{static_cast<std::int64_t>(seconds) * 1000};
}

}  // namespace

/// Takes the body of the answer in progress.
struct Transfer::Receiver {
  CURL* easy;
  const BodySink* sink;
  std::uint64_t limit;
  std::atomic<std::uint64_t>* received_bytes;
  Attempt* attempt;
  std::uint64_t body_bytes = 0;
  long status = 0;

  bool refuse_large() {
    attempt->refused = core::Error{core::ErrorCode::Exhausted,
                                   "answer is larger than " + std::to_string(limit) + " bytes"};
    return false;
  }

  /// Looks at the status and the announced length before the first byte of the body.
  bool begin() {
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_off_t announced = -1;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (!is_success(status) || announced < 0) return true;
    if (static_cast<std::uint64_t>(announced) > limit) return refuse_large();
    if (!*sink) attempt->response.body.reserve(static_cast<std::size_t>(announced));
    return true;
  }

  /// False ends the transfer.
  bool take(std::string_view piece) {
    if (body_bytes == 0 && !begin()) return false;
    body_bytes += piece.size();
    *received_bytes += piece.size();
    std::string& body = attempt->response.body;
    if (!is_success(status)) {
      body.append(piece.substr(0, kMaxErrorBody - body.size()));
      return body.size() < kMaxErrorBody;  // enough to know what is wrong
    }
    if (body_bytes > limit) return refuse_large();
    if (!*sink) {
      body.append(piece);
      return true;
    }
    attempt->sink_called = true;
    if (auto taken = (*sink)(piece); !taken) {
      attempt->refused = taken.error();
      return false;
    }
    return true;
  }
};

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* receiver) {
  const std::string_view piece(data, size * count);
  return static_cast<Receiver*>(receiver)->take(piece) ? piece.size() : 0;
}

Transfer::Transfer(const HttpClientOptions& options, const Url& url)
    : options_(&options),
      multi_(curl_multi_init(), &curl_multi_cleanup),
      easy_(curl_easy_init(), &curl_easy_cleanup),
      headers_(nullptr, &curl_slist_free_all),
      connect_to_(nullptr, &curl_slist_free_all) {
  if (url.is_https() && !options.tls_config.server_name.empty()) {
    // The URL then names the certificate's host; this leads the connection to the real one.
    connect_to_.reset(curl_slist_append(nullptr, ("::" + url.host + ":" + url.port).c_str()));
  }
}

Transfer::~Transfer() = default;

void Transfer::prepare(const Exchange& exchange, Receiver& receiver) {
  CURL* easy = easy_.get();
  curl_easy_reset(easy);  // keeps connections, forgets the last request
  const auto set = [easy](CURLoption option, auto value) {
    (void)curl_easy_setopt(easy, option, value);
  };
  const auto set_path = [&](CURLoption option, const std::string& path) {
    if (!path.empty()) set(option, path.c_str());
  };

  set(CURLOPT_URL, exchange.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a stop does not wait for a resolver thread that hangs
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(error_buffer_));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(exchange.timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min(exchange.timeout, kMaxConnectTime).count()));
  set(CURLOPT_MAXLIFETIME_CONN, kMaxConnectionAgeSeconds);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE, 256L << 10);

  if (exchange.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (exchange.method != "GET") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_CUSTOMREQUEST, exchange.method.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange.body.size()));
    set(CURLOPT_POSTFIELDS, exchange.body.data());
  }
  headers_.reset();
  for (const std::string& line : exchange.header_lines) {
    headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
  }
  set(CURLOPT_HTTPHEADER, headers_.get());
  if (exchange.use_basic_auth) {
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_USERNAME, exchange.username.c_str());
    set(CURLOPT_PASSWORD, exchange.password.reveal().c_str());
  }

  // Empty strings, not nothing: the environment's proxy variables do not apply.
  set(CURLOPT_PROXY, options_->proxy_url.c_str());
  set(CURLOPT_NOPROXY, "");

  const TlsOptions& tls = options_->tls_config;
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, tls.insecure_skip_verify ? 0L : 1L);
  set(CURLOPT_SSL_VERIFYHOST, tls.insecure_skip_verify ? 0L : 2L);
  set_path(CURLOPT_CAINFO, tls.ca_file);
  // Beside the file libcurl would go on trusting the folder it was built with.
  if (!tls.ca_file.empty()) set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  set_path(CURLOPT_SSLCERT, tls.cert_file);
  set_path(CURLOPT_SSLKEY, tls.key_file);
  if (connect_to_) set(CURLOPT_CONNECT_TO, connect_to_.get());

  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&receiver));
}

Attempt Transfer::run(const Exchange& exchange, std::stop_token stop, const BodySink& sink,
                      std::atomic<std::uint64_t>& received_bytes) {
  Attempt attempt;
  Receiver receiver{easy_.get(), &sink, options_->response_bytes, &received_bytes, &attempt};
  prepare(exchange, receiver);
  error_buffer_[0] = '\0';
  curl_multi_add_handle(multi_.get(), easy_.get());
  attempt.code = CURLE_RECV_ERROR;
  attempt.stopped = stop.stop_requested();
  {
    const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi_.get()); });
    for (int running = 1; running > 0 && !attempt.stopped;) {
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
      if (running > 0) curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr);
      attempt.stopped = running > 0 && stop.stop_requested();
    }
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg == CURLMSG_DONE) attempt.code = message->data.result;
  }
  attempt.curl_text = error_buffer_[0] != '\0' ? error_buffer_ : curl_easy_strerror(attempt.code);

  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  attempt.response.status = static_cast<int>(status);
  char* text = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_TYPE, &text);
  if (text != nullptr) attempt.response.content_type = text;
  text = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &text);
  if (text != nullptr) attempt.redirect_url = text;
  curl_off_t retry_after_seconds = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &retry_after_seconds);
  attempt.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after_seconds, 0, 3600));
  attempt.date = date_header(easy_.get());
  curl_multi_remove_handle(multi_.get(), easy_.get());
  return attempt;
}

}  // namespace anomaly_exporter::net
