#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "anomaly_exporter/sources/csv_source.h"

namespace anomaly_exporter::support {

/// What goes wrong in a made overlay network.
enum class DwcpFaultKind { Spike, Step, Drop, Ramp };
std::string_view to_string(DwcpFaultKind kind);

/// One fault: ticks `first` to `last`, both inclusive, in one metric (and, weaker, in what hangs on
/// it).
struct DwcpFault {
  DwcpFaultKind kind = DwcpFaultKind::Spike;
  std::size_t metric = 0;
  std::size_t first = 0, last = 0;
};

struct DwcpOptions {
  std::uint64_t seed = 1;
  std::size_t ticks = 25'920;       ///< of 10 s; three days
  std::size_t clean_ticks = 8'640;  ///< at the beginning, without faults
  std::size_t distance = 400;       ///< least ticks between two faults
};

struct DwcpSeries {
  sources::CsvTable table;
  std::vector<DwcpFault> faults;  ///< ascending
};

/// The seven metrics of the overlay network within their normal ranges (bandwidth 80 to 120 Mbps,
/// latency 8 to 15 ms, packet loss below 0.1 %, jitter 0.5 to 2 ms, CPU 40 to 70 %, memory 50 to
/// 80 %, errors below 0.01 %): a daily pattern, a load that bandwidth, latency, jitter and CPU
/// share (AR(1), 0.95), and noise of each metric's own. Faults leave the normal range by a half to
/// the whole of the way to the critical limit. Deterministic.
DwcpSeries make_dwcp_series(const DwcpOptions& options);

}  // namespace anomaly_exporter::support
