#include "loopback_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace anomaly_exporter::tools {

namespace {

constexpr std::size_t kBufferBytes = 1U << 20;

core::Error gone(const std::string& what) { return {core::ErrorCode::Unavailable, what}; }

}  // namespace

core::Result<LoopbackClient> LoopbackClient::connect(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  const char* end = address.data() + address.size();
  if (colon == std::string::npos ||
      std::from_chars(address.data() + colon + 1, end, port).ptr != end) {
    return core::Error{core::ErrorCode::InvalidArgument, "no port in \"" + address + "\""};
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  LoopbackClient client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(client.socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(client.socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    return gone("cannot connect to " + address);
  }
  return client;
}

LoopbackClient::LoopbackClient(int socket) : socket_(socket), buffer_(kBufferBytes) {}

LoopbackClient::LoopbackClient(LoopbackClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

LoopbackClient::~LoopbackClient() {
  if (socket_ >= 0) close(socket_);
}

core::Result<std::size_t> LoopbackClient::count_lines(const std::string& path) {
  std::size_t lines = 0;
  if (auto length = get(path, &lines); !length.ok()) return length.error();
  return lines;
}

core::Result<std::size_t> LoopbackClient::fetch(const std::string& path) {
  return get(path, nullptr);
}

core::Result<std::size_t> LoopbackClient::get(const std::string& path, std::size_t* lines) {
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return gone("the connection is closed");
  }
  std::size_t held = 0;
  std::size_t head = std::string_view::npos;
  while (head == std::string_view::npos) {
    const ssize_t n = recv(socket_, buffer_.data() + held, buffer_.size() - held, 0);
    if (n <= 0) return gone("the connection ended within the head");
    held += static_cast<std::size_t>(n);
    head = std::string_view(buffer_.data(), held).find("\r\n\r\n");
  }
  const std::string_view text(buffer_.data(), head);
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t at = text.find(kLength);
  if (!text.starts_with("HTTP/1.1 200") || at == std::string_view::npos) {
    return core::Error{core::ErrorCode::Corrupt, "unexpected head: " + std::string(text)};
  }
  std::size_t length = 0;
  std::from_chars(text.data() + at + kLength.size(), text.data() + text.size(), length);

  const char* piece = buffer_.data() + head + 4;
  std::size_t piece_bytes = held - head - 4;
  for (std::size_t left = length;;) {
    if (lines != nullptr) {
      *lines += static_cast<std::size_t>(std::count(piece, piece + piece_bytes, '\n'));
    }
    left -= std::min(left, piece_bytes);
    if (left == 0) return length;
    const ssize_t n = recv(socket_, buffer_.data(), std::min(left, buffer_.size()), 0);
    if (n <= 0) return gone("the connection ended within the body");
    piece = buffer_.data();
    piece_bytes = static_cast<std::size_t>(n);
  }
}

}  // namespace anomaly_exporter::tools
