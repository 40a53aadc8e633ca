#include "dwcp_series.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::support {

namespace {

struct Metric {
  const char* name;
  double centre, daily, load, noise;
  double usual_low, usual_high;        // normal range
  double critical_low, critical_high;  // where a fault of full size ends; equal to usual = none
};

constexpr Metric kMetrics[] = {
    {"bandwidth", 100, 9, 2, 1.2, 80, 120, 50, 200},
    {"latency", 11.5, 1.6, 0.4, 0.2, 8, 15, 8, 50},
    {"packet_loss", 0.04, 0.012, 0, 0.007, 0, 0.1, 0, 2},
    {"jitter", 1.2, 0.3, 0.05, 0.06, 0.5, 2, 0.5, 10},
    {"cpu_usage", 55, 8, 2, 0.9, 40, 70, 40, 90},
    {"memory_usage", 65, 6, 0, 0.4, 50, 80, 50, 95},
    {"error_rate", 0.004, 0.001, 0, 0.0006, 0, 0.01, 0, 0.1},
};
constexpr std::size_t kMetricCount = std::size(kMetrics);
constexpr double kTicksPerDay = 8'640;

std::size_t length_of(DwcpFaultKind kind, core::Rng& rng) {
  switch (kind) {
    case DwcpFaultKind::Spike:
      return 1 + rng.below(3);
    case DwcpFaultKind::Drop:
      return 10 + rng.below(10);
    case DwcpFaultKind::Step:
    case DwcpFaultKind::Ramp:
      break;
  }
  return 40 + rng.below(40);
}

}  // namespace

std::string_view to_string(DwcpFaultKind kind) {
  constexpr std::string_view kNames[] = {"spike", "step", "drop", "ramp"};
  return kNames[static_cast<std::size_t>(kind)];
}

DwcpSeries make_dwcp_series(const DwcpOptions& options) {
  core::Rng rng(options.seed);
  DwcpSeries out;
  for (const Metric& metric : kMetrics) out.table.metrics.emplace_back(metric.name);
  double load = 0;
  for (std::size_t k = 0; k < options.ticks; ++k) {
    const double day = std::sin(2 * std::numbers::pi * static_cast<double>(k) / kTicksPerDay);
    load = 0.95 * load + std::sqrt(1 - 0.95 * 0.95) * rng.normal();
    out.table.times.push_back({1'700'006'400'000 + static_cast<std::int64_t>(k) * 10'000});
    for (const Metric& m : kMetrics) {
      const double value = m.centre + m.daily * day + m.load * load + m.noise * rng.normal();
      out.table.values.push_back(std::max(value, 0.0));
    }
  }
  std::size_t first = options.clean_ticks + options.distance;
  for (std::size_t number = 0;; ++number) {
    const auto kind = static_cast<DwcpFaultKind>(number % 4);
    // Only bandwidth is wrong when it falls.
    const std::size_t metric = kind == DwcpFaultKind::Drop ? 0 : rng.below(kMetricCount);
    const std::size_t length = length_of(kind, rng);
    const DwcpFault fault{kind, metric, first, first + length - 1};
    if (fault.last + options.distance >= options.ticks) break;
    const Metric& m = kMetrics[metric];
    const double part = 0.5 + 0.5 * rng.uniform();
    const double target = kind == DwcpFaultKind::Drop
                              ? m.usual_low + part * (m.critical_low - m.usual_low)
                              : m.usual_high + part * (m.critical_high - m.usual_high);
    for (std::size_t r = fault.first; r <= fault.last; ++r) {
      double& value = out.table.values[r * kMetricCount + metric];
      const double grown = kind == DwcpFaultKind::Ramp ? static_cast<double>(r - fault.first + 1) /
                                                             static_cast<double>(length)
                                                       : 1.0;
      value += grown * (target - m.centre);
    }
    out.faults.push_back(fault);
    first = fault.last + options.distance + rng.below(options.distance / 8);
  }
  return out;
}

}  // namespace anomaly_exporter::support
