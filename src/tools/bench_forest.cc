#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/isolation_forest.h"
#include "anomaly_exporter/stats/vector_kernels.h"
#include "bench_data.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::size_t kFeatures = 8;
constexpr std::size_t kBatches = 512;

/// Vectors for `kBatches` batches, every one of them another.
std::vector<float> fresh_vectors(core::Rng& rng) {
  std::vector<float> vectors(kBatches * kFeatures * stats::kBatchLanes);
  for (float& value : vectors) value = static_cast<float>(rng.normal());
  return vectors;
}

/// Calls `score` for each batch. ns per vector.
template <class Score>
double ns_per_vector(const std::vector<float>& vectors, Score score) {
  const double begin = thread_cpu_ns();
  for (std::size_t b = 0; b < kBatches; ++b) {
    score(vectors.data() + b * kFeatures * stats::kBatchLanes);
  }
  return (thread_cpu_ns() - begin) / static_cast<double>(kBatches * stats::kBatchLanes);
}

core::Error nothing_scored() { return {core::ErrorCode::Internal, "the scores are all zero"}; }

}  // namespace

core::Result<double> measure_forest_batch(const BenchContext& context) {
  // Full trees of normal splits: the time does not depend on what the trees say.
  constexpr std::size_t kTrees = 100;
  constexpr std::size_t kDepth = 8;
  constexpr std::size_t kSplits = std::size_t{1} << kDepth;
  core::Rng rng(context.seed);
  std::vector<std::uint32_t> words(kTrees * 2 * kSplits);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto threshold = static_cast<float>(rng.normal());
    const bool is_leaf = i % (2 * kSplits) >= kSplits;
    words[i] = is_leaf ? static_cast<std::uint32_t>(rng.below(1U << 20))
                       : stats::split_word(threshold, rng.below(kFeatures));
  }
  const std::vector<float> vectors = fresh_vectors(rng);
  std::uint64_t total = 0;
  const double ns = ns_per_vector(vectors, [&](const float* batch) {
    std::array<std::uint32_t, stats::kBatchLanes> sums{};
    stats::vector_kernels().forest_paths({words.data(), kTrees, kDepth}, batch, sums.size(),
                                         sums.data());
    for (const std::uint32_t sum : sums) total += sum;
  });
  if (total == 0) return nothing_scored();
  return ns;
}

core::Result<double> measure_forest_train(const BenchContext& context) {
  constexpr std::size_t kTicks = 4096;
  constexpr std::size_t kRepeats = 5;
  auto detector = detectors::IsolationForest::create({}, {.metrics = 1, .window = 1000});
  if (!detector.ok()) return detector.error();
  core::Rng rng(context.seed);
  double spent = 0;
  for (std::size_t repeat = 0; repeat < kRepeats; ++repeat) {
    detectors::TrainingSet set{
        .metrics = 1, .interval = std::chrono::seconds(10), .parts = {}, .seed = rng.next()};
    set.parts.push_back({.first = {1'600'000'000'000}, .ticks = kTicks, .values = {}});
    for (std::size_t tick = 0; tick < kTicks; ++tick) {
      set.parts[0].values.push_back(static_cast<float>(rng.normal()));
    }
    const double begin = thread_cpu_ns();
    const auto fitted = (*detector)->fit(set, [](double) { return true; });
    spent += thread_cpu_ns() - begin;
    if (!fitted.ok()) return fitted.error();
  }
  return spent / kRepeats / 1e6;
}

core::Result<double> measure_svm_score(const BenchContext& context) {
  constexpr std::size_t kCentres = 110;
  core::Rng rng(context.seed);
  std::vector<float> centres(kCentres * kFeatures);
  for (float& value : centres) value = static_cast<float>(rng.normal());
  const std::vector<float> weights(kCentres, 0.5F);
  const std::vector<float> vectors = fresh_vectors(rng);
  float total = 0;
  const double ns = ns_per_vector(vectors, [&](const float* batch) {
    std::array<float, stats::kBatchLanes> sums{};
    stats::vector_kernels().radial_sums({centres.data(), weights.data(), kCentres, kFeatures},
                                        batch, sums.size(), sums.data());
    for (const float sum : sums) total += sum;
  });
  if (!(total > 0)) return nothing_scored();
  return ns;
}

}  // namespace anomaly_exporter::tools
