#include "reconstruction.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <string>

namespace anomaly_exporter::detectors {
namespace {

constexpr std::uint16_t kModelVersion = 1;
constexpr float kLeastSigma = 0.05F;
constexpr float kNormalQ90 = 1.645F;  // of |x|, x standard normal
constexpr double kNormalQ95 = 1.96;
constexpr float kLargestNumber = 1e6F;

constexpr double kRelativeScaleFloor = 1e-6;
constexpr double kAbsoluteScaleFloor = 1e-9;

template <class Number>
Number quantile(std::vector<Number>& values, double q) {
  const auto rank = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + rank);
  return values[static_cast<std::size_t>(rank)];
}

// The present rows of one lane, gathered.
struct Lane {
  double squares = 0;  // of errors limited to kMostSigmas
  double shares = 0;   // of errors as they are
  std::size_t scored = 0;
  std::size_t waiting = 0;  // present, but not ready
};

bool has(LaneMask mask, std::size_t lane) { return (mask >> lane & 1) != 0; }

}  // namespace

ErrorScales ErrorScales::of(std::span<const float> errors, std::size_t metrics) {
  ErrorScales scales;
  scales.sigma.resize(metrics);
  std::vector<float> column;
  for (std::size_t metric = 0; metric < metrics; ++metric) {
    column.clear();
    for (std::size_t i = metric; i < errors.size(); i += metrics) {
      if (!std::isnan(errors[i])) column.push_back(std::fabs(errors[i]));
    }
    if (column.empty()) continue;
    scales.sigma[metric] = std::max(quantile(column, 0.9) / kNormalQ90, kLeastSigma);
  }
  std::vector<double> lengths;
  for (std::size_t i = 0; i < errors.size(); i += metrics) {
    double squares = 0;
    double present = 0;
    for (std::size_t metric = 0; metric < metrics; ++metric) {
      if (std::isnan(errors[i + metric])) continue;
      const double e = std::min(static_cast<double>(std::fabs(errors[i + metric])) /
                                    static_cast<double>(scales.sigma[metric]),
                                kMostSigmas);
      squares += e * e;
      present += 1;
    }
    if (present > 0) lengths.push_back(std::sqrt(squares / present));
  }
  // Where errors are below the least sigma, so that every length is small, sigmas stay sigmas.
  constexpr double kLeastUnit = 0.5;
  if (!lengths.empty()) scales.unit = std::max(quantile(lengths, 0.95) / kNormalQ95, kLeastUnit);
  return scales;
}

void ErrorScales::save(core::StateWriter& out) const {
  out.f32s(sigma);
  out.f64(unit);
}

void ErrorScales::read(core::StateReader& in) {
  in.f32s(sigma);
  unit = in.f64();
  for (const float s : sigma) {
    if (in.ok() && !(s == 0 || (s >= kLeastSigma && s <= kLargestNumber))) {
      in.fail("usual error of a metric makes no sense");
    }
  }
  if (in.ok() && !(unit >= 1e-3 && unit <= static_cast<double>(kLargestNumber))) {
    in.fail("unit of the errors makes no sense");
  }
}

void ReconstructionScratch::resize(std::size_t metrics, std::size_t input_floats,
                                   std::size_t network_floats) {
  inputs.resize(input_floats);
  network.resize(network_floats);
  newest.resize(metrics * kLanes);
  expected.resize(metrics * kLanes);
  sigma.resize(metrics * kLanes);
  ready.resize(metrics);
}

void unscale(const Tick& tick, const RowScales& scales, const ErrorScales& errors, LaneMask lanes,
             ReconstructionScratch& scratch) {
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    LaneMask known = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t at = metric * kLanes + lane;
      const RobustScale scale = scales.of(tick.row(metric, lane));
      const auto spread = static_cast<double>(scale.spread);
      scratch.expected[at] =
          static_cast<double>(scale.centre) + spread * static_cast<double>(scratch.newest[at]);
      scratch.sigma[at] = static_cast<double>(errors.sigma[metric]) * spread;
      known |= scale.spread > 0 ? series::bit(lane) : 0;
    }
    scratch.ready[metric] = known & lanes;
  }
}

void judge_all(const Tick& tick, Outcome outcome, VerdictColumns& out) {
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    for (LaneMask lanes = tick.active; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      out.outcome[metric * kLanes + lane] =
          has(tick.present[metric], lane) ? outcome : Outcome::NoData;
    }
  }
}

void judge_reconstruction(const Tick& tick, const Reconstruction& reconstruction,
                          const ErrorScales& errors, VerdictColumns& out) {
  const auto known = static_cast<std::size_t>(
      std::ranges::count_if(errors.sigma, [](float sigma) { return sigma > 0; }));
  for (LaneMask lanes = tick.active; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    std::size_t present = 0;
    Lane sums;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t at = metric * kLanes + lane;
      Outcome& outcome = out.outcome[at];
      if (!has(tick.present[metric], lane)) {
        outcome = Outcome::NoData;
        continue;
      }
      if (errors.sigma[metric] <= 0) {
        outcome = Outcome::Untrained;
        continue;
      }
      ++present;
      if (!has(reconstruction.ready[metric], lane)) {
        outcome = Outcome::WarmingUp;
        ++sums.waiting;
        continue;
      }
      const double expected = reconstruction.expected[at];
      const double scale =
          std::max({reconstruction.sigma[at], static_cast<double>(tick.scale_floor[at]),
                    kRelativeScaleFloor * std::fabs(expected), kAbsoluteScaleFloor});
      if (!(std::fabs(expected) <= static_cast<double>(FLT_MAX)) ||
          !(scale <= static_cast<double>(FLT_MAX))) {
        outcome = Outcome::Failed;
        continue;
      }
      outcome = Outcome::Scored;
      out.expected[at] = static_cast<float>(expected);
      out.scale[at] = static_cast<float>(scale);
      const double e = std::fabs(static_cast<double>(tick.values[at]) - expected) / scale;
      const double limited = std::min(e, kMostSigmas);
      sums.squares += limited * limited;
      sums.shares += e * e;
      out.raw[at] = e;
      ++sums.scored;
    }
    const bool is_missing = 2 * present < known;
    const bool is_waiting = 2 * sums.waiting > present;
    const double raw = std::sqrt(sums.squares / static_cast<double>(sums.scored)) / errors.unit;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t at = metric * kLanes + lane;
      Outcome& outcome = out.outcome[at];
      if (outcome == Outcome::NoData || outcome == Outcome::Untrained) continue;
      if (is_missing || is_waiting) {
        outcome = is_missing ? Outcome::InputMissing : Outcome::WarmingUp;
      } else if (outcome == Outcome::Scored) {
        const double e = out.raw[at];
        out.share[at] = static_cast<float>(
            sums.shares > 0 ? e * e / sums.shares : 1.0 / static_cast<double>(sums.scored));
        out.raw[at] = raw;
      }
    }
  }
}

LaneMask fill_inputs(const Tick& tick, const RowScales& scales, std::span<const float> sigma,
                     const NetworkInputs& inputs) {
  std::array<std::uint16_t, kLanes> ticks_with_values{};
  std::array<LaneMask, kLanes> any{};  // per tick of short windows; longer ones use several rounds
  for (std::size_t first = 0; first < inputs.ticks; first += kLanes) {
    const std::size_t round = std::min(kLanes, inputs.ticks - first);
    any.fill(0);
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const series::StripView strip = tick.strip(metric);
      std::array<float, kLanes> centre{};
      std::array<float, kLanes> inverse{};
      LaneMask usable = 0;
      for (LaneMask lanes = sigma[metric] > 0 ? tick.active : 0; lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
        const RobustScale scale = scales.of(tick.row(metric, lane));
        if (scale.spread <= 0) continue;
        centre[lane] = scale.centre;
        inverse[lane] = 1.0F / scale.spread;
        usable |= series::bit(lane);
      }
      for (std::size_t k = first; k < first + round; ++k) {
        float* values = inputs.data + metric * inputs.row_stride + k * inputs.tick_stride;
        float* presence = values + tick.metrics * inputs.row_stride;
        std::fill_n(values, kLanes, 0.0F);
        std::fill_n(presence, kLanes, 0.0F);
        const TickIndex index = tick.index - static_cast<TickIndex>(inputs.ticks - 1 - k);
        if (index < 0) continue;
        const bool is_newest = k + 1 == inputs.ticks;
        const std::size_t slot = strip.slot(index);
        LaneMask lanes = usable & (is_newest ? tick.present[metric] : strip.present[slot]);
        if (!is_newest) any[k - first] |= lanes;
        const float* from =
            is_newest ? tick.values.data() + metric * kLanes : strip.values + slot * strip.stride;
        for (; lanes != 0; lanes &= lanes - 1) {
          const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
          values[lane] = std::clamp((from[lane] - centre[lane]) * inverse[lane], -RowScales::kClip,
                                    RowScales::kClip);
          presence[lane] = 1.0F;
        }
      }
    }
    for (std::size_t k = 0; k < round; ++k) {
      for (LaneMask lanes = any[k]; lanes != 0; lanes &= lanes - 1) {
        ++ticks_with_values[static_cast<std::size_t>(std::countr_zero(lanes))];
      }
    }
  }
  LaneMask ready = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (2U * ticks_with_values[lane] + 1U >= inputs.ticks) ready |= series::bit(lane);
  }
  return ready & tick.active;
}

void write_model_head(core::StateWriter& out, std::string_view kind,
                      std::span<const std::size_t> sizes) {
  out.u16(kModelVersion);
  out.text(kind);
  for (const std::size_t size : sizes) out.u32(static_cast<std::uint32_t>(size));
}

core::Status read_model_head(core::StateReader& in, std::string_view kind,
                             std::span<const std::size_t> sizes) {
  const std::uint16_t version = in.u16();
  if (!in.ok()) return in.status();
  if (version > kModelVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "model has version " + std::to_string(version) +
                           ", this program reads up to " + std::to_string(kModelVersion)};
  }
  if (version == 0) in.fail("model has version 0");
  if (in.text() != kind) in.fail("model is not of kind " + std::string(kind));
  for (const std::size_t size : sizes) {
    const std::uint32_t saved = in.u32();
    if (in.ok() && saved != size) {
      in.fail("model was made for size " + std::to_string(saved) + ", not " + std::to_string(size));
    }
  }
  return in.status();
}

std::vector<float> read_numbers(core::StateReader& in, std::size_t count) {
  if (in.ok() && in.remaining() / sizeof(float) < count) in.fail("model is truncated");
  if (!in.ok()) return {};
  std::vector<float> numbers(count);
  in.f32s(numbers);
  for (const float number : numbers) {
    if (in.ok() && !(std::fabs(number) <= kLargestNumber)) in.fail("a number is out of range");
  }
  if (!in.ok()) return {};
  return numbers;
}

}  // namespace anomaly_exporter::detectors
