#pragma once

#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::app {

/// Reads weeks of history at the profile's step in the background, one metric and one day at a
/// time with one request in flight, newest day first, and hands each piece to the monitor's own
/// thread, which alone may touch the state.
///
/// Memory: at most one piece, 48 points per series, waits to be applied; the next request is sent
/// when it has been. Errors: a piece that cannot be read after three attempts is given up, counted
/// in `lost()`.
/// Threads: `apply` from the monitor's thread; the rest is internal.
class ProfileBackfill {
 public:
  /// Reads [from, to). Borrows `clock`; keeps `source` alive.
  ProfileBackfill(std::shared_ptr<sources::MetricSource> source,
                  std::vector<sources::MetricRequest> requests, core::Timestamp from,
                  core::Timestamp to, const core::Clock& clock);

  /// Puts the waiting piece, if any, into the monitor's profiles.
  void apply(MonitorState& monitor);

  [[nodiscard]] double done_ratio() const;
  [[nodiscard]] std::size_t lost() const;

 private:
  struct Piece {
    std::size_t metric = 0;
    std::vector<std::pair<core::LabelsPtr, std::vector<series::Sample>>> series;
  };
  void read_all(const std::stop_token& stop);
  core::Status read_piece(std::size_t metric, core::Timestamp from, core::Timestamp to,
                          const std::stop_token& stop, Piece& piece) const;

  std::shared_ptr<sources::MetricSource> source_;
  std::vector<sources::MetricRequest> requests_;
  core::Timestamp from_, to_;
  const core::Clock* clock_;
  mutable core::Mutex mutex_;
  std::condition_variable_any applied_;
  std::unique_ptr<Piece> waiting_ AE_GUARDED_BY(mutex_);
  std::size_t pieces_ AE_GUARDED_BY(mutex_) = 0;
  std::size_t done_ AE_GUARDED_BY(mutex_) = 0;
  std::size_t lost_ AE_GUARDED_BY(mutex_) = 0;
  std::jthread thread_;  // last: starts when everything above stands, stops before it falls
};

}  // namespace anomaly_exporter::app
