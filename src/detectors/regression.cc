#include "anomaly_exporter/detectors/regression.h"

#include <algorithm>
#include <array>

#include "anomaly_exporter/detectors/history.h"
#include "anomaly_exporter/detectors/judge.h"
#include "anomaly_exporter/detectors/state_head.h"

namespace anomaly_exporter::detectors {

core::Result<std::unique_ptr<Detector>> Regression::create(const RegressionOptions& options,
                                                           const Shape& shape) {
  if (auto valid = options.validate(shape.window); !valid) return valid.error();
  return std::unique_ptr<Detector>(new Regression(options, shape.metrics));
}

std::string_view Regression::name() const { return "regression"; }
double Regression::threshold() const { return options_.threshold; }
std::size_t Regression::warmup_samples() const { return std::min(options_.window, kWarmupSamples); }
std::size_t Regression::memory_bytes() const { return 0; }

void Regression::resize(std::size_t) {}

void Regression::score(const Tick& tick, VerdictColumns& out) const {
  Estimate estimate;
  std::array<std::uint32_t, kLanes> count;
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    estimate.ready = 0;
    if ((tick.present[metric] & tick.active) != 0) {
      stats::kernels().line_forecast(
          history_before(tick.strip(metric), tick.index, options_.window), estimate.centre.data(),
          estimate.spread.data(), count.data());
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        estimate.ready |= static_cast<LaneMask>(count[lane] >= warmup_samples()) << lane;
      }
    }
    judge(tick, metric, estimate, out);
  }
}

void Regression::learn(const Tick&, const LearnMask&) {}
void Regression::forget(std::size_t, LaneMask) {}

void Regression::save(std::size_t, core::StateWriter& out) const {
  write_state_head(out, {metrics_, options_.window});
}

core::Status Regression::restore(std::size_t, core::StateReader& in) {
  return read_state_head(in, {metrics_, options_.window});
}

}  // namespace anomaly_exporter::detectors
