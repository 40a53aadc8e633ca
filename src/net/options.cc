#include <strings.h>

#include <array>
#include <fstream>
#include <iterator>

#include "anomaly_exporter/net/http_client.h"
#include "url.h"

namespace anomaly_exporter::net {
namespace {

using core::Error;
using core::ErrorCode;
using core::Status;

/// A secret file is a line of text; this bounds a path that points at something else.
constexpr std::size_t kMaxSecretBytes = 64 << 10;

/// Headers that the client or its transport sets itself.
constexpr std::array<const char*, 12> kReservedHeaders = {
    "Authorization",   "Host",       "Content-Encoding", "Content-Length",      "Content-Type",
    "User-Agent",      "Connection", "Keep-Alive",       "Proxy-Authorization", "Transfer-Encoding",
    "Accept-Encoding", "Expect"};

Error invalid(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

bool is_token(std::string_view text) {
  constexpr std::string_view kSpecial = "!#$%&'*+-.^_`|~";  // RFC 9110 section 5.6.2
  if (text.empty()) return false;
  for (const char c : text) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alphanumeric && kSpecial.find(c) == std::string_view::npos) return false;
  }
  return true;
}

Status check_source(const std::string& name, const SecretSource& source) {
  if (!source.value.empty() && !source.file.empty()) {
    return invalid(name + ": at most one of the value and its file may be set");
  }
  return {};
}

Status check_headers(const std::map<std::string, SecretSource>& headers) {
  for (const auto& [name, source] : headers) {
    if (!is_token(name)) return invalid("headers: \"" + name + "\" is not a header name");
    for (const char* reserved : kReservedHeaders) {
      if (strcasecmp(reserved, name.c_str()) == 0) {
        return invalid("headers: " + name + " is set by the client itself");
      }
    }
    if (auto status = check_source("headers." + name, source); !status) return status;
  }
  return {};
}

}  // namespace

core::Result<core::Secret> SecretSource::read() const {
  std::string text = value.reveal();
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return Error{ErrorCode::Unavailable, "cannot read secret file " + file};
    text.resize(kMaxSecretBytes + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return Error{ErrorCode::Unavailable, "cannot read secret file " + file};
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxSecretBytes) {
      return invalid("secret file " + file + " is longer than 64 KiB");
    }
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (text.empty()) return Error{ErrorCode::Unavailable, "secret file " + file + " is empty"};
  }
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '\0') {
      return invalid((file.empty() ? std::string("secret") : "secret file " + file) +
                     " holds a line break or a NUL byte");
    }
  }
  return core::Secret(std::move(text));
}

Status HttpClientOptions::validate() const {
  if (basic_auth && authorization) {
    return invalid("at most one of basic_auth and authorization may be set");
  }
  if (basic_auth) {
    if (!basic_auth->username.empty() && !basic_auth->username_file.empty()) {
      return invalid("basic_auth: at most one of username and username_file may be set");
    }
    if (basic_auth->username.find(':') != std::string::npos) {
      return invalid("basic_auth.username: a user name cannot hold a colon");
    }
    if (auto status = check_source("basic_auth.password", basic_auth->password); !status) {
      return status;
    }
  }
  if (authorization) {
    if (!is_token(authorization->type)) {
      return invalid("authorization.type: \"" + authorization->type + "\" is not a token");
    }
    if (strcasecmp(authorization->type.c_str(), "basic") == 0) {
      return invalid("authorization.type: use basic_auth for Basic");
    }
    if (auto status = check_source("authorization.credentials", authorization->credentials);
        !status) {
      return status;
    }
  }
  if (tls_config.cert_file.empty() != tls_config.key_file.empty()) {
    return invalid("tls_config: cert_file and key_file must be set together");
  }
  if (auto status = check_headers(headers); !status) return status;
  if (!proxy_url.empty()) {
    const auto url = parse_url(proxy_url, /*user_info_allowed=*/true);
    if (!url) return url.error().within("proxy_url");
  }
  if (timeout < std::chrono::milliseconds(1) || timeout > std::chrono::hours(1)) {
    return invalid("timeout: " + std::to_string(timeout.count()) + " ms is not in 1ms to 1h");
  }
  if (response_bytes < (1ULL << 10) || response_bytes > (64ULL << 30)) {
    return invalid("response_bytes: " + std::to_string(response_bytes) +
                   " is not in 1KiB to 64GiB");
  }
  return {};
}

}  // namespace anomaly_exporter::net
