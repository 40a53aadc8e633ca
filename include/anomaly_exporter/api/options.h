#pragma once

#include <string>
#include <vector>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::api {

/// What a restart can change about the HTTP side. Names follow Prometheus's `--web.*` flags.
struct ServerOptions {
  /// "host:port" or ":port" (all interfaces); port 0 takes a free one. At least one. IPv6 is
  /// refused: CivetWeb in Debian is built without it.
  std::vector<std::string> listen_addresses{"127.0.0.1:10097"};
  /// Address under which users reach us, when a reverse proxy stands in front:
  /// `http(s)://host[:port][/path]`. Empty: the listen address.
  std::string external_url{};
  /// Path in front of every endpoint. Empty: the path of `external_url`, hence "/" without one.
  std::string route_prefix{};
  /// Path of the metrics page under the prefix.
  std::string telemetry_path = "/metrics";
  /// POST /-/reload answers 403 otherwise.
  bool enable_lifecycle = false;
  /// Connections served at once, 2 to 1024. An idle or slow connection holds its thread for at most
  /// a second while it sends a request, so n threads absorb n such connections a second. A thread
  /// that only waits costs some 50 kB.
  unsigned threads = 64;

  /// Errors: InvalidArgument naming the option and its value; Unsupported for IPv6.
  [[nodiscard]] core::Status validate() const;

  /// The prefix in front of every endpoint: "" for the root, else "/path" without a closing slash.
  /// REQUIRES: validate() succeeded.
  [[nodiscard]] std::string path_prefix() const;
};

}  // namespace anomaly_exporter::api
