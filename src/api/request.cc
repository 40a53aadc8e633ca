#include "anomaly_exporter/api/request.h"

#include <algorithm>
#include <optional>

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::api {
namespace {

constexpr std::size_t kMaxParameters = 32;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  const bool has_control = std::any_of(out.begin(), out.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (has_control || !core::is_valid_utf8(out)) return std::nullopt;
  return out;
}

}  // namespace

Response Response::text(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Response Response::json(int status, std::string body) {
  Response response = text(status, std::move(body));
  response.content_type = "application/json";
  return response;
}

Response Response::html(std::string body) {
  Response response = text(200, std::move(body));
  response.content_type = "text/html; charset=utf-8";
  return response;
}

core::Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    if (parameters.size() == kMaxParameters) {
      return core::Error{core::ErrorCode::InvalidArgument, "more than 32 parameters"};
    }
    const std::size_t equals = std::min(part.find('='), part.size());
    auto name = decode(part.substr(0, equals));
    if (!name) {
      return core::Error{core::ErrorCode::InvalidArgument, "parameter name is not valid text"};
    }
    auto value = decode(part.substr(std::min(equals + 1, part.size())));
    if (!value) {
      return core::Error{core::ErrorCode::InvalidArgument,
                         "invalid parameter \"" + *name + "\": value is not valid text"};
    }
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

}  // namespace anomaly_exporter::api
