#include "bench_field.h"

#include <utility>

#include "anomaly_exporter/core/state_io.h"
#include "bench_data.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {

using series::kLanes;
using series::LaneMask;

namespace {
constexpr LaneMask kAllLanes = ~LaneMask{0};
}  // namespace

DetectorField::DetectorField(std::unique_ptr<detectors::Detector> detector, FieldPlan plan,
                             std::uint64_t seed)
    : plan_(std::move(plan)),
      detector_(std::move(detector)),
      windows_(1, FieldPlan::kWindow),
      rng_(seed),
      values_(plan_.blocks * kLanes),
      floor_(kLanes) {
  windows_.resize(plan_.blocks * kLanes);
  profiles_.resize(plan_.blocks * kLanes);
  detector_->resize(plan_.blocks);
  verdicts_.resize(1);
}

core::Status DetectorField::warm_up() {
  for (std::size_t tick = 0; tick < plan_.warm_up_ticks; ++tick) {
    open_tick(plan_.templates);
    move(plan_.templates);
  }
  for (std::size_t b = plan_.templates; b < plan_.blocks; ++b) {
    core::StateWriter windows, detector;
    windows_.save(b % plan_.templates, windows);
    detector_->save(b % plan_.templates, detector);
    core::StateReader windows_in(windows.bytes()), detector_in(detector.bytes());
    if (auto status = windows_.restore(b, windows_in); !status.ok()) return status;
    if (auto status = detector_->restore(b, detector_in); !status.ok()) return status;
  }
  return {};
}

double DetectorField::measure() {
  open_tick(plan_.blocks);
  flush_caches();
  const double begin = thread_cpu_ns();
  move(plan_.blocks);
  return (thread_cpu_ns() - begin) / static_cast<double>(plan_.blocks * kLanes);
}

/// New values enter the windows.
void DetectorField::open_tick(std::size_t blocks) {
  ++index_;
  for (std::size_t b = 0; b < blocks; ++b) {
    windows_.open(b, index_, kAllLanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = plan_.value(lane, index_, rng_);
      values_[b * kLanes + lane] = value;
      windows_.write(b, 0, lane, index_, value);
    }
    windows_.mark_learned(b, 0, index_, kAllLanes);
  }
}

/// The detector's work of one tick: verdicts, then learning.
void DetectorField::move(std::size_t blocks) {
  for (std::size_t b = 0; b < blocks; ++b) {
    const detectors::Tick tick{
        .time = kStart + kStep * index_,
        .index = index_,
        .block = b,
        .metrics = 1,
        .first_row = static_cast<series::Row>(b * kLanes),
        .active = kAllLanes,
        .values = std::span<const float>(values_).subspan(b * kLanes, kLanes),
        .present = {&kAllLanes, 1},
        .scale_floor = floor_,
        .windows = &windows_,
        .profiles = &profiles_};
    detector_->score(tick, verdicts_);
    detector_->learn(tick, {.lanes = {&kAllLanes, 1}});
  }
}

}  // namespace anomaly_exporter::tools
