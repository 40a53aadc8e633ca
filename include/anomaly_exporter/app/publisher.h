#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::app {

/// What the runner knows beside the state: goes onto the status page.
struct RunnerStatus {
  bool source_up = false;
  bool is_oversampled = false;
  double backfill_ratio = 0;
  std::string not_ready;                                     ///< empty = ready
  std::vector<std::string> metric_errors;                    ///< by metric; empty text = fine
  std::vector<std::string> metric_hints;                     ///< by metric
  std::vector<std::string> remarks;                          ///< newest last, bounded
  std::shared_ptr<const incidents::IncidentList> incidents;  ///< as the last tick left them
};

/// Turns a monitor's results into the immutable snapshot that scrapes and pages read. Keeps the
/// label text between ticks and rebuilds it only when series come or go.
///
/// Threads: one thread at a time. Cost: about 10 ns per row and family.
class Publisher {
 public:
  std::shared_ptr<const exposition::MonitorSnapshot> snapshot(const MonitorState& monitor,
                                                              const RunnerStatus& status);

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  void rebuild_labels(const MonitorState& monitor);

  std::shared_ptr<const exposition::OutputLabels> labels_;
  std::uint64_t generation_ = 0;
};

}  // namespace anomaly_exporter::app
