#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::api {

/// The parts of an HTTP request that a handler may look at. Handlers know nothing of CivetWeb.
struct Request {
  std::string method = "GET";
  std::string path = "/";  ///< decoded, without query
  std::string query;       ///< raw, without "?"
  std::string accept;
  std::string accept_encoding;
  std::string sec_fetch_site;  ///< Fetch Metadata header of browsers, empty elsewhere
  std::string body;            ///< read only for paths that take one, see Router::body_limit
};

/// What a handler answers. The server adds the length, the date and the security headers.
struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  /// Further headers; the values never come from a request.
  std::vector<std::pair<std::string, std::string>> headers;

  static Response text(int status, std::string body);
  static Response json(int status, std::string body);
  static Response html(std::string body);
};

/// Decodes `a=b&c=d` (percent escapes, "+" as space) in the order of the text.
/// Errors: InvalidArgument for a broken escape, a value that is not valid UTF-8 or holds a control
/// character, or more than 32 parameters.
core::Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

}  // namespace anomaly_exporter::api
