#include <string_view>
#include <utility>

#include "anomaly_exporter/detectors/registry.h"
#include "bench_field.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {
namespace {

core::Result<double> measure_cold(std::string_view name, const detectors::DetectorOptions& options,
                                  std::uint64_t seed) {
  auto detector =
      detectors::create_detector(name, options, {.metrics = 1, .window = FieldPlan::kWindow});
  if (!detector.ok()) return detector.error();
  FieldPlan plan;
  plan.value = [](std::size_t lane, series::TickIndex, core::Rng& rng) {
    return static_cast<float>(static_cast<double>(lane) + rng.normal());
  };
  DetectorField field(std::move(detector).value(), plan, seed);
  if (auto status = field.warm_up(); !status.ok()) return status.error();
  return field.measure();
}

}  // namespace

core::Result<double> measure_zscore_cold(const BenchContext& context) {
  return measure_cold("zscore", {}, context.seed);
}

core::Result<double> measure_mad_cold(const BenchContext& context) {
  detectors::DetectorOptions options;
  options.mad.window = FieldPlan::kWindow;
  return measure_cold("mad", options, context.seed);
}

}  // namespace anomaly_exporter::tools
