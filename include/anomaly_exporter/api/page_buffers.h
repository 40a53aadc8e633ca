#pragma once

#include <string>
#include <vector>

#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::api {

/// Keeps the memory of the last big pages for the next ones. A page of 100,000 lines is some 10 MB;
/// taking it from the system for each scrape costs more in page faults than the rendering.
///
/// Threads: safe for concurrent use. Memory: at most two pages of up to 64 MiB each.
class PageBuffers {
 public:
  /// An empty string, with the capacity of an earlier page when there is one.
  std::string take();
  /// Hands the memory of a served page back. Small ones are not worth keeping.
  void give(std::string page);

 private:
  core::Mutex mutex_;
  std::vector<std::string> free_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::api
