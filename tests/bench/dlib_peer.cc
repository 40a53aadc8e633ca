// The decision function of a one-class machine of about 110 support vectors with 8 features, by
// dlib with vectors of run-time size, one vector after the other.
// usage: dlib_peer SEED -> ns per vector
#include <cstdio>
#include <cstdlib>
#include <vector>

// Header-only: dlib's test for a differing build of its library is left out.
#define DLIB_DISABLE_ASSERTS
#define DLIB_TEST_FOR_ODR_VIOLATIONS_H_
#include <dlib/svm/svm_one_class_trainer.h>

#include "anomaly_exporter/core/rng.h"
#include "bench_data.h"

int main(int argc, char** argv) {
  using namespace anomaly_exporter;
  using Vector = dlib::matrix<double, 0, 1>;
  constexpr long kFeatures = 8;
  constexpr std::size_t kVectors = 4096;
  core::Rng rng(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1);
  const auto draw = [&rng](std::size_t count) {
    std::vector<Vector> vectors(count, Vector(kFeatures));
    for (Vector& vector : vectors) {
      for (long f = 0; f < kFeatures; ++f) vector(f) = rng.normal();
    }
    return vectors;
  };
  using Kernel = dlib::radial_basis_kernel<Vector>;
  const auto machine =
      dlib::svm_one_class_trainer<Kernel>(Kernel(1.0 / kFeatures), 0.09).train(draw(1000));
  const auto vectors = draw(kVectors);
  double total = 0;
  const double begin = tools::thread_cpu_ns();
  for (const Vector& vector : vectors) total += machine(vector);
  const double spent = tools::thread_cpu_ns() - begin;
  const long support_vectors = machine.basis_vectors.size();
  if (support_vectors < 80 || support_vectors > 140 || total == 0) return 1;
  std::printf("%.6g\n", spent / static_cast<double>(kVectors));
  return 0;
}
