#include "anomaly_exporter/api/listen_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace anomaly_exporter::api {
namespace {

using core::Error;
using core::ErrorCode;

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_ipv4_shaped(std::string_view host) {
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

core::Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  const std::string quoted = std::string(1, '"').append(text) + '"';
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return Error{ErrorCode::InvalidArgument, quoted + ": want host:port or :port"};
  }
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.find_first_of("[]:") != std::string_view::npos) {
    return Error{ErrorCode::Unsupported,
                 quoted + ": this build of CivetWeb has no IPv6; listen on an IPv4 address"};
  }
  if (!std::all_of(host.begin(), host.end(), is_host_char)) {
    return Error{ErrorCode::InvalidArgument, quoted + ": not a host name"};
  }
  in_addr ignored{};
  if (!host.empty() && is_ipv4_shaped(host) &&
      inet_pton(AF_INET, std::string(host).c_str(), &ignored) != 1) {
    return Error{ErrorCode::InvalidArgument, quoted + ": not an IPv4 address"};
  }
  ListenAddress address{.host = std::string(host), .port = 0};
  const auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), address.port, 10);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) {
    return Error{ErrorCode::InvalidArgument, quoted + ": want a port from 0 to 65535"};
  }
  return address;
}

}  // namespace anomaly_exporter::api
