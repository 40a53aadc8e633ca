#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/seasonal_esd.h"
#include "anomaly_exporter/stats/esd.h"
#include "anomaly_exporter/stats/stl_plan.h"
#include "bench_data.h"
#include "bench_field.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {

namespace {

using series::kLanes;

double wave(double cycles) { return std::sin(2 * std::numbers::pi * cycles); }

/// Two weeks of a daily season of its own for every series.
void fill_profiles(DetectorField& field, std::size_t rows) {
  constexpr auto kSteps = static_cast<std::int64_t>(series::Profiles::kSteps);
  for (std::size_t row = 0; row < rows; ++row) {
    const double amplitude = 5 + field.rng().uniform();
    for (std::int64_t step = 0; step < kSteps; ++step) {
      const double value = static_cast<double>(row % kLanes) +
                           amplitude * wave(static_cast<double>(step) / 48) +
                           0.1 * field.rng().normal();
      field.profiles().fill(static_cast<series::Row>(row),
                            DetectorField::kStart - series::Profiles::kStep * (kSteps - step),
                            static_cast<float>(value));
    }
  }
}

}  // namespace

core::Result<double> measure_stl(const BenchContext& context) {
  constexpr std::size_t kSamples = 1000;
  constexpr std::size_t kPeriod = 60;
  constexpr std::size_t kSeries = 500;
  auto plan = stats::StlPlan::create(kSamples, {.period = kPeriod, .inner = 5});
  if (!plan.ok()) return plan.error();
  core::Rng rng(context.seed);
  std::vector<float> values(kSeries * kSamples);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(
        50 + 10 * wave(static_cast<double>(i) / static_cast<double>(kPeriod)) + rng.normal());
  }
  std::vector<float> scratch(plan->scratch_size());
  std::vector<float> seasonal(kSamples), trend(kSamples);
  const core::CpuLevel level = core::detected_cpu_level();
  const double begin = thread_cpu_ns();
  for (std::size_t s = 0; s < kSeries; ++s) {
    plan->decompose(std::span(values).subspan(s * kSamples, kSamples), scratch, seasonal, trend,
                    level);
  }
  return (thread_cpu_ns() - begin) / static_cast<double>(kSeries) / 1000.0;
}

core::Result<double> measure_esd(const BenchContext& context) {
  constexpr std::size_t kSamples = 1000;
  constexpr std::size_t kSeries = 2000;
  const stats::EsdTable table(kSamples, 10, 0.05);
  core::Rng rng(context.seed);
  std::vector<float> values(kSeries * kSamples);
  for (float& v : values) v = static_cast<float>(rng.normal());
  for (std::size_t s = 0; s < kSeries; ++s) {
    const auto row = std::span(values).subspan(s * kSamples, kSamples);
    for (std::size_t i = 0; i < rng.below(10); ++i) row[i] *= 10;
    std::ranges::sort(row);
  }
  std::size_t found = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t s = 0; s < kSeries; ++s) {
    found += stats::esd_outliers(std::span(values).subspan(s * kSamples, kSamples), table,
                                 stats::EsdForm::MedianMad)
                 .count;
  }
  const double taken = thread_cpu_ns() - begin;
  if (found == 0) {
    return core::Error{core::ErrorCode::Internal, "the test found none of the outliers"};
  }
  return taken / static_cast<double>(kSeries) / 1000.0;
}

core::Result<double> measure_seasonal_cold(const BenchContext& context) {
  auto detector = detectors::SeasonalEsd::create({}, {.metrics = 1, .window = FieldPlan::kWindow});
  if (!detector.ok()) return detector.error();
  FieldPlan plan{
      .blocks = 782,  // 50,048 series
      .templates = 8,
      .warm_up_ticks = 2 * detectors::SeasonalEsd::kSample,  // decomposed, samples full
      .value = [](std::size_t lane, series::TickIndex index, core::Rng& rng) {
        const double season = wave(static_cast<double>(index) / 8640);
        return static_cast<float>(static_cast<double>(lane) + 5.5 * season + rng.normal());
      }};
  DetectorField field(std::move(detector).value(), plan, context.seed);
  fill_profiles(field, plan.blocks * kLanes);
  if (auto status = field.warm_up(); !status.ok()) return status.error();
  return field.measure();
}

}  // namespace anomaly_exporter::tools
