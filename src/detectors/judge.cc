#include "anomaly_exporter/detectors/judge.h"

#include <bit>

#include "anomaly_exporter/stats/kernels.h"

namespace anomaly_exporter::detectors {
namespace {

void set_outcome(VerdictColumns& out, std::size_t first, LaneMask lanes, Outcome outcome) {
  for (; lanes != 0; lanes &= lanes - 1) {
    out.outcome[first + static_cast<std::size_t>(std::countr_zero(lanes))] = outcome;
  }
}

}  // namespace

void judge(const Tick& tick, std::size_t metric, const Estimate& estimate, VerdictColumns& out) {
  const std::size_t first = metric * kLanes;
  const LaneMask present = tick.present[metric] & tick.active;
  const LaneMask ready = present & estimate.ready;
  set_outcome(out, first, tick.active & ~present, Outcome::NoData);
  set_outcome(out, first, present & ~ready, Outcome::WarmingUp);
  if (ready == 0) return;

  std::array<double, kLanes> raw;
  std::array<float, kLanes> expected;
  std::array<float, kLanes> scale;
  const LaneMask finite = stats::kernels().standardise(
      estimate.centre.data(), estimate.spread.data(), tick.values.data() + first,
      tick.scale_floor.data() + first, raw.data(), expected.data(), scale.data());
  set_outcome(out, first, ready & ~finite, Outcome::Failed);
  for (LaneMask rest = ready & finite; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
    const std::size_t at = first + lane;
    out.outcome[at] = Outcome::Scored;
    out.raw[at] = raw[lane];
    out.expected[at] = expected[lane];
    out.scale[at] = scale[lane];
    out.share[at] = 1.0F;
  }
}

}  // namespace anomaly_exporter::detectors
