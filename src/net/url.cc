#include "url.h"

#include <curl/curl.h>

#include <memory>

#include "anomaly_exporter/net/http_client.h"

namespace anomaly_exporter::net {
namespace {

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

core::Result<Url> parse_url(const std::string& text, bool user_info_allowed) {
  const bool may_hold_secret = text.find('@') != std::string::npos;
  const auto refuse = [&](const std::string& why) {
    const std::string shown = may_hold_secret ? "URL" : "URL \"" + text + "\"";
    return core::Error{core::ErrorCode::InvalidArgument, shown + ": " + why};
  };
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!text.starts_with("http://") && !text.starts_with("https://")) {
    return refuse("must start with http:// or https://");
  }
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
  if (code != CURLUE_OK) return refuse(curl_url_strerror(code));
  if (!user_info_allowed &&
      !(part(url.get(), CURLUPART_USER).empty() && part(url.get(), CURLUPART_PASSWORD).empty())) {
    return refuse("user name and password are not taken from the URL, use basic_auth");
  }
  if (!part(url.get(), CURLUPART_FRAGMENT).empty()) return refuse("has a fragment");

  Url out{part(url.get(), CURLUPART_SCHEME), part(url.get(), CURLUPART_HOST),
          part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT), part(url.get(), CURLUPART_PATH)};
  if (out.host.empty()) return refuse("has no host");
  while (out.path.ends_with('/')) out.path.pop_back();
  if (const std::string query = part(url.get(), CURLUPART_QUERY); !query.empty()) {
    out.path += "?" + query;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    }
  }
  return out;
}

}  // namespace anomaly_exporter::net
