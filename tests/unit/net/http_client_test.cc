#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/net/http_client.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "anomaly_exporter/net/error_text.h"
#include "support/http_server.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::net {
namespace {

using core::ErrorCode;
using support::http_reply;
using support::http_reply_promising;
using support::HttpAsked;
using support::HttpServer;
using support::ScriptedReply;

constexpr RetryOptions kOnce{.attempts = 1};

/// A client on a manual clock, so that back-off takes no time.
struct Client {
  support::ManualClock clock;
  std::unique_ptr<HttpClient> http;

  explicit Client(const std::string& url, HttpClientOptions options = {},
                  RetryOptions retry = kOnce) {
    auto made = HttpClient::create(url, std::move(options), retry, clock);
    BOOST_REQUIRE_MESSAGE(made.ok(), (made ? "" : made.error().message));
    http = std::move(*made);
  }

  core::Result<HttpResponse> get(const std::string& path, const BodySink& sink = nullptr) {
    return http->perform({.path = path}, {}, sink);
  }
};

void check_error(const core::Result<HttpResponse>& result, ErrorCode code,
                 const std::string& words) {
  BOOST_REQUIRE(!result.ok());
  BOOST_TEST(core::to_string(result.error().code) == core::to_string(code));
  BOOST_TEST(result.error().message.find(words) != std::string::npos,
             "\"" << result.error().message << "\" lacks \"" << words << "\"");
}

BOOST_AUTO_TEST_SUITE(http_client_test)

BOOST_AUTO_TEST_CASE(returns_status_type_and_body) {
  HttpServer server({http_reply(200, R"({"a":1})")});
  Client client(server.url());
  const auto answer = client.get("/api/v1/query?query=up");
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(answer->status == 200);
  BOOST_TEST(answer->content_type == "application/json");
  BOOST_TEST(answer->body == R"({"a":1})");
  BOOST_TEST(server.requests().at(0).method == "GET");
  BOOST_TEST(server.requests().at(0).target == "/api/v1/query?query=up");
  BOOST_TEST(client.http->stats().requests == 1U);
  BOOST_TEST(client.http->stats().received_bytes == 7U);
}

BOOST_AUTO_TEST_CASE(names_itself_and_never_asks_for_compression) {
  HttpServer server({http_reply(200, "")});
  Client client(server.url());
  BOOST_REQUIRE(client.get("/").ok());
  const HttpAsked asked = server.requests().at(0);
  BOOST_TEST(asked.header("User-Agent").value_or("").starts_with("anomaly_exporter/"));
  BOOST_TEST(!asked.header("Accept-Encoding").has_value());
}

BOOST_AUTO_TEST_CASE(keeps_the_path_prefix_of_the_base_url) {
  HttpServer server({http_reply(200, "")});
  Client client(server.url() + "/prometheus/");
  BOOST_REQUIRE(client.get("/-/ready").ok());
  BOOST_TEST(server.requests().at(0).target == "/prometheus/-/ready");
}

BOOST_AUTO_TEST_CASE(posts_a_body_without_waiting_for_100_continue) {
  HttpServer server({http_reply(200, "ok")});
  Client client(server.url());
  HttpRequest request{.method = "POST", .path = "/read"};
  request.headers = {{"Content-Type", "application/x-protobuf"}};
  request.body = std::string(2'000'000, 'x') + '\0' + "end";
  BOOST_REQUIRE(client.http->perform(request, {}).ok());
  const HttpAsked asked = server.requests().at(0);
  BOOST_TEST((asked.body == request.body));
  BOOST_TEST(asked.header("Content-Type").value_or("") == "application/x-protobuf");
  BOOST_TEST(!asked.header("Expect").has_value());
}

BOOST_AUTO_TEST_CASE(reuses_the_connection) {
  HttpServer server({http_reply(200, "a")});
  Client client(server.url());
  for (int i = 0; i < 5; ++i) BOOST_REQUIRE(client.get("/").ok());
  BOOST_TEST(server.connections() == 1U);
}

BOOST_AUTO_TEST_CASE(connection_refused_is_unavailable) {
  const std::string url = "http://127.0.0.1:" + std::to_string(support::closed_port());
  Client client(url);
  check_error(client.get("/x"), ErrorCode::Unavailable, "GET " + url + "/x: ");
  BOOST_TEST(client.http->stats().failures == 1U);
}

BOOST_AUTO_TEST_CASE(a_name_that_does_not_resolve_is_unavailable) {
  Client client("http://name.invalid:1");
  check_error(client.get("/"), ErrorCode::Unavailable, "name.invalid");
}

struct StatusCase {
  int status;
  const char* method;
  ErrorCode want;
};
std::ostream& operator<<(std::ostream& out, const StatusCase& c) {
  return out << c.method << " " << c.status;
}
const StatusCase kStatusCases[] = {
    {400, "GET", ErrorCode::InvalidArgument},  {401, "GET", ErrorCode::InvalidArgument},
    {403, "GET", ErrorCode::InvalidArgument},  {404, "GET", ErrorCode::InvalidArgument},
    {422, "GET", ErrorCode::InvalidArgument},  {429, "GET", ErrorCode::Unavailable},
    {500, "GET", ErrorCode::Unavailable},      {501, "GET", ErrorCode::Unsupported},
    {502, "GET", ErrorCode::Unavailable},      {503, "GET", ErrorCode::Unavailable},
    {400, "POST", ErrorCode::InvalidArgument}, {404, "POST", ErrorCode::Unsupported},
    {405, "POST", ErrorCode::Unsupported},     {415, "POST", ErrorCode::Unsupported},
    {501, "POST", ErrorCode::Unsupported},     {500, "POST", ErrorCode::Unavailable},
};

BOOST_DATA_TEST_CASE(maps_statuses_to_codes, boost::unit_test::data::make(kStatusCases), sample) {
  HttpServer server({http_reply(
      sample.status, R"({"status":"error","errorType":"bad_data","error":"no \"such\"\nthing"})")});
  Client client(server.url());
  const auto answer = client.http->perform({.method = sample.method, .path = "/q"}, {});
  check_error(answer, sample.want,
              "HTTP " + std::to_string(sample.status) + ": bad_data: no \"such\" thing");
}

BOOST_AUTO_TEST_CASE(an_accepted_status_is_a_response) {
  HttpServer server({http_reply(422, "too many samples")});
  Client client(server.url());
  const auto answer = client.http->perform({.path = "/q", .accept_status = {422}}, {});
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(answer->status == 422);
  BOOST_TEST(answer->body == "too many samples");
}

BOOST_AUTO_TEST_CASE(a_server_error_is_retried_until_success) {
  HttpServer server({http_reply(500, "no"), http_reply(503, "no"), http_reply(200, "yes")});
  Client client(server.url(), {}, {.attempts = 3});
  const auto answer = client.get("/");
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(answer->body == "yes");
  BOOST_TEST(client.http->stats().retries == 2U);
  BOOST_TEST(client.http->stats().failures == 0U);
}

BOOST_AUTO_TEST_CASE(attempts_are_bounded) {
  HttpServer server({http_reply(500, "no")});
  Client client(server.url(), {}, {.attempts = 4});
  check_error(client.get("/"), ErrorCode::Unavailable, "HTTP 500: no");
  BOOST_TEST(server.requests().size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_client_error_is_not_retried) {
  HttpServer server({http_reply(400, "no")});
  Client client(server.url(), {}, {.attempts = 4});
  check_error(client.get("/"), ErrorCode::InvalidArgument, "HTTP 400");
  BOOST_TEST(server.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(back_off_stays_below_its_doubling_ceiling_and_honours_retry_after) {
  using std::chrono::milliseconds;
  HttpServer server({http_reply(503, "no")});
  Client client(server.url(), {},
                {.attempts = 4, .first_delay = milliseconds(100), .max_delay = milliseconds(250)});
  const core::Timestamp before = client.clock.now();
  BOOST_REQUIRE(!client.get("/").ok());
  BOOST_TEST((client.clock.now() - before <= milliseconds(100 + 200 + 250)));

  HttpServer busy({http_reply(429, "no", "text/plain", {"Retry-After: 2"})});
  Client patient(busy.url(), {},
                 {.attempts = 2, .first_delay = milliseconds(1), .max_delay = milliseconds(5000)});
  const core::Timestamp start = patient.clock.now();
  BOOST_REQUIRE(!patient.get("/").ok());
  BOOST_TEST((patient.clock.now() - start == milliseconds(2000)));
}

BOOST_AUTO_TEST_CASE(a_time_out_in_mid_body_is_a_timeout) {
  HttpServer server({http_reply_promising(1000, "{\"half").with_end(ScriptedReply::End::Hang)});
  Client client(server.url());
  HttpRequest request{.path = "/slow"};
  request.timeout = std::chrono::milliseconds(50);
  check_error(client.http->perform(request, {}), ErrorCode::Timeout, "GET ");
}

BOOST_AUTO_TEST_CASE(a_reset_or_an_early_end_in_mid_body_is_unavailable) {
  for (const auto end : {ScriptedReply::End::Reset, ScriptedReply::End::Close}) {
    HttpServer server({http_reply_promising(1000, "half").with_end(end), http_reply(200, "whole")});
    Client client(server.url());
    check_error(client.get("/"), ErrorCode::Unavailable, "GET ");
    const auto next = client.get("/");
    BOOST_REQUIRE(next.ok());
    BOOST_TEST(next->body == "whole");
  }
}

BOOST_AUTO_TEST_CASE(a_reset_is_retried_unless_the_sink_has_seen_bytes) {
  const auto script = [] {
    return std::vector<ScriptedReply>{
        http_reply_promising(1000, "half").with_end(ScriptedReply::End::Reset),
        http_reply(200, "whole")};
  };
  HttpServer server(script());
  Client client(server.url(), {}, {.attempts = 3});
  BOOST_TEST(client.get("/").ok());

  HttpServer again(script());
  Client other(again.url(), {}, {.attempts = 3});
  std::string seen;
  const auto answer = other.get("/", [&](std::string_view piece) {
    seen += piece;
    return core::Status();
  });
  check_error(answer, ErrorCode::Unavailable, "GET ");
  BOOST_TEST(seen == "half");
  BOOST_TEST(again.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_not_http_is_an_error) {
  ScriptedReply garbage;
  garbage.bytes = "SSH-2.0-OpenSSH_9.2\r\n";
  garbage.end = ScriptedReply::End::Close;
  HttpServer server({garbage});
  Client client(server.url());
  BOOST_TEST(!client.get("/").ok());
}

BOOST_AUTO_TEST_CASE(an_announced_body_over_the_limit_is_refused_before_it_is_read) {
  HttpServer server({http_reply_promising(300ULL << 20, "[").with_end(ScriptedReply::End::Hang)});
  Client client(server.url(), {.response_bytes = 1 << 20}, {.attempts = 3});
  check_error(client.get("/"), ErrorCode::Exhausted, "larger than 1048576 bytes");
  BOOST_TEST(server.requests().size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_unannounced_body_over_the_limit_is_cut_while_streaming) {
  ScriptedReply endless;
  endless.bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
  endless.filler.assign(1 << 16, 'x');
  endless.filler_times = 300 * 16;  // 300 MiB
  endless.end = ScriptedReply::End::Close;
  HttpServer server({endless});
  Client client(server.url(), {.response_bytes = 1 << 20});
  check_error(client.get("/"), ErrorCode::Exhausted, "larger than 1048576 bytes");
  BOOST_TEST(client.http->stats().received_bytes < (8U << 20));
}

BOOST_AUTO_TEST_CASE(of_a_long_error_page_the_beginning_is_kept) {
  HttpServer server({http_reply(400, std::string(1 << 20, 'e'))});
  Client client(server.url());
  const auto answer = client.http->perform({.path = "/", .accept_status = {400}}, {});
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(answer->body.size() == 64U << 10);
  check_error(client.get("/"), ErrorCode::InvalidArgument, "HTTP 400: eeee");
}

BOOST_AUTO_TEST_CASE(a_sink_gets_the_pieces_and_its_error_ends_the_transfer) {
  HttpServer server({http_reply(200, "0123456789").in_pieces(3)});
  Client client(server.url());
  std::string seen;
  const auto answer = client.get("/", [&](std::string_view piece) {
    seen += piece;
    return core::Status();
  });
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(seen == "0123456789");
  BOOST_TEST(answer->body.empty());

  const auto refused = client.get("/", [](std::string_view) -> core::Status {
    return core::Error{ErrorCode::Corrupt, "frame 3: bad checksum"};
  });
  check_error(refused, ErrorCode::Corrupt, "frame 3: bad checksum");
}

BOOST_AUTO_TEST_CASE(a_sink_never_sees_an_error_page) {
  HttpServer server({http_reply(404, "nothing here")});
  Client client(server.url());
  bool called = false;
  const auto answer = client.get("/", [&](std::string_view) {
    called = true;
    return core::Status();
  });
  check_error(answer, ErrorCode::InvalidArgument, "nothing here");
  BOOST_TEST(!called);
}

BOOST_AUTO_TEST_CASE(redirects_are_followed_with_method_and_body) {
  for (const int status : {301, 302, 307, 308}) {
    HttpServer server(
        {http_reply(status, "", "text/plain", {"Location: /moved"}), http_reply(200, "here")});
    Client client(server.url());
    const auto answer =
        client.http->perform({.method = "POST", .path = "/old", .body = "payload"}, {});
    BOOST_REQUIRE(answer.ok());
    BOOST_TEST(server.requests().at(1).method == "POST");
    BOOST_TEST(server.requests().at(1).target == "/moved");
    BOOST_TEST(server.requests().at(1).body == "payload");
  }
}

BOOST_AUTO_TEST_CASE(redirects_are_refused_when_so_configured_and_bounded_otherwise) {
  HttpServer server({http_reply(302, "", "text/plain", {"Location: /again"})});
  Client strict(server.url(), {.follow_redirects = false});
  check_error(strict.get("/"), ErrorCode::InvalidArgument, "/again not followed");
  BOOST_TEST(server.requests().size() == 1U);
  Client client(server.url());
  check_error(client.get("/"), ErrorCode::InvalidArgument, "not followed");
  BOOST_TEST(server.requests().size() == 1U + 11U);
}

BOOST_AUTO_TEST_CASE(redirects_to_other_schemes_are_not_followed) {
  HttpServer server({http_reply(302, "", "text/plain", {"Location: file:///etc/passwd"})});
  Client client(server.url());
  check_error(client.get("/"), ErrorCode::InvalidArgument, "not followed");
}

BOOST_AUTO_TEST_CASE(a_proxy_is_asked_for_the_whole_url) {
  HttpServer proxy({http_reply(200, "through the proxy")});
  HttpClientOptions options;
  options.proxy_url = proxy.url();
  Client client("http://prometheus.invalid:9090", options);
  const auto answer = client.get("/api/v1/query?query=up");
  BOOST_REQUIRE(answer.ok());
  BOOST_TEST(proxy.requests().at(0).target ==
             "http://prometheus.invalid:9090/api/v1/query?query=up");
}

BOOST_AUTO_TEST_CASE(a_stop_during_a_hang_returns_at_once) {
  HttpServer server({ScriptedReply{.end = ScriptedReply::End::Hang}});
  Client client(server.url(), {}, {.attempts = 5});
  std::stop_source stop;
  std::jthread stopper([&] {
    server.wait_for_requests(1);
    stop.request_stop();
  });
  const auto answer = client.http->perform({.path = "/"}, stop.get_token());
  check_error(answer, ErrorCode::Unavailable, "stopped");
  BOOST_TEST(client.http->stats().requests == 1U);  // the time-out of 30 s has not passed
}

BOOST_AUTO_TEST_CASE(a_stop_before_the_start_asks_nothing) {
  HttpServer server({http_reply(200, "")});
  Client client(server.url());
  std::stop_source stop;
  stop.request_stop();
  BOOST_TEST(!client.http->perform({.path = "/"}, stop.get_token()).ok());
  BOOST_TEST(server.requests().empty());
}

BOOST_AUTO_TEST_CASE(a_connection_error_forgets_idle_connections) {
  HttpServer server([](const HttpAsked& asked) {
    if (asked.target == "/break") return ScriptedReply{.end = ScriptedReply::End::Reset};
    return http_reply(200, "fine");
  });
  Client client(server.url());
  BOOST_REQUIRE(client.get("/").ok());
  BOOST_REQUIRE(!client.get("/break").ok());
  BOOST_REQUIRE(client.get("/").ok());
  BOOST_TEST(server.connections() >= 2U);
}

BOOST_AUTO_TEST_CASE(the_servers_clock_is_known_from_its_date_and_follows_ours_when_it_is_set) {
  HttpServer server([](const HttpAsked& asked) {
    std::vector<std::string> headers;
    if (asked.target == "/right") headers = {"Date: Tue, 14 Nov 2023 23:13:20 GMT"};
    if (asked.target == "/wrong") headers = {"Date: yesterday or so"};
    return http_reply(200, "x", "text/plain", headers);
  });
  Client client(server.url());
  client.clock.set({1'700'000'000'000});  // 22:13:20
  BOOST_REQUIRE(client.get("/without").ok());
  BOOST_TEST(!client.http->clock_skew());
  BOOST_REQUIRE(client.get("/right").ok());
  const auto skew = [&] { return client.http->clock_skew().value_or(core::Duration(0)).count(); };
  BOOST_TEST(skew() == 3'600'500);  // the middle of the second
  client.clock.advance(std::chrono::minutes(10));
  BOOST_TEST(skew() == 3'600'500);
  client.clock.set(client.clock.now() + std::chrono::hours(1));
  BOOST_TEST(skew() == 500);
  BOOST_REQUIRE(client.get("/wrong").ok());
  BOOST_TEST(skew() == 500);
  // An answer that takes a minute to come tells nothing.
  const auto slow = [&](std::string_view) {
    client.clock.advance(std::chrono::minutes(1));
    return core::Status();
  };
  BOOST_REQUIRE(client.get("/right", slow).ok());
  BOOST_TEST(skew() == 500);
}

BOOST_AUTO_TEST_CASE(a_path_that_is_not_encoded_is_refused) {
  Client client("http://127.0.0.1:1");
  for (const char* path : {"no-slash", "/a b", "/a\r\nX-Injected: 1"}) {
    check_error(client.get(path), ErrorCode::InvalidArgument, "percent-encoded");
  }
}

BOOST_AUTO_TEST_CASE(messages_show_no_control_characters_and_a_bounded_url) {
  HttpServer server({http_reply(400, "bad\x1b[31m\r\nlevel=error forged=1")});
  Client client(server.url());
  const auto answer = client.get("/q?query=" + std::string(5000, 'q'));
  BOOST_REQUIRE(!answer.ok());
  BOOST_TEST(answer.error().message.size() < 700U);
  for (const char c : answer.error().message) BOOST_TEST(static_cast<unsigned char>(c) >= 0x20);
}

BOOST_AUTO_TEST_CASE(percent_encoding_keeps_unreserved_characters_only) {
  BOOST_TEST(percent_encode("aZ09-._~") == "aZ09-._~");
  BOOST_TEST(percent_encode("a{b=\"c d\"}+&%\n") == "a%7Bb%3D%22c%20d%22%7D%2B%26%25%0A");
  BOOST_TEST(percent_encode("\xc3\xa4") == "%C3%A4");
}

BOOST_AUTO_TEST_CASE(error_text_finds_the_servers_words_or_the_beginning) {
  BOOST_TEST(error_text(R"({"status":"error","errorType":"execution","error":"boom"})") ==
             "execution: boom");
  BOOST_TEST(error_text(R"({ "error" : "only" })") == "only");
  BOOST_TEST(error_text("") == "empty answer");
  BOOST_TEST(error_text("<html>\n<b>502</b>") == "<html> <b>502</b>");
  BOOST_TEST(error_text(R"({"error":"unfinished)") == "unfinished");
  BOOST_TEST(error_text(R"({"error":17})") == R"({"error":17})");
  BOOST_TEST(error_text(std::string(10'000, 'x')).size() == kMaxErrorText + 3);
  BOOST_TEST(printable("ab\xc3\xa4", 3) == "ab...");  // never half a character
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::net
