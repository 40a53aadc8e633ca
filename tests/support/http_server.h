#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::support {

/// A request as it came over the wire.
struct HttpAsked {
  std::string method;
  std::string target;  ///< as in the request line: a path, or a whole URL when asked as a proxy
  std::string head;    ///< request line and header lines, without the empty line
  std::string body;

  /// Value of the first header with this name (any case), or nothing.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
  /// Decoded value of a parameter of the query string or of the form body, or nothing.
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

/// What the server does with one request: sends bytes, then ends the exchange in some way.
struct ScriptedReply {
  enum class End {
    KeepOpen,  ///< read the next request of the connection
    Close,     ///< close in order
    Reset,     ///< drop the connection (TCP RST)
    Hang,      ///< send nothing more until the client goes away or the server is destroyed
  };

  std::string bytes{};   ///< the whole answer, status line included
  std::string filler{};  ///< sent `filler_times` after `bytes`: answers too big to hold
  std::uint64_t filler_times = 0;
  std::size_t piece_bytes = 0;  ///< when > 0: `bytes` go out in segments of this size
  End end = End::KeepOpen;

  ScriptedReply with_end(End e) && {
    end = e;
    return std::move(*this);
  }
  ScriptedReply in_pieces(std::size_t n) && {
    piece_bytes = n;
    return std::move(*this);
  }
};

/// A complete answer with Content-Length. `headers` are whole lines without CRLF.
ScriptedReply http_reply(int status, std::string_view body,
                         std::string_view content_type = "application/json",
                         const std::vector<std::string>& headers = {});
/// An answer that promises `content_length` bytes and sends only `sent`.
ScriptedReply http_reply_promising(std::uint64_t content_length, std::string_view sent);

/// A scripted HTTP/1.1 server for tests on 127.0.0.1 and a free port.
///
/// Threads: one that accepts, one per connection; the handler is called from these, possibly at the
/// same time. All members are safe for concurrent use. The destructor closes every connection.
class HttpServer {
 public:
  using Handler = std::function<ScriptedReply(const HttpAsked&)>;

  explicit HttpServer(Handler handler);
  /// The n-th request gets the n-th reply, later ones the last.
  explicit HttpServer(std::vector<ScriptedReply> script);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const;  ///< http://127.0.0.1:<port>
  [[nodiscard]] std::vector<HttpAsked> requests() const;
  [[nodiscard]] std::size_t connections() const { return connections_; }
  /// Blocks until `n` requests have been read.
  void wait_for_requests(std::size_t n) const;

 private:
  void accept_loop();
  void serve(int fd);
  bool send_all(int fd, std::string_view bytes) const;
  bool send_reply(int fd, const ScriptedReply& reply) const;
  std::optional<HttpAsked> read_request(int fd, std::string& buffer) const;
  bool wait_readable(int fd) const;

  Handler handler_;
  int listener_ = -1;
  int stop_event_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_{0};
  mutable core::Mutex mutex_;
  mutable std::condition_variable_any arrived_;
  std::vector<HttpAsked> asked_ AE_GUARDED_BY(mutex_);
  std::list<std::thread> workers_;  // of the accepting thread; joined after it has ended
  std::thread acceptor_;
};

/// A port of 127.0.0.1 on which nobody listens.
std::uint16_t closed_port();

}  // namespace anomaly_exporter::support
