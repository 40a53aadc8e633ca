#pragma once

namespace anomaly_exporter::cli {

/// Signals as values instead of handlers: blocked before any thread starts, so that every thread
/// inherits the mask, and taken out one by one by the main thread.
///
/// Threads: create and use on the main thread.
class Signals {
 public:
  /// Blocks SIGHUP, SIGINT and SIGTERM for this thread and those started later; ignores SIGPIPE.
  Signals();

  enum class Kind { Reload, Stop };
  /// Waits for the next one.
  Kind wait();
};

}  // namespace anomaly_exporter::cli
