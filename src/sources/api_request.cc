#include "api_request.h"

#include <cstdlib>
#include <string_view>

namespace anomaly_exporter::sources {
namespace {

/// Well below what proxies and gateways take as a request line.
constexpr std::size_t kMaxQueryString = 2000;

}  // namespace

net::HttpRequest make_api_request(const std::string& path,
                                  const std::vector<std::pair<std::string, std::string>>& form) {
  std::string text;
  for (const auto& [name, value] : form) {
    if (!text.empty()) text += '&';
    text += name + "=" + net::percent_encode(value);
  }
  net::HttpRequest request;
  request.path = path;
  if (text.size() > kMaxQueryString) {
    request.method = "POST";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = std::move(text);
  } else if (!text.empty()) {
    request.path += "?" + text;
  }
  return request;
}

std::string format_seconds(core::Timestamp t) {
  std::string text = std::to_string(std::llabs(t.ms));
  if (text.size() < 4) text.insert(0, 4 - text.size(), '0');
  text.insert(text.size() - 3, 1, '.');
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  if (t.ms < 0) text.insert(0, 1, '-');
  return text;
}

std::string expanded_text(const MetricRequest& request) {
  constexpr std::string_view kPlaceholder = "$rate_window";
  std::string text = request.text;
  std::size_t at = text.find(kPlaceholder);
  if (at == std::string::npos) return text;
  const std::string window = core::format_duration(request.rate_window);
  for (; at != std::string::npos; at = text.find(kPlaceholder, at + window.size())) {
    text.replace(at, kPlaceholder.size(), window);
  }
  return text;
}

}  // namespace anomaly_exporter::sources
