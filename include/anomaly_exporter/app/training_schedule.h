#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/storage/model_store.h"

namespace anomaly_exporter::app {

/// When a detector's model is fitted next.
///
/// The first time as soon as the monitor has judged `min_samples` ticks; then when the span of the
/// data has doubled, until that takes `interval` or they grow no more; then every interval. Each
/// time is put off by up to a tenth, by a hash of monitor and detector, so that many monitors take
/// turns. A failure is tried again after 10 minutes, then twice that, up to the interval. Drift
/// brings the next time forward, at most once in a seventh of the interval.
///
/// Threads: one at a time. Cost: nothing worth naming.
class TrainingSchedule {
 public:
  TrainingSchedule(std::string_view monitor, std::string_view detector,
                   config::TrainingConfig config);

  /// From a reload on.
  void configure(config::TrainingConfig config) { config_ = config; }
  /// A model fitted to data of this length was found, or chosen by somebody.
  void note_trained(core::Timestamp at, core::Duration span);
  /// One was fitted to the data from `first` to `last`; also one that was rejected. Where their
  /// beginning moves with their end, a limit or the source's retention cuts them off.
  void note_fitted(core::Timestamp at, core::Timestamp first, core::Timestamp last);
  void note_failure(core::Timestamp at);

  /// Why to fit now, or nothing. `samples`: ticks judged; `drift`: see stability_index, 0 =
  /// unknown.
  [[nodiscard]] std::optional<storage::ModelOrigin> due(core::Timestamp now, std::size_t samples,
                                                        core::Duration tick, double drift) const;

 private:
  /// `gap` and up to a tenth more, by the hash.
  [[nodiscard]] core::Duration spread(core::Duration gap) const;

  config::TrainingConfig config_;
  std::uint64_t hash_;
  std::optional<core::Timestamp> trained_;
  core::Duration span_{0};
  core::Timestamp first_;
  bool has_all_data_ = false;  // they grow no more
  std::optional<core::Timestamp> failed_;
  unsigned failures_ = 0;
};

}  // namespace anomaly_exporter::app
