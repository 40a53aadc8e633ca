#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::api {

/// "127.0.0.1:9877", "localhost:9877" or ":9877"; an empty host means all IPv4 interfaces.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;

  /// Errors: InvalidArgument; Unsupported for an IPv6 address, which this CivetWeb cannot serve.
  static core::Result<ListenAddress> parse(std::string_view text);

  [[nodiscard]] std::string text() const { return host + ":" + std::to_string(port); }
};

}  // namespace anomaly_exporter::api
