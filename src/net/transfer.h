#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/net/http_client.h"
#include "url.h"

namespace anomaly_exporter::net {

/// One exchange as it goes to the wire: absolute URL, secrets filled in.
struct Exchange {
  std::string url;
  std::string method;
  std::vector<std::string> header_lines;
  std::string_view body;
  std::string username;
  core::Secret password;
  bool use_basic_auth = false;
  core::Duration timeout{0};
};

/// What came of one exchange, not yet judged.
struct Attempt {
  CURLcode code = CURLE_OK;
  std::string curl_text;  ///< curl's explanation of `code`
  HttpResponse response;
  std::string redirect_url;             ///< absolute target of a 3xx answer, or empty
  core::Duration retry_after{0};        ///< as asked for by the server, or 0
  std::optional<core::Timestamp> date;  ///< of the server's clock, cut to whole seconds
  bool sink_called = false;
  bool stopped = false;
  std::optional<core::Error> refused;  ///< the sink's error, or a body over the limit
};

/// One easy handle inside a multi handle of its own.
///
/// Why a multi handle each: it owns the connection and DNS caches, so that destroying a Transfer
/// forgets both, and curl_multi_wakeup ends a wait at once when a stop is requested.
/// Threads: one at a time.
class Transfer {
 public:
  /// Borrows `options` for its lifetime. `url`: the base URL of every exchange.
  Transfer(const HttpClientOptions& options, const Url& url);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// `received_bytes` grows as the body arrives.
  Attempt run(const Exchange& exchange, std::stop_token stop, const BodySink& sink,
              std::atomic<std::uint64_t>& received_bytes);

 private:
  struct Receiver;
  void prepare(const Exchange& exchange, Receiver& receiver);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* receiver);

  using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
  using Multi = std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)>;
  using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

  const HttpClientOptions* options_;
  Multi multi_;  // outlives the easy handle
  Easy easy_;
  List headers_;
  List connect_to_;
  char error_buffer_[CURL_ERROR_SIZE] = {};
};

}  // namespace anomaly_exporter::net
