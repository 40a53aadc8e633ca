#pragma once

#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::net {

/// The parts of an absolute http or https URL that this client works with.
struct Url {
  std::string scheme;
  std::string host;  ///< IPv6 in brackets
  std::string port;  ///< never empty
  std::string path;  ///< with query string; without a trailing slash; may be empty

  [[nodiscard]] bool is_https() const { return scheme == "https"; }
  [[nodiscard]] std::string origin() const { return scheme + "://" + host + ":" + port; }
};

/// Errors: InvalidArgument for another scheme, a missing host, a fragment, and for user info unless
/// `user_info_allowed`; the message then leaves the text out, as it may hold a password.
core::Result<Url> parse_url(const std::string& text, bool user_info_allowed = false);

}  // namespace anomaly_exporter::net
