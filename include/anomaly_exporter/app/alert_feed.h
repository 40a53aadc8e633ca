#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/alerting/notifier.h"
#include "anomaly_exporter/app/missing_watch.h"
#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/app/self_metrics.h"
#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::app {

/// What the feed works with. Pointers are borrowed and outlive it.
struct AlertFeedDependencies {
  std::string storage_path{};  ///< folder of `alerts.state`; empty = open alerts are not kept
  std::string external_url{};  ///< where people reach us; empty = alerts carry no link
  SelfMetrics* self = nullptr;
  core::Logger* log = nullptr;
  const core::Clock* clock = nullptr;
};

/// Carries what the monitors found to alerting, and the silences back to learning.
///
/// Threads: safe for concurrent use; one monitor by one thread at a time. Cost: one pass over a
/// byte per row and tick, a line of text per open alert and anomalous series; with silences in
/// force one more line per row whenever they or the series change.
class AlertFeed {
 public:
  explicit AlertFeed(AlertFeedDependencies dependencies);

  /// Before `configure`: whether it would succeed.
  static core::Status check(const config::Config& config, const core::Clock& clock);
  void configure(const config::Config& config);

  /// Call after each tick of a source that was up. Returns the rows that must not be learned from.
  /// `newest_sample`: 0 = none with a time of its own.
  std::shared_ptr<const LearnGate> observe(const exposition::MonitorSnapshot& snapshot,
                                           core::Duration offset, core::Timestamp newest_sample);

  alerting::Notifier& notifier() { return notifier_; }

  /// `anomaly_exporter_notifications_...`, silences and receipts.
  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

  void stop(core::Duration deadline) { notifier_.stop(deadline); }

 private:
  /// What silences mean for one monitor, as long as neither they nor its series change.
  struct Silenced {
    std::shared_ptr<const exposition::OutputLabels> labels;
    std::vector<std::shared_ptr<const alerting::Silence>> silences;
    std::shared_ptr<const LearnGate> rows;
    std::uint64_t series = 0;
  };
  std::shared_ptr<const LearnGate> silenced(const exposition::MonitorSnapshot& snapshot);

  mutable core::Mutex mutex_;
  std::map<std::string, Silenced> silenced_ AE_GUARDED_BY(mutex_);
  bool is_pushing_ AE_GUARDED_BY(mutex_) = false;
  core::Duration missing_for_ AE_GUARDED_BY(mutex_){0};
  std::map<std::string, MissingWatch> missing_ AE_GUARDED_BY(mutex_);
  alerting::Notifier notifier_;  // last: its threads stop first
};

/// The anomalies of a snapshot, and which of `open_keys` it found normal.
alerting::TickAlerts tick_alerts(const exposition::MonitorSnapshot& snapshot, core::Duration offset,
                                 core::Timestamp newest_sample,
                                 const std::vector<std::string>& open_keys);

/// The labels that a text as of exposition::OutputLabels stands for.
core::Labels parse_label_text(std::string_view text);

}  // namespace anomaly_exporter::app
