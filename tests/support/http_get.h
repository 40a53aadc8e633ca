#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace anomaly_exporter::support {

/// An HTTP response as it came over the wire. Status 0: no complete response came.
struct HttpReply {
  int status = 0;
  std::string head;  ///< status line and headers
  std::string body;

  /// Value of a header, empty when absent. Names are compared as our server writes them.
  [[nodiscard]] std::string header(std::string_view name) const {
    const std::string needle = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(needle);
    if (at == std::string::npos) return "";
    const std::size_t begin = at + needle.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

/// A TCP connection to "a.b.c.d:port" that shows exactly what is sent and received. Reads give up
/// after 30 s, so that a hanging server fails a test instead of the whole run.
///
/// Threads: one thread at a time.
class RawConnection {
 public:
  explicit RawConnection(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::uint16_t port = 0;
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
    to.sin_port = htons(port);
    const std::string host = colon == 0 ? "127.0.0.1" : address.substr(0, colon);
    inet_pton(AF_INET, host.c_str(), &to.sin_addr);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) close_now();
  }
  RawConnection(RawConnection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), rest_(std::move(other.rest_)) {}
  RawConnection& operator=(RawConnection&&) = delete;
  ~RawConnection() { close_now(); }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  /// False when the peer is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// The next response; `has_body` is false after a HEAD request.
  HttpReply reply(bool has_body = true) {
    HttpReply reply;
    std::size_t end = std::string::npos;
    while ((end = rest_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return {};
    }
    reply.head = rest_.substr(0, end + 2);
    rest_.erase(0, end + 4);
    const std::string length_text = reply.header("Content-Length");
    std::size_t length = 0;
    std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
    while (has_body && rest_.size() < length) {
      if (!receive()) return {};
    }
    if (has_body) {
      reply.body = rest_.substr(0, length);
      rest_.erase(0, length);
    }
    if (reply.head.size() > 12) {
      std::from_chars(reply.head.data() + 9, reply.head.data() + 12, reply.status);
    }
    return reply;
  }

  /// True when the peer closes the connection without sending anything more.
  bool is_closed_by_peer() { return rest_.empty() && !receive() && rest_.empty(); }

 private:
  bool receive() {
    char buffer[16384];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    rest_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  void close_now() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_ = -1;
  std::string rest_;  // received, not handed out yet
};

/// One request on a connection of its own. `headers` are whole lines with CR LF.
inline HttpReply http(const std::string& address, const std::string& method,
                      const std::string& target, const std::string& headers = "") {
  RawConnection connection(address);
  if (!connection.is_open()) return {};
  connection.send(method + " " + target + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" +
                  headers + "\r\n");
  return connection.reply(method != "HEAD");
}

inline HttpReply http_get(const std::string& address, const std::string& target,
                          const std::string& headers = "") {
  return http(address, "GET", target, headers);
}

}  // namespace anomaly_exporter::support
