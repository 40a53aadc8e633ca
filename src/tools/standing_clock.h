#pragma once

#include "anomaly_exporter/core/clock.h"

namespace anomaly_exporter::tools {

/// The clock of a replay: evaluation times are not measured, so it stands still.
class StandingClock final : public core::Clock {
 public:
  [[nodiscard]] core::Timestamp now() const override { return {0}; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override { return {}; }
  bool wait_for(core::Duration, std::stop_token) const override { return true; }
};

}  // namespace anomaly_exporter::tools
