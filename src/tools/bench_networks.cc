#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/autoencoder.h"
#include "anomaly_exporter/detectors/lstm_autoencoder.h"
#include "anomaly_exporter/series/windows.h"
#include "bench_data.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {

namespace {

using series::kLanes;
using series::LaneMask;

constexpr std::size_t kMetrics = 7;
constexpr std::size_t kWindow = 100;
constexpr std::size_t kMeasuredTicks = 200;
constexpr LaneMask kAllLanes = ~LaneMask{0};

/// A metric that swings with the others and is noisy.
float load(double tick, std::size_t metric, std::size_t entity, core::Rng& rng) {
  const double phase = 0.15 * tick + static_cast<double>(entity + metric);
  return static_cast<float>(100 + 20 * std::sin(phase) + rng.normal());
}

detectors::TrainingSet load_set(std::size_t parts, std::size_t ticks, std::uint64_t seed) {
  core::Rng rng(seed);
  detectors::TrainingSet set{.metrics = kMetrics, .interval = {}, .parts = {}, .seed = seed};
  for (std::size_t p = 0; p < parts; ++p) {
    detectors::TrainingPart part{.first = {}, .ticks = ticks, .values = {}};
    for (std::size_t t = 0; t < ticks; ++t) {
      for (std::size_t m = 0; m < kMetrics; ++m) {
        part.values.push_back(load(static_cast<double>(t), m, p, rng));
      }
    }
    set.parts.push_back(std::move(part));
  }
  return set;
}

/// Time of `score` for one block of 64 entities, fresh values at every tick, in us per entity.
core::Result<double> measure_block(detectors::Detector& detector, std::uint64_t seed) {
  auto fitted = detector.fit(load_set(2, 600, seed), [](double) { return true; });
  if (!fitted.ok()) return fitted.error();
  detector.adopt(fitted->model);
  detector.resize(1);
  series::Windows windows(kMetrics, kWindow);
  windows.resize(kLanes);
  detectors::VerdictColumns verdicts;
  verdicts.resize(kMetrics);
  std::vector<float> values(kMetrics * kLanes);
  const std::vector<float> floor(kMetrics * kLanes);
  const std::vector<LaneMask> present(kMetrics, kAllLanes);
  core::Rng rng(seed);
  double spent = 0;
  for (std::size_t t = 0; t < kWindow + kMeasuredTicks; ++t) {
    const auto index = static_cast<series::TickIndex>(t);
    windows.open(0, index, kAllLanes);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = load(static_cast<double>(t), i / kLanes, i % kLanes, rng);
      windows.write(0, i / kLanes, i % kLanes, index, values[i]);
    }
    const detectors::Tick tick{.time = {index * 10'000},
                               .index = index,
                               .block = 0,
                               .metrics = kMetrics,
                               .first_row = 0,
                               .active = kAllLanes,
                               .values = values,
                               .present = present,
                               .scale_floor = floor,
                               .windows = &windows};
    const double begin = thread_cpu_ns();
    detector.score(tick, verdicts);
    if (t >= kWindow) spent += thread_cpu_ns() - begin;
    detector.learn(tick, {.lanes = present});
    for (std::size_t m = 0; m < kMetrics; ++m) windows.mark_learned(0, m, index, kAllLanes);
  }
  return spent / static_cast<double>(kMeasuredTicks * kLanes) / 1000.0;
}

}  // namespace

core::Result<double> measure_lstm_batch(const BenchContext& context) {
  auto detector = detectors::LstmAutoencoder::create({.window = 10, .hidden = 32, .epochs = 1},
                                                     {.metrics = kMetrics, .window = kWindow});
  if (!detector.ok()) return detector.error();
  return measure_block(**detector, context.seed);
}

core::Result<double> measure_autoencoder_batch(const BenchContext& context) {
  auto detector = detectors::Autoencoder::create({}, {.metrics = kMetrics, .window = kWindow});
  if (!detector.ok()) return detector.error();
  return measure_block(**detector, context.seed);
}

core::Result<double> measure_lstm_train(const BenchContext& context) {
  // The network's sizes are the defaults; the step is seldom halved so early that ten passes end.
  auto detector = detectors::LstmAutoencoder::create({.window = 10, .hidden = 32, .epochs = 10},
                                                     {.metrics = kMetrics, .window = kWindow});
  if (!detector.ok()) return detector.error();
  const detectors::TrainingSet set = load_set(4, 2600, context.seed);  // 10,000 windows
  const double begin = thread_cpu_ns();
  auto fitted = (*detector)->fit(set, [](double) { return true; });
  const double spent = (thread_cpu_ns() - begin) / 1e9;
  if (!fitted.ok()) return fitted.error();
  return spent;
}

}  // namespace anomaly_exporter::tools
