#pragma once

namespace anomaly_exporter::core {

/// Lets the calling thread yield to the program's other threads (nice 10, Linux counts it per
/// thread): evaluation may wait a millisecond, a scrape should not. No effect where the system
/// refuses.
void lower_thread_priority();

}  // namespace anomaly_exporter::core
