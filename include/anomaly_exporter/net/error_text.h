#pragma once

#include <string>
#include <string_view>

namespace anomaly_exporter::net {

/// Longest text that a server's answer contributes to a message, in bytes.
inline constexpr std::size_t kMaxErrorText = 200;

/// The server's own words of an error body, at most kMaxErrorText bytes with control characters
/// replaced: `bad_data: invalid parameter "query"` from the JSON of the Prometheus and Alertmanager
/// APIs, the beginning of anything else, "empty answer" of nothing.
std::string error_text(std::string_view body);

/// The first `limit` bytes of hostile text, cut at a character, control characters as spaces.
std::string printable(std::string_view text, std::size_t limit = kMaxErrorText);

}  // namespace anomaly_exporter::net
