#include "svm_training.h"

#include <algorithm>
#include <cmath>

// dlib is used without its library, so there is no second build that could differ from this one,
// and its test for that by undefined symbols is left out.
#define DLIB_DISABLE_ASSERTS
#define DLIB_TEST_FOR_ODR_VIOLATIONS_H_
#include <dlib/svm/svm_one_class_trainer.h>

namespace anomaly_exporter::detectors {
namespace {

struct Stopped {};

/// Counts kernel evaluations, which is what most of the time goes into.
struct Pace {
  const std::function<bool(double)>* progress;
  std::size_t per_call;  ///< evaluations in about a millisecond
  double expected;       ///< evaluations until about two thirds are done
  std::size_t count = 0;

  void step() {
    if (++count % per_call != 0) return;
    const double done = 1.0 - std::exp(-static_cast<double>(count) / expected);
    if (!(*progress)(done)) throw Stopped{};  // caught where training was called
  }
};

/// The radial kernel over rows of a table, in the form dlib asks for. Samples are row numbers.
struct RowKernel {
  using scalar_type = double;
  using sample_type = unsigned long;
  using mem_manager_type = dlib::default_memory_manager;

  const VectorTable* table = nullptr;
  double gamma = 1;
  Pace* pace = nullptr;

  double operator()(const sample_type& a, const sample_type& b) const {
    pace->step();
    const float* x = table->values.data() + a * table->features;
    const float* y = table->values.data() + b * table->features;
    double square = 0;
    for (std::size_t f = 0; f < table->features; ++f) {
      const double away = static_cast<double>(x[f]) - static_cast<double>(y[f]);
      square += away * away;
    }
    return std::exp(-gamma * square);
  }
  bool operator==(const RowKernel& other) const {
    return table == other.table && gamma == other.gamma;
  }
};

}  // namespace

core::Result<SupportVectors> train_one_class(const VectorTable& table, double nu, double gamma,
                                             const std::function<bool(double)>& progress) {
  const auto rows = static_cast<double>(table.rows());
  constexpr std::size_t kFeaturesPerCall = 200'000;
  Pace pace{.progress = &progress,
            .per_call = std::max<std::size_t>(kFeaturesPerCall / (table.features + 8), 1),
            .expected = rows * rows};
  std::vector<unsigned long> samples(table.rows());
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = i;
  try {
    constexpr long kCacheMegabytes = 16;
    dlib::svm_one_class_trainer<RowKernel> trainer(RowKernel{&table, gamma, &pace},
                                                   std::min(1.0, std::max(nu, 1.0 / rows)));
    trainer.set_cache_size(kCacheMegabytes);
    const auto machine = trainer.train(samples);
    SupportVectors found{
        .vectors = {.values = {}, .features = table.features}, .weights = {}, .rho = machine.b};
    constexpr double kLeastWeight = 1e-12;
    for (long i = 0; i < machine.basis_vectors.size(); ++i) {
      if (machine.alpha(i) < kLeastWeight) continue;
      const float* row = table.values.data() + machine.basis_vectors(i) * table.features;
      found.vectors.values.insert(found.vectors.values.end(), row, row + table.features);
      found.weights.push_back(static_cast<float>(machine.alpha(i)));
    }
    return found;
  } catch (const Stopped&) {
    return core::Error{core::ErrorCode::Unavailable, "training was stopped"};
  }
}

}  // namespace anomaly_exporter::detectors
