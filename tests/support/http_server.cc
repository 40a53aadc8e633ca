#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace anomaly_exporter::support {
namespace {

/// A socket bound to a free port of 127.0.0.1, and that port.
std::pair<int, std::uint16_t> bound_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("cannot bind a loopback port");
  }
  return {fd, ntohs(address.sin_port)};
}

std::string form_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      unsigned byte = 0;
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::optional<std::string> form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (form_decoded(pair.substr(0, equals)) != name) continue;
    return equals == std::string_view::npos ? "" : form_decoded(pair.substr(equals + 1));
  }
  return std::nullopt;
}

HttpServer::Handler scripted(std::vector<ScriptedReply> script) {
  auto next = std::make_shared<std::atomic<std::size_t>>(0);
  return [script = std::move(script), next](const HttpAsked&) {
    return script.at(std::min(next->fetch_add(1), script.size() - 1));
  };
}

}  // namespace

std::optional<std::string> HttpAsked::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        strncasecmp(line.data(), name.data(), name.size()) != 0) {
      continue;
    }
    std::string_view value = line.substr(name.size() + 1);
    value.remove_prefix(std::min(value.size(), value.find_first_not_of(' ')));
    return std::string(value);
  }
  return std::nullopt;
}

std::optional<std::string> HttpAsked::parameter(std::string_view name) const {
  const std::size_t question = target.find('?');
  if (question != std::string::npos) {
    if (auto value = form_value(std::string_view(target).substr(question + 1), name)) return value;
  }
  return form_value(body, name);
}

ScriptedReply http_reply(int status, std::string_view body, std::string_view content_type,
                         const std::vector<std::string>& headers) {
  ScriptedReply reply;
  reply.bytes = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Type: ";
  reply.bytes += content_type;
  reply.bytes += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  for (const std::string& line : headers) reply.bytes += line + "\r\n";
  reply.bytes += "\r\n";
  reply.bytes += body;
  return reply;
}

ScriptedReply http_reply_promising(std::uint64_t content_length, std::string_view sent) {
  ScriptedReply reply;
  reply.bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(content_length) + "\r\n\r\n";
  reply.bytes += sent;
  return reply;
}

HttpServer::HttpServer(std::vector<ScriptedReply> script)
    : HttpServer(scripted(std::move(script))) {}

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  std::tie(listener_, port_) = bound_socket();
  stop_event_ = eventfd(0, EFD_CLOEXEC);
  if (stop_event_ < 0 || listen(listener_, 128) != 0) throw std::runtime_error("cannot listen");
  acceptor_ = std::thread([this] { accept_loop(); });
}

HttpServer::~HttpServer() {
  eventfd_write(stop_event_, 1);  // stays readable: every poll below wakes
  acceptor_.join();
  for (std::thread& worker : workers_) worker.join();
  close(listener_);
  close(stop_event_);
}

std::string HttpServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<HttpAsked> HttpServer::requests() const {
  const core::MutexLock lock(mutex_);
  return asked_;
}

void HttpServer::wait_for_requests(std::size_t n) const {
  const core::MutexLock lock(mutex_);
  while (asked_.size() < n) arrived_.wait(mutex_);
}

/// True when `fd` has something to read (or its end); false when the server is being destroyed.
bool HttpServer::wait_readable(int fd) const {
  pollfd fds[2] = {{fd, POLLIN, 0}, {stop_event_, POLLIN, 0}};
  while (poll(fds, 2, -1) < 0) {
  }
  return fds[1].revents == 0;
}

void HttpServer::accept_loop() {
  while (wait_readable(listener_)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ++connections_;
    workers_.emplace_back([this, fd] { serve(fd); });
  }
}

std::optional<HttpAsked> HttpServer::read_request(int fd, std::string& buffer) const {
  const auto more = [&] {
    char chunk[65536];
    if (!wait_readable(fd)) return false;
    const ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
    if (n <= 0) return false;
    buffer.append(chunk, static_cast<std::size_t>(n));
    return true;
  };
  std::size_t head_end = 0;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  HttpAsked asked;
  asked.head = buffer.substr(0, head_end);
  buffer.erase(0, head_end + 4);
  const std::size_t first = asked.head.find(' ');
  const std::size_t second = asked.head.find(' ', first + 1);
  asked.method = asked.head.substr(0, first);
  asked.target = asked.head.substr(first + 1, second - first - 1);
  const std::size_t length = std::stoul(asked.header("Content-Length").value_or("0"));
  while (buffer.size() < length) {
    if (!more()) return std::nullopt;
  }
  asked.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return asked;
}

bool HttpServer::send_all(int fd, std::string_view bytes) const {
  while (!bytes.empty()) {
    pollfd fds[2] = {{fd, POLLOUT, 0}, {stop_event_, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return false;
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool HttpServer::send_reply(int fd, const ScriptedReply& reply) const {
  std::string_view bytes = reply.bytes;
  const std::size_t step = reply.piece_bytes == 0 ? bytes.size() : reply.piece_bytes;
  while (!bytes.empty()) {
    if (!send_all(fd, bytes.substr(0, step))) return false;
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  for (std::uint64_t i = 0; i < reply.filler_times; ++i) {
    if (!send_all(fd, reply.filler)) return false;
  }
  return true;
}

void HttpServer::serve(int fd) {
  std::string buffer;
  while (const auto asked = read_request(fd, buffer)) {
    {
      const core::MutexLock lock(mutex_);
      asked_.push_back(*asked);
      arrived_.notify_all();
    }
    const ScriptedReply reply = handler_(*asked);
    if (!send_reply(fd, reply)) break;
    if (reply.end == ScriptedReply::End::KeepOpen) continue;
    if (reply.end == ScriptedReply::End::Hang) {
      char byte = 0;
      while (wait_readable(fd) && recv(fd, &byte, 1, 0) > 0) {
      }
    } else if (reply.end == ScriptedReply::End::Reset) {
      const linger now{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    break;
  }
  close(fd);
}

std::uint16_t closed_port() {
  const auto [fd, port] = bound_socket();
  close(fd);
  return port;
}

}  // namespace anomaly_exporter::support
