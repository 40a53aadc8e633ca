#pragma once

#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/api/hooks.h"
#include "anomaly_exporter/api/options.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::api {

/// The HTTP side: /metrics, /-/healthy, /-/ready, /-/reload, /api/v1/..., landing page.
///
/// Owns its CivetServer; handlers read the newest snapshots and never wait for an evaluation.
/// Borrows `snapshots` and `log`, which must outlive it.
/// Errors of start: Unavailable (address in use, naming it), InvalidArgument.
/// Threads: CivetWeb's own, one per open connection; the destructor joins them. `addresses` is safe
/// for concurrent use.
/// Cost: a connection that sends no complete request holds its thread for at most a second, one
/// that does not read its response for at most ten (docs/http.md).
class Server {
 public:
  static core::Result<std::unique_ptr<Server>> start(ServerOptions options, ServerHooks hooks,
                                                     const exposition::SnapshotStore& snapshots,
                                                     core::Logger& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Addresses really bound, "127.0.0.1:40123"; an address on all interfaces is ":40123".
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace anomaly_exporter::api
