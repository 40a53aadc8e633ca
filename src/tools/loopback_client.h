#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::tools {

/// A kept-alive HTTP connection to a server on this machine that reads and throws away: the
/// cheapest client there can be, so that a figure is the server's. Ours and its peers are read by
/// the same one.
///
/// Understands answers with a Content-Length only. Errors: Unavailable, Corrupt.
/// Threads: one at a time.
class LoopbackClient {
 public:
  /// `address`: "127.0.0.1:port".
  static core::Result<LoopbackClient> connect(const std::string& address);
  ~LoopbackClient();
  LoopbackClient(LoopbackClient&& other) noexcept;
  LoopbackClient& operator=(LoopbackClient&&) = delete;

  /// Reads the whole answer to a GET in identity encoding; returns the number of line feeds in its
  /// body.
  core::Result<std::size_t> count_lines(const std::string& path);
  /// The same without looking at the body; returns its length.
  core::Result<std::size_t> fetch(const std::string& path);

 private:
  explicit LoopbackClient(int socket);
  core::Result<std::size_t> get(const std::string& path, std::size_t* lines);

  int socket_;
  std::vector<char> buffer_;
};

}  // namespace anomaly_exporter::tools
