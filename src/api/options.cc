#include "anomaly_exporter/api/options.h"

#include <algorithm>
#include <string_view>

#include "anomaly_exporter/api/listen_address.h"

namespace anomaly_exporter::api {
namespace {

using core::Error;
using core::ErrorCode;
using core::Status;

constexpr unsigned kMinThreads = 2;  // one slow client must never be all there is
constexpr unsigned kMaxThreads = 1024;

Error invalid(std::string_view option, std::string_view value, std::string_view why) {
  return {ErrorCode::InvalidArgument,
          std::string(option) + ": \"" + std::string(value) + "\": " + std::string(why)};
}

/// Paths end up in headers and links; only what needs no escaping in a URL is taken.
bool is_plain_path(std::string_view path) {
  return path.find("//") == std::string_view::npos && path.find("..") == std::string_view::npos &&
         std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("/-._~").find(c) != std::string_view::npos;
         });
}

/// Path of `http(s)://host[:port][/path]`; empty when the text is no such URL or has none.
struct ExternalUrl {
  std::string_view host;
  std::string_view path;
};

ExternalUrl split_url(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    url.remove_prefix(scheme.size());
    const std::size_t slash = std::min(url.find('/'), url.size());
    return {url.substr(0, slash), url.substr(slash)};
  }
  return {};
}

Status validate_external_url(std::string_view url) {
  if (url.empty()) return {};
  const ExternalUrl parts = split_url(url);
  if (parts.host.empty() || parts.host.find_first_of("@?#\"'<>\\ ") != std::string_view::npos ||
      !std::all_of(parts.host.begin(), parts.host.end(),
                   [](char c) { return c > ' ' && c < 127; })) {
    return invalid("external_url", url, "want http://host[:port][/path] or https://...");
  }
  if (!is_plain_path(parts.path)) {
    return invalid("external_url", url, "want a path of letters, digits and -._~/ only");
  }
  return {};
}

std::string_view trim_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

Status ServerOptions::validate() const {
  if (listen_addresses.empty()) {
    return Error{ErrorCode::InvalidArgument, "listen_addresses: want at least one address"};
  }
  for (std::size_t i = 0; i < listen_addresses.size(); ++i) {
    if (const auto address = ListenAddress::parse(listen_addresses[i]); !address) {
      return address.error().within("listen_addresses[" + std::to_string(i) + "]");
    }
  }
  if (Status status = validate_external_url(external_url); !status) return status;
  if (!is_plain_path(route_prefix)) {
    return invalid("route_prefix", route_prefix, "want letters, digits and -._~/ only");
  }
  if (!telemetry_path.starts_with('/') || telemetry_path.ends_with('/') ||
      !is_plain_path(telemetry_path)) {
    return invalid("telemetry_path", telemetry_path, "want a path such as /metrics");
  }
  if (telemetry_path.starts_with("/-/") || telemetry_path.starts_with("/api/")) {
    return invalid("telemetry_path", telemetry_path, "that path belongs to another endpoint");
  }
  if (threads < kMinThreads || threads > kMaxThreads) {
    return invalid("threads", std::to_string(threads), "want 2 to 1024");
  }
  return {};
}

std::string ServerOptions::path_prefix() const {
  const std::string_view path =
      trim_slashes(route_prefix.empty() ? split_url(external_url).path : route_prefix);
  return path.empty() ? std::string() : std::string(1, '/').append(path);
}

}  // namespace anomaly_exporter::api
