#include "anomaly_exporter/detectors/mad.h"

#include <algorithm>

#include "anomaly_exporter/detectors/judge.h"
#include "anomaly_exporter/detectors/state_head.h"

namespace anomaly_exporter::detectors {
namespace {

// One sigma of a normal distribution is 1 / quantile(3/4) MADs.
constexpr double kSigmaPerMad = 1.482602218505602;

}  // namespace

core::Result<std::unique_ptr<Detector>> Mad::create(const MadOptions& options, const Shape& shape) {
  if (auto valid = options.validate(shape.window); !valid) return valid.error();
  return std::unique_ptr<Detector>(new Mad(options, shape.metrics));
}

Mad::Mad(const MadOptions& options, std::size_t metrics)
    : options_(options), metrics_(metrics), sorted_(options.window) {}

std::string_view Mad::name() const { return "mad"; }
double Mad::threshold() const { return options_.threshold; }
std::size_t Mad::warmup_samples() const { return std::min(options_.window, kWarmupSamples); }
std::size_t Mad::memory_bytes() const { return sorted_.memory_bytes(); }

std::size_t Mad::first_row(std::size_t block, std::size_t metric) const {
  return (block * metrics_ + metric) * kLanes;
}

void Mad::resize(std::size_t blocks) { sorted_.resize(blocks * metrics_ * kLanes); }

void Mad::score(const Tick& tick, VerdictColumns& out) const {
  Estimate estimate;
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const std::size_t first = first_row(tick.block, metric);
    estimate.ready = sorted_.lanes_with(first, warmup_samples()) & tick.present[metric];
    stats::kernels().median_mad(sorted_.strip(first), estimate.ready & tick.active,
                                estimate.centre.data(), estimate.spread.data());
    for (double& spread : estimate.spread) spread *= kSigmaPerMad;
    judge(tick, metric, estimate, out);
  }
}

void Mad::learn(const Tick& tick, const LearnMask& mask) {
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    const series::StripView strip = tick.strip(metric);
    sorted_.update(first_row(tick.block, metric),
                   history_before(strip, tick.index, options_.window - 1),
                   tick.values.data() + metric * kLanes, mask.lanes[metric] & tick.active,
                   leaving_values(strip, tick.index, options_.window, tick.active));
  }
}

void Mad::forget(std::size_t block, LaneMask lanes) {
  for (std::size_t metric = 0; metric < metrics_; ++metric) {
    sorted_.forget(first_row(block, metric), lanes);
  }
}

void Mad::save(std::size_t block, core::StateWriter& out) const {
  write_state_head(out, {metrics_, options_.window});
  sorted_.save(first_row(block, 0), metrics_ * kLanes, out);
}

core::Status Mad::restore(std::size_t block, core::StateReader& in) {
  if (auto head = read_state_head(in, {metrics_, options_.window}); !head) return head;
  return sorted_.restore(first_row(block, 0), metrics_ * kLanes, in);
}

}  // namespace anomaly_exporter::detectors
