#include "anomaly_exporter/api/server.h"

#include <CivetServer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <optional>

#include "anomaly_exporter/api/listen_address.h"
#include "anomaly_exporter/api/router.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::api {
namespace {

using core::Error;
using core::ErrorCode;
using std::chrono::nanoseconds;

/// Time in which a request must arrive whole, and for which an idle connection is kept. CivetWeb
/// gives every connection a thread, so this bounds what a dribbling client can hold.
constexpr std::chrono::milliseconds kRequestTimeout{1000};
/// Time in which a body must arrive whole where one is taken.
constexpr std::chrono::seconds kBodyTimeout{5};
/// Time in which a response must leave. Longer than kRequestTimeout, because a large page to a busy
/// Prometheus may stall; no longer than the default scrape_timeout, after which nobody waits.
constexpr std::chrono::seconds kSendTimeout{10};
/// Requests with longer headers are refused with 413.
constexpr int kMaxRequestBytes = 16 * 1024;
/// Written at once, so that kSendTimeout is looked at often enough.
constexpr std::size_t kChunkBytes = 128UL * 1024;

/// Nothing from elsewhere, no scripts at all, and nobody may frame us.
constexpr char kSecurityHeaders[] =
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 302:
      return "Found";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

/// RFC 9110 section 5.6.7, "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(core::Timestamp time) {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_time<core::Duration> point{core::Duration(time.ms)};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{day};
  // RFC 3339 already has the time of day: "2026-01-02T03:04:05.678Z".
  const std::string rfc3339 = core::format_rfc3339(time);
  return std::string(kDays[std::chrono::weekday(day).c_encoding()]) + ", " + rfc3339.substr(8, 2) +
         " " + kMonths[static_cast<unsigned>(date.month()) - 1] + " " + rfc3339.substr(0, 4) + " " +
         rfc3339.substr(11, 8) + " GMT";
}

std::string header_text(const mg_connection* conn, const char* name) {
  const char* value = mg_get_header(conn, name);
  return value != nullptr ? value : "";
}

/// Reads a body of the length that was announced. The status to refuse it with otherwise: 411
/// without a length, 413 above `limit`, 408 when it does not come whole within kBodyTimeout.
std::optional<int> read_body(mg_connection* conn, std::size_t limit, const core::Clock& clock,
                             std::string& body) {
  const mg_request_info& info = *mg_get_request_info(conn);
  if (mg_get_header(conn, "Transfer-Encoding") != nullptr || info.content_length < 0) return 411;
  const auto length = static_cast<std::size_t>(info.content_length);
  if (length > limit) return 413;
  const nanoseconds deadline = clock.monotonic() + kBodyTimeout;
  std::array<char, 16384> piece{};
  while (body.size() < length) {
    const int got = mg_read(conn, piece.data(), std::min(piece.size(), length - body.size()));
    if (got <= 0 || clock.monotonic() > deadline) return 408;
    body.append(piece.data(), static_cast<std::size_t>(got));
  }
  return std::nullopt;
}

/// Sends until everything is out, the peer is gone or kSendTimeout is over. CivetWeb itself gives
/// up a write after kRequestTimeout without progress and reports it like a broken connection; the
/// time it took tells them apart.
bool send_all(mg_connection* conn, std::string_view bytes, const core::Clock& clock) {
  const nanoseconds deadline = clock.monotonic() + kSendTimeout;
  while (!bytes.empty()) {
    const nanoseconds begin = clock.monotonic();
    if (begin > deadline) return false;
    const int sent = mg_write(conn, bytes.data(), std::min(bytes.size(), kChunkBytes));
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (clock.monotonic() - begin < kRequestTimeout / 2) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions o, ServerHooks h, const exposition::SnapshotStore& s, core::Logger& l)
      : options(std::move(o)),
        hooks(std::move(h)),
        log(&l),
        clock(&core::system_clock()),
        router(HandlerContext{&options, &hooks, &s, clock, &buffers}) {}

  core::Status listen();
  int serve(mg_connection* conn);
  [[nodiscard]] Router::Answer answer(const Request& request) const;
  void send(mg_connection* conn, const Request& request, const Response& response);
  void note(const char* message);

  const ServerOptions options;
  const ServerHooks hooks;
  core::Logger* const log;         // borrowed, outlives this
  const core::Clock* const clock;  // borrowed, outlives this
  PageBuffers buffers;
  const Router router;
  std::vector<std::string> addresses;

  core::Mutex mutex;
  bool is_starting AE_GUARDED_BY(mutex) = true;
  std::string start_messages AE_GUARDED_BY(mutex);

  std::unique_ptr<CivetServer> civet;  // last: its threads use everything above
};

namespace {

/// The Impl behind a connection. CivetServer hands itself to CivetWeb as user data and keeps ours.
template <class Impl>
Impl* impl_of(const mg_connection* conn) {
  const mg_context* context = mg_get_context(conn);
  const auto* civet =
      context != nullptr ? static_cast<const CivetServer*>(mg_get_user_data(context)) : nullptr;
  if (civet == nullptr) return nullptr;
  return static_cast<Impl*>(const_cast<void*>(civet->getUserContext()));
}

}  // namespace

/// CivetWeb's own words: kept while it starts, because they say why it could not; logged after.
void Server::Impl::note(const char* message) {
  {
    const core::MutexLock lock(mutex);
    if (is_starting) {
      if (!start_messages.empty()) start_messages += "; ";
      start_messages += message;
      return;
    }
  }
  log->debug("http server", {{"message", message}});
}

core::Status Server::Impl::listen() {
  std::string ports;
  std::vector<ListenAddress> wanted;
  for (const std::string& text : options.listen_addresses) {
    auto address = ListenAddress::parse(text);
    if (!address) return address.error();
    if (!ports.empty()) ports += ',';
    ports += address->host.empty() ? std::to_string(address->port) : address->text();
    wanted.push_back(std::move(*address));
  }
  const std::vector<std::string> settings{
      "listening_ports",       ports,
      "num_threads",           std::to_string(options.threads),
      "request_timeout_ms",    std::to_string(kRequestTimeout.count()),
      "keep_alive_timeout_ms", std::to_string(kRequestTimeout.count()),
      "enable_keep_alive",     "yes",
      "tcp_nodelay",           "1",
      "connection_queue",      "64",
      "listen_backlog",        "1024",
      "max_request_size",      std::to_string(kMaxRequestBytes),
  };
  CivetCallbacks callbacks;
  callbacks.begin_request = [](mg_connection* conn) { return impl_of<Impl>(conn)->serve(conn); };
  callbacks.log_message = [](const mg_connection* conn, const char* message) {
    if (Impl* impl = impl_of<Impl>(conn)) impl->note(message);
    return 1;
  };
  std::string failure;
  try {
    civet = std::make_unique<CivetServer>(settings, &callbacks, this);
  } catch (const std::exception& e) {
    failure = e.what();
  }
  const core::MutexLock lock(mutex);
  is_starting = false;
  if (!failure.empty()) {
    return Error{ErrorCode::Unavailable, "cannot listen on " + ports + ": " +
                                             (start_messages.empty() ? failure : start_messages)};
  }
  const std::vector<mg_server_port> bound = civet->getListeningPortsFull();
  for (std::size_t i = 0; i < wanted.size() && i < bound.size(); ++i) {
    wanted[i].port = static_cast<std::uint16_t>(bound[i].port);
    addresses.push_back(wanted[i].text());
  }
  return {};
}

/// No exception may pass through CivetWeb, which is C.
Router::Answer Server::Impl::answer(const Request& request) const {
  try {
    return router.answer(request);
  } catch (const std::exception& e) {
    log->error("request failed", {{"path", request.path}, {"error", e.what()}});
    return {Response::text(500, "internal error\n"), "other"};
  }
}

int Server::Impl::serve(mg_connection* conn) {
  const nanoseconds begin = clock->monotonic();
  const mg_request_info& info = *mg_get_request_info(conn);
  Request request;
  request.method = info.request_method;
  request.path = info.local_uri != nullptr ? info.local_uri : "";
  request.query = info.query_string != nullptr ? info.query_string : "";
  request.accept = header_text(conn, "Accept");
  request.accept_encoding = header_text(conn, "Accept-Encoding");
  request.sec_fetch_site = header_text(conn, "Sec-Fetch-Site");
  // Few endpoints take a body. Whoever announces one gets the answer and a closed connection, so
  // that reading the rest of it cannot hold a thread.
  const bool has_body =
      info.content_length > 0 || mg_get_header(conn, "Transfer-Encoding") != nullptr;
  if (has_body) mg_disable_connection_keep_alive(conn);
  const std::size_t limit = has_body ? router.body_limit(request) : 0;
  std::optional<int> refused;
  if (limit > 0) refused = read_body(conn, limit, *clock, request.body);

  Router::Answer answered =
      refused ? Router::Answer{Response::text(*refused, std::string(status_text(*refused)) + "\n"),
                               "other"}
              : answer(request);
  if (has_body) answered.response.headers.emplace_back("Connection", "close");
  send(conn, request, answered.response);
  buffers.give(std::move(answered.response.body));
  if (hooks.observe_request) {
    const std::chrono::duration<double> taken = clock->monotonic() - begin;
    hooks.observe_request(answered.pattern, answered.response.status, taken.count());
  }
  return answered.response.status;
}

void Server::Impl::send(mg_connection* conn, const Request& request, const Response& response) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += status_text(response.status);
  head += "\r\nDate: " + http_date(clock->now()) + "\r\nContent-Type: " + response.content_type +
          "\r\nContent-Length: " + std::to_string(response.body.size()) +
          "\r\nCache-Control: no-store\r\n";
  head += kSecurityHeaders;
  for (const auto& [name, value] : response.headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  head += "\r\n";
  std::string_view body = request.method == "HEAD" ? std::string_view() : response.body;
  if (body.size() < kChunkBytes) {  // one write, one packet for small answers
    head += body;
    body = {};
  }
  if (!send_all(conn, head, *clock) || !send_all(conn, body, *clock)) {
    mg_disable_connection_keep_alive(conn);
    log->debug("response not taken in full", {{"path", request.path}});
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

core::Result<std::unique_ptr<Server>> Server::start(ServerOptions options, ServerHooks hooks,
                                                    const exposition::SnapshotStore& snapshots,
                                                    core::Logger& log) {
  if (core::Status status = options.validate(); !status) return status.error();
  auto impl = std::make_unique<Impl>(std::move(options), std::move(hooks), snapshots, log);
  if (core::Status status = impl->listen(); !status) return status.error();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::vector<std::string> Server::addresses() const { return impl_->addresses; }

}  // namespace anomaly_exporter::api
