#pragma once

namespace anomaly_exporter::core {

/// Lets the calling thread yield to the program's other threads (Linux counts niceness per thread):
/// evaluation may wait a millisecond, a scrape should not. No effect where the system refuses.
/// REQUIRES: 0 <= nice <= 19.
void lower_thread_priority(int nice = 10);

}  // namespace anomaly_exporter::core
