#pragma once

#include <string>

#include "anomaly_exporter/api/router.h"
#include "fake_snapshots.h"
#include "support/manual_clock.h"

namespace anomaly_exporter::support {

/// A router without a socket: options and hooks are set first, then `get` and friends are asked.
struct HandlerFixture {
  api::ServerOptions options;
  api::ServerHooks hooks;
  exposition::SnapshotStore snapshots;
  ManualClock clock{{1'700'000'003'000}};
  api::PageBuffers buffers;

  api::Response ask(const api::Request& request) {
    return api::Router({&options, &hooks, &snapshots, &clock, &buffers}).answer(request).response;
  }
  api::Response ask(const std::string& method, const std::string& path) {
    api::Request request;
    request.method = method;
    request.path = path;
    return ask(request);
  }
  api::Response get(const std::string& path, const std::string& query = "") {
    api::Request request;
    request.path = path;
    request.query = query;
    return ask(request);
  }
};

inline std::string header_of(const api::Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace anomaly_exporter::support
