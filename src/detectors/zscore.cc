#include "anomaly_exporter/detectors/zscore.h"

#include <algorithm>

#include "anomaly_exporter/detectors/judge.h"
#include "anomaly_exporter/detectors/state_head.h"

namespace anomaly_exporter::detectors {

core::Result<std::unique_ptr<Detector>> ZScore::create(const ZScoreOptions& options,
                                                       const Shape& shape) {
  if (auto valid = options.validate(shape.window); !valid) return valid.error();
  return std::unique_ptr<Detector>(new ZScore(options, shape.metrics));
}

ZScore::ZScore(const ZScoreOptions& options, std::size_t metrics)
    : options_(options), metrics_(metrics) {}

std::string_view ZScore::name() const { return "zscore"; }
double ZScore::threshold() const { return options_.threshold; }
std::size_t ZScore::warmup_samples() const { return std::min(options_.window, kWarmupSamples); }
std::size_t ZScore::memory_bytes() const { return moments_.memory_bytes(); }

std::size_t ZScore::first_row(std::size_t block, std::size_t metric) const {
  return (block * metrics_ + metric) * kLanes;
}

void ZScore::resize(std::size_t blocks) { moments_.resize(blocks * metrics_ * kLanes); }

void ZScore::score(const Tick& tick, VerdictColumns& out) const {
  Estimate estimate;
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(tick.block, metric);
    estimate.ready = moments_.lanes_with(first, warmup_samples());
    stats::kernels().moments_estimate(moments_.strip(first), estimate.centre.data(),
                                      estimate.spread.data());
    judge(tick, metric, estimate, out);
  }
}

void ZScore::learn(const Tick& tick, const LearnMask& mask) {
  const bool refresh = is_refresh_due(tick.index, tick.block, options_.window);
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const series::StripView strip = tick.strip(metric);
    moments_.update(
        first_row(tick.block, metric), history_before(strip, tick.index, options_.window - 1),
        tick.values.data() + metric * kLanes, mask.lanes[metric] & tick.active,
        leaving_values(strip, tick.index, options_.window, tick.active), refresh ? tick.active : 0);
  }
}

void ZScore::forget(std::size_t block, LaneMask lanes) {
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    moments_.forget(first_row(block, metric), lanes);
  }
}

void ZScore::save(std::size_t block, core::StateWriter& out) const {
  write_state_head(out, {metrics_, options_.window});
  moments_.save(first_row(block, 0), metrics_ * kLanes, out);
}

core::Status ZScore::restore(std::size_t block, core::StateReader& in) {
  if (auto head = read_state_head(in, {metrics_, options_.window}); !head) return head;
  return moments_.restore(first_row(block, 0), metrics_ * kLanes, options_.window, in);
}

}  // namespace anomaly_exporter::detectors
